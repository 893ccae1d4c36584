/* hello POLICY-FILE MX-HOST: may mail go to this host? */
#include <mtasts.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    static unsigned char body[65537]; /* one more than a policy may have: too large is seen, not cut */
    mtasts_policy *policy = NULL;
    mtasts_answer permitted = MTASTS_UNKNOWN;

    if (argc != 3 || mtasts_abi() != MTASTS_ABI)
        return 64;
    FILE *file = fopen(argv[1], "rb");
    if (!file) {
        perror(argv[1]);
        return 64;
    }
    size_t len = fread(body, 1, sizeof body, file);
    int unread = ferror(file);
    fclose(file);

    mtasts_result result = mtasts_policy_parse(body, len, &policy);
    if (!unread && result == MTASTS_OK)
        result = mtasts_policy_permits_mx(policy, argv[2], strlen(argv[2]), &permitted);
    mtasts_policy_free(policy);

    printf("%s: %s (%s)\n", argv[2], mtasts_answer_name(permitted).data, mtasts_result_name(result).data);
    return permitted == MTASTS_YES ? 0 : 1; /* unknown is not yes */
}
