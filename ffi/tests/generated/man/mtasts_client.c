#include <mtasts.h>
#include <string.h>

/* May mail for the domain go to this MX host? MTASTS_UNKNOWN: defer. */
mtasts_answer may_deliver(mtasts_client *client, const char *domain,
                          const char *mx_host, bool *verify_tls)
{
    mtasts_decision decision = MTASTS_DECISION_UNKNOWN;
    mtasts_answer permitted = MTASTS_UNKNOWN;
    mtasts_ruling *ruling = NULL;
    mtasts_result result;

    *verify_tls = false;
    result = mtasts_client_ask(client, domain, strlen(domain),
                               MTASTS_INTENT_DELIVER, &ruling);
    if (result == MTASTS_E_DOMAIN)
        return MTASTS_YES; /* an address literal, for example */
    mtasts_ruling_decision(ruling, &decision);
    if (decision == MTASTS_DECISION_ENFORCE) {
        *verify_tls = true;
        mtasts_ruling_permits_mx(ruling, mx_host, strlen(mx_host),
                                 &permitted);
    } else if (decision == MTASTS_DECISION_NO_POLICY ||
               decision == MTASTS_DECISION_TESTING) {
        permitted = MTASTS_YES;
    }
    mtasts_ruling_free(ruling);
    return permitted; /* with DANE, see ffi/examples/ask.c */
}
