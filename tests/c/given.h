/* Objects that the tests start from. */
#ifndef GIVEN_H
#define GIVEN_H

#include "check.h"

static const int64_t NOW = 1800000000;

#define DOMAIN "example.com"
#define RECORD "v=STSv1; id=20270115A;"
#define POLICY \
    "version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmx: *.mail.example.com\r\nmax_age: 604800\r\n"
#define TESTING_POLICY "version: STSv1\nmode: testing\nmx: mx.example.com\nmax_age: 86400\n"
#define NONE_POLICY "version: STSv1\nmode: none\nmax_age: 86400\n"

static inline mtasts_policy *given_policy(const char *body) {
    mtasts_policy *policy = NULL;
    CHECK_OK(mtasts_policy_parse((const uint8_t *)body, strlen(body), &policy));
    return policy;
}

static inline mtasts_problems *given_problems(const char *body) {
    mtasts_problems *problems = NULL;
    CHECK_OK(mtasts_problems_new((const uint8_t *)body, strlen(body), &problems));
    return problems;
}

/* An RRset of one record, or of none if `record` is NULL. */
static inline mtasts_txt *given_txt(const char *record) {
    mtasts_txt *txt = NULL;
    CHECK_OK(mtasts_txt_new(&txt));
    if (record) CHECK_OK(mtasts_txt_add(txt, record, strlen(record)));
    return txt;
}

static inline mtasts_tlsrpt *given_tlsrpt(const char *record) {
    mtasts_txt *txt = given_txt(record);
    mtasts_tlsrpt *tlsrpt = NULL;
    CHECK_OK(mtasts_tlsrpt_parse(txt, &tlsrpt));
    mtasts_txt_free(txt);
    return tlsrpt;
}

static inline mtasts_config *given_config(void) {
    mtasts_config *config = NULL;
    CHECK_OK(mtasts_config_new(&config));
    return config;
}

static inline mtasts_lookup *given_lookup(const mtasts_entry *cached, mtasts_intent intent, int64_t now) {
    mtasts_lookup *lookup = NULL;
    CHECK_OK(mtasts_lookup_new(TEXT(DOMAIN), cached, intent, NULL, now, &lookup));
    return lookup;
}

static inline mtasts_want want_of(const mtasts_lookup *lookup) {
    mtasts_want want = MTASTS_WANT_FAILED;
    CHECK_OK(mtasts_lookup_want(lookup, &want));
    return want;
}

static inline mtasts_decision decision_of(const mtasts_lookup *lookup) {
    mtasts_decision decision = MTASTS_DECISION_UNKNOWN;
    CHECK_OK(mtasts_lookup_decision(lookup, &decision));
    return decision;
}

static inline void answer_txt(mtasts_lookup *lookup, const char *record, int64_t now) {
    CHECK_OK(mtasts_lookup_txt_record(lookup, record, strlen(record)));
    CHECK_OK(mtasts_lookup_txt_end(lookup, MTASTS_TXT_RECORDS, now));
}

static inline void answer_head(mtasts_lookup *lookup, int64_t now) {
    mtasts_answer more = MTASTS_UNKNOWN;
    CHECK_OK(mtasts_lookup_https_field(lookup, TEXT("Content-Type"), TEXT("text/plain; charset=utf-8")));
    CHECK_OK(mtasts_lookup_https_head(lookup, 200, now, &more));
    CHECK_NUMBER(more, MTASTS_YES);
}

static inline void answer_https(mtasts_lookup *lookup, const char *body, int64_t now) {
    mtasts_answer more = MTASTS_UNKNOWN;
    answer_head(lookup, now);
    CHECK_OK(mtasts_lookup_https_body(lookup, (const uint8_t *)body, strlen(body), now, &more));
    CHECK_NUMBER(more, MTASTS_YES);
    CHECK_OK(mtasts_lookup_https_end(lookup, now));
}

