/* Leaks a policy: shows that a tool that finds no leak would find one. */
#include <mtasts.h>

int main(void) {
    static const char body[] = "version: STSv1\nmode: none\nmax_age: 86400\n";
    mtasts_policy *policy = NULL;
    mtasts_result result = mtasts_policy_parse((const uint8_t *)body, sizeof body - 1, &policy);
    policy = NULL;
    return result == MTASTS_OK ? 0 : 1;
}
