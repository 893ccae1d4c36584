#include <mtasts.h>
#include <string.h>

/* The mail server's own. False: the answer could not be handed in. */
bool answer_txt(mtasts_lookup *lookup);
bool answer_https(mtasts_lookup *lookup);

mtasts_decision decide(const char *domain, int64_t now)
{
    mtasts_decision decision = MTASTS_DECISION_UNKNOWN; /* so defer */
    mtasts_want want = MTASTS_WANT_FAILED;
    mtasts_lookup *lookup = NULL;

    if (mtasts_lookup_new(domain, strlen(domain), NULL,
                          MTASTS_INTENT_DELIVER, NULL, now,
                          &lookup) == MTASTS_E_DOMAIN)
        return MTASTS_DECISION_NO_POLICY;
    while (mtasts_lookup_want(lookup, &want) == MTASTS_OK) {
        if (want == MTASTS_WANT_TXT && answer_txt(lookup))
            continue;
        if (want == MTASTS_WANT_HTTPS && answer_https(lookup))
            continue;
        if (want == MTASTS_WANT_NOTHING)
            mtasts_lookup_decision(lookup, &decision);
        break;
    }
    mtasts_lookup_free(lookup);
    return decision;
}
