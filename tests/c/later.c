/* A program of today that meets a later library.
 *
 *   later today   uses what the two have in common, and prints the same with both
 *   later new     gets numbers that it does not know, and takes them for the worst
 */
#include <mtasts.h>
#include <stdio.h>
#include <string.h>

static const int64_t NOW = 1800000000;

/* As the header's conventions have it: an unknown number means that the message is deferred. */
static const char *act_on(mtasts_decision decision) {
    switch (decision) {
    case MTASTS_DECISION_NO_POLICY: return "deliver";
    case MTASTS_DECISION_TESTING: return "deliver and report";
    case MTASTS_DECISION_ENFORCE: return "deliver to permitted hosts";
    default: return "defer";
    }
}

static const char *explain(mtasts_failure failure) {
    switch (failure) {
    case MTASTS_FAILURE_CONNECT: return "no connection";
    case MTASTS_FAILURE_TIMEOUT: return "time-out";
    default: return "a failure that this program does not know";
    }
}

static int look_up(const char *body, mtasts_failure why) {
    static const char domain[] = "example.com", record[] = "v=STSv1; id=1;";
    mtasts_lookup *lookup = NULL;
    mtasts_decision decision = MTASTS_DECISION_UNKNOWN;
    mtasts_failure failure = 0;
    mtasts_answer more = MTASTS_UNKNOWN;
    mtasts_policy *policy = NULL;
    if (mtasts_lookup_new(domain, sizeof domain - 1, NULL, MTASTS_INTENT_DELIVER, NULL, NOW, &lookup) != MTASTS_OK ||
        mtasts_lookup_txt_record(lookup, record, sizeof record - 1) != MTASTS_OK ||
        mtasts_lookup_txt_end(lookup, MTASTS_TXT_RECORDS, NOW) != MTASTS_OK)
        return 1;
    if (body == NULL) {
        if (mtasts_lookup_https_failed(lookup, why, NOW) != MTASTS_OK) return 1;
    } else if (mtasts_lookup_https_head(lookup, 200, NOW, &more) != MTASTS_OK || more != MTASTS_YES ||
               mtasts_lookup_https_body(lookup, (const uint8_t *)body, strlen(body), NOW, &more) != MTASTS_OK ||
               mtasts_lookup_https_end(lookup, NOW) != MTASTS_OK) {
        return 1;
    }
    if (mtasts_lookup_decision(lookup, &decision) != MTASTS_OK) return 1;
    printf("%s", act_on(decision));
    if (mtasts_lookup_failure(lookup, &failure) == MTASTS_OK) printf(": %s", explain(failure));
    if (mtasts_lookup_policy(lookup, &policy) == MTASTS_OK) {
        mtasts_str pattern;
        if (mtasts_policy_mx(policy, 0, &pattern) == MTASTS_OK) printf(": %s", pattern.data);
        mtasts_policy_free(policy);
    }
    printf("\n");
    mtasts_lookup_free(lookup);
    return 0;
}

int main(int argc, char **argv) {
    if (mtasts_abi() != MTASTS_ABI || !mtasts_version_check(MTASTS_VERSION_MAJOR, MTASTS_VERSION_MINOR)) return 1;
    if (argc == 2 && strcmp(argv[1], "today") == 0)
        return look_up("version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n", 0) ||
               look_up("version: STSv1\nmode: none\nmax_age: 86400\n", 0) || look_up(NULL, MTASTS_FAILURE_CONNECT);
    if (argc == 2 && strcmp(argv[1], "new") == 0)
        return look_up("version: STSv1\nmode: testing\nmx: mx.example.com\nmax_age: 86400\n", 0) ||
               look_up(NULL, MTASTS_FAILURE_TIMEOUT);
    return 64;
}