/* A lookup that wants the policy, with the head taken already or not. */
static inline mtasts_lookup *given_fetching(bool head) {
    mtasts_lookup *lookup = given_lookup(NULL, MTASTS_INTENT_DELIVER, NOW);
    answer_txt(lookup, RECORD, NOW);
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_HTTPS);
    if (head) answer_head(lookup, NOW);
    return lookup;
}

/* A lookup that has ended with a policy. */
static inline mtasts_lookup *given_ended(void) {
    mtasts_lookup *lookup = given_lookup(NULL, MTASTS_INTENT_DELIVER, NOW);
    answer_txt(lookup, RECORD, NOW);
    answer_https(lookup, POLICY, NOW);
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_NOTHING);
    return lookup;
}

/* A lookup that has ended with a failed fetch, and held nothing before. */
static inline mtasts_lookup *given_failed(mtasts_failure why) {
    mtasts_lookup *lookup = given_fetching(false);
    CHECK_OK(mtasts_lookup_https_failed(lookup, why, NOW));
    return lookup;
}

/* What the cache holds after a lookup that ended at NOW; nothing was cached before. */
static inline mtasts_entry *entry_after(mtasts_lookup *lookup) {
    mtasts_entry *entry = NULL;
    CHECK_OK(mtasts_lookup_apply(lookup, NULL, NOW, &entry));
    mtasts_lookup_free(lookup);
    return entry;
}

static inline mtasts_entry *given_entry(void) { return entry_after(given_ended()); }

/* All that a mail server does for one message, from nothing cached to a warm cache: with a policy,
 * and with the record for reports. `host` is the MX host that the policy permits. */
static inline void whole_delivery(const char *host) {
    char body[256];
    uint8_t octets[1024];
    size_t need = 0;
    mtasts_entry *decoded = NULL;
    mtasts_policy *policy = NULL;
    mtasts_answer permitted = MTASTS_UNKNOWN;
    mtasts_str text = {NULL, 0};
    snprintf(body, sizeof body, "version: STSv1\nmode: enforce\nmx: %s\nmax_age: 86400\n", host);

    mtasts_lookup *lookup = given_lookup(NULL, MTASTS_INTENT_DELIVER, NOW);
    CHECK_OK(mtasts_lookup_txt_name(lookup, &text));
    answer_txt(lookup, RECORD, NOW);
    CHECK_OK(mtasts_lookup_https_url(lookup, &text));
    CHECK_TEXT(text, "https://mta-sts." DOMAIN "/.well-known/mta-sts.txt");
    answer_https(lookup, body, NOW);
    CHECK_NUMBER(decision_of(lookup), MTASTS_DECISION_ENFORCE);

    mtasts_entry *entry = entry_after(lookup);
    CHECK_OK(mtasts_entry_encode(entry, octets, sizeof octets, &need));
    mtasts_entry_free(entry);
    CHECK_OK(mtasts_entry_decode(octets, need, TEXT(DOMAIN), &decoded));
    lookup = given_lookup(decoded, MTASTS_INTENT_DELIVER, NOW + 60);
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_NOTHING);
    CHECK_OK(mtasts_lookup_policy(lookup, &policy));
    mtasts_lookup_free(lookup);
    mtasts_entry_free(decoded);
    CHECK_OK(mtasts_policy_permits_mx(policy, host, strlen(host), &permitted));
    CHECK_NUMBER(permitted, MTASTS_YES);
    CHECK_OK(mtasts_policy_mx(policy, 0, &text));
    CHECK_TEXT(text, host);
    mtasts_policy_free(policy);

    mtasts_tlsrpt *tlsrpt = given_tlsrpt("v=TLSRPTv1; rua=mailto:tls@example.com");
    CHECK_OK(mtasts_tlsrpt_rua(tlsrpt, 0, &text));
    CHECK_TEXT(text, "mailto:tls@example.com");
    mtasts_tlsrpt_free(tlsrpt);
}

#endif
