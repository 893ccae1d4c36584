/* Does what the lines on standard input say, with one client, and says what came. */
#include "client.h"

#include <stdlib.h>

static const char *answer_word(mtasts_answer answer) { return mtasts_answer_name(answer).data; }

static void show(const char *domain, const mtasts_ruling *ruling) {
    char mx[310];
    mtasts_str reason = {NULL, 0};
    mtasts_answer own = MTASTS_UNKNOWN, confirms = MTASTS_UNKNOWN;
    mtasts_policy *policy = NULL;
    size_t patterns = 0;
    snprintf(mx, sizeof mx, "mx.%s", domain);
    CHECK_OK(mtasts_ruling_reason(ruling, &reason));
    CHECK(is_safe_text(reason));
    CHECK_OK(mtasts_ruling_permits_mx(ruling, mx, strlen(mx), &own));
    CHECK_OK(mtasts_ruling_confirms_bounce(ruling, &confirms));
    if (mtasts_ruling_policy(ruling, &policy) == MTASTS_OK) CHECK_OK(mtasts_policy_mx_count(policy, &patterns));
    mtasts_policy_free(policy);
    printf("%s %s mx=%s patterns=%zu bounce=%s\n", mtasts_decision_name(ruled(ruling)).data, reason.data,
           answer_word(own), patterns, answer_word(confirms));
}

/* "ask DOMAIN", "start DOMAIN" (which goes on by itself) or "bounce DOMAIN". */
void obey(const char *socket) {
    char command[16], domain[300];
    deadline = 3000;
    mtasts_client *client = client_at(socket);
    while (scanf("%15s %299s", command, domain) == 2) {
        mtasts_ruling *ruling = NULL;
        mtasts_str problem = {NULL, 0};
        mtasts_result result;
        if (strcmp(command, "bounce") == 0)
            result = mtasts_client_ask(client, domain, strlen(domain), MTASTS_INTENT_BEFORE_BOUNCE, &ruling);
        else
            result = ask(client, domain, strcmp(command, "ask") == 0, &ruling);
        if (result == MTASTS_OK)
            show(domain, ruling);
        else if (mtasts_client_problem(client, &problem) == MTASTS_OK && is_safe_text(problem))
            printf("%s %s\n", mtasts_result_name(result).data, problem.data);
        else
            printf("%s\n", mtasts_result_name(result).data);
        fflush(stdout);
        mtasts_ruling_free(ruling);
    }
    mtasts_client_free(client);
}
