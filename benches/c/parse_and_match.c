/* Reads a policy, matches a host and frees the policy, so many times: what is counted beside the
 * same in Rust.   parse_and_match POLICY MX-HOST TIMES */
#include <mtasts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mtasts_answer parse_and_match(const char *text, size_t text_len, const char *host, size_t host_len) {
    mtasts_answer permitted = MTASTS_UNKNOWN;
    mtasts_policy *policy = NULL;
    if (mtasts_policy_parse((const uint8_t *)text, text_len, &policy) == MTASTS_OK) {
        mtasts_policy_permits_mx(policy, host, host_len, &permitted);
        mtasts_policy_free(policy);
    }
    return permitted;
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s POLICY MX-HOST TIMES\n", argv[0]);
        return 64;
    }
    size_t text_len = strlen(argv[1]), host_len = strlen(argv[2]);
    for (unsigned long left = strtoul(argv[3], NULL, 10); left > 0; left--)
        if (parse_and_match(argv[1], text_len, argv[2], host_len) != MTASTS_YES) return 1;
    return 0;
}
