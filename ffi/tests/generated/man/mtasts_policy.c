#include <mtasts.h>
#include <stdio.h>

void show_patterns(const uint8_t *body, size_t body_len)
{
    mtasts_policy *policy = NULL;
    mtasts_str pattern;
    size_t i = 0;

    mtasts_policy_parse(body, body_len, &policy);
    while (mtasts_policy_mx(policy, i++, &pattern) == MTASTS_OK)
        puts(pattern.data);
    mtasts_policy_free(policy);
}
