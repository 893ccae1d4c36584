/* What lookups and cache entries answer. */
#include "api.h"

#include <stdlib.h>

static int64_t time_of(mtasts_result (*ask)(const mtasts_entry *, int64_t *), const mtasts_entry *entry) {
    int64_t at = -1;
    CHECK_OK(ask(entry, &at));
    return at;
}

static void a_cold_lookup_asks_dns_and_https(void) {
    mtasts_lookup *lookup = NULL;
    mtasts_str text = {NULL, 0};
    mtasts_answer more = MTASTS_UNKNOWN;
    CHECK_OK(mtasts_lookup_new(TEXT("Example.COM."), NULL, MTASTS_INTENT_DELIVER, NULL, NOW, &lookup));
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_TXT);
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_TXT);
    CHECK_OK(mtasts_lookup_txt_name(lookup, &text));
    CHECK_TEXT(text, "_mta-sts.example.com.");
    mtasts_decision decision = MTASTS_DECISION_UNKNOWN;
    CHECK_RESULT(mtasts_lookup_decision(lookup, &decision), MTASTS_E_OUT_OF_TURN);

    CHECK_OK(mtasts_lookup_txt_record(lookup, TEXT("v=spf1 -all")));
    CHECK_OK(mtasts_lookup_txt_rdata(lookup, OCTETS("\x16v=STSv1; id=20270115A;")));
    CHECK_OK(mtasts_lookup_txt_end(lookup, MTASTS_TXT_RECORDS, NOW));
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_HTTPS);
    mtasts_str host = {NULL, 0}, url = {NULL, 0};
    CHECK_OK(mtasts_lookup_https_host(lookup, &host));
    CHECK_OK(mtasts_lookup_https_url(lookup, &url));
    CHECK_TEXT(host, "mta-sts.example.com");
    CHECK_TEXT(url, "https://mta-sts.example.com/.well-known/mta-sts.txt");

    CHECK_OK(mtasts_lookup_https_field(lookup, TEXT("Server"), TEXT("x")));
    CHECK_OK(mtasts_lookup_https_field(lookup, TEXT("CONTENT-TYPE"), TEXT("text/plain")));
    CHECK_OK(mtasts_lookup_https_head(lookup, 200, NOW + 1, &more));
    CHECK_NUMBER(more, MTASTS_YES);
    /* The body in pieces of one octet, and an empty piece. */
    const uint8_t *body = (const uint8_t *)POLICY;
    for (size_t i = 0; i < sizeof POLICY - 1; i++) {
        more = MTASTS_UNKNOWN;
        CHECK_OK(mtasts_lookup_https_body(lookup, body + i, 1, NOW + 1, &more));
        CHECK_NUMBER(more, MTASTS_YES);
    }
    CHECK_OK(mtasts_lookup_https_body(lookup, NULL, 0, NOW + 1, &more));
    CHECK_OK(mtasts_lookup_https_end(lookup, NOW + 2));
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_NOTHING);
    /* The texts live as long as the lookup, though they are not wanted any more. */
    CHECK_TEXT(text, "_mta-sts.example.com.");
    CHECK_TEXT(host, "mta-sts.example.com");
    CHECK_TEXT(url, "https://mta-sts.example.com/.well-known/mta-sts.txt");

    CHECK_NUMBER(decision_of(lookup), MTASTS_DECISION_ENFORCE);
    mtasts_cache cache = 0;
    CHECK_OK(mtasts_lookup_cache(lookup, &cache));
    CHECK_NUMBER(cache, MTASTS_CACHE_FETCHED);
    mtasts_failure failure = 0;
    mtasts_tlsrpt_result result = 0;
    uint64_t ends_in = 0;
    int64_t next = 0;
    mtasts_answer confirms = MTASTS_UNKNOWN;
    CHECK_RESULT(mtasts_lookup_failure(lookup, &failure), MTASTS_E_ABSENT);
    CHECK_RESULT(mtasts_lookup_failure_text(lookup, &text), MTASTS_E_ABSENT);
    CHECK_RESULT(mtasts_lookup_tlsrpt_result(lookup, &result), MTASTS_E_ABSENT);
    CHECK_RESULT(mtasts_lookup_alert(lookup, &ends_in), MTASTS_E_ABSENT);
    CHECK_OK(mtasts_lookup_next_check(lookup, &next));
    CHECK_NUMBER(next, NOW + 2 + 300);
    CHECK_OK(mtasts_lookup_confirms_bounce(lookup, &confirms));
    CHECK_NUMBER(confirms, MTASTS_NO);

    /* The policy and the entry outlive the lookup. */
    mtasts_policy *policy = NULL;
    mtasts_entry *entry = NULL;
    CHECK_OK(mtasts_lookup_policy(lookup, &policy));
    CHECK_OK(mtasts_lookup_apply(lookup, NULL, NOW + 3, &entry));
    mtasts_lookup_free(lookup);
    mtasts_answer permitted = MTASTS_UNKNOWN;
    CHECK_OK(mtasts_policy_permits_mx(policy, TEXT("mx.example.com"), &permitted));
    CHECK_NUMBER(permitted, MTASTS_YES);
    CHECK_OK(mtasts_entry_domain(entry, &text));
    CHECK_TEXT(text, "example.com");
    mtasts_policy_free(policy);
    mtasts_entry_free(entry);
}

static void every_mode_has_its_decision(void) {
    static const struct {
        const char *body;
        mtasts_decision decision;
    } modes[] = {{POLICY, MTASTS_DECISION_ENFORCE},
                 {TESTING_POLICY, MTASTS_DECISION_TESTING},
                 {NONE_POLICY, MTASTS_DECISION_NO_POLICY}};
    for (size_t i = 0; i < 3; i++) {
        mtasts_lookup *lookup = given_lookup(NULL, MTASTS_INTENT_DELIVER, NOW);
        answer_txt(lookup, RECORD, NOW);
        answer_https(lookup, modes[i].body, NOW);
        CHECK_NUMBER(decision_of(lookup), modes[i].decision);
        mtasts_policy *policy = NULL;
        if (modes[i].decision == MTASTS_DECISION_NO_POLICY) {
            CHECK_RESULT(mtasts_lookup_policy(lookup, &policy), MTASTS_E_ABSENT);
        } else {
            CHECK_OK(mtasts_lookup_policy(lookup, &policy));
        }
        mtasts_policy_free(policy);
        mtasts_lookup_free(lookup);
    }
}

static void every_failure_of_a_fetch_is_told(void) {
    static const mtasts_failure reported[] = {MTASTS_FAILURE_CERTIFICATE, MTASTS_FAILURE_CONNECT, MTASTS_FAILURE_DNS,
                                              MTASTS_FAILURE_HTTP,        MTASTS_FAILURE_INCOMPLETE,
                                              MTASTS_FAILURE_NOT_ALLOWED, MTASTS_FAILURE_NOT_TRIED,
                                              MTASTS_FAILURE_TIMEOUT,     MTASTS_FAILURE_TLS};
    for (size_t i = 0; i < sizeof reported / sizeof *reported; i++) {
        mtasts_lookup *lookup = given_failed(reported[i]);
        mtasts_failure failure = 0;
        mtasts_str text = {NULL, 0};
        mtasts_cache cache = 0;
        mtasts_tlsrpt_result result = 0;
        CHECK_OK(mtasts_lookup_failure(lookup, &failure));
        CHECK_NUMBER(failure, reported[i]);
        CHECK_OK(mtasts_lookup_failure_text(lookup, &text));
        CHECK(is_safe_text(text) && text.len > 0);
        CHECK_NUMBER(decision_of(lookup), MTASTS_DECISION_NO_POLICY);
        CHECK_OK(mtasts_lookup_cache(lookup, &cache));
        /* What was not tried says nothing about the policy host. */
        bool tried = reported[i] != MTASTS_FAILURE_NOT_TRIED;
        CHECK_NUMBER(cache, tried ? MTASTS_CACHE_FAILED : MTASTS_CACHE_KEEP);
        CHECK_RESULT(mtasts_lookup_tlsrpt_result(lookup, &result), tried ? MTASTS_OK : MTASTS_E_ABSENT);
        if (tried)
            CHECK_NUMBER(result, reported[i] == MTASTS_FAILURE_CERTIFICATE ? MTASTS_TLSRPT_STS_WEBPKI_INVALID
                                                                            : MTASTS_TLSRPT_STS_POLICY_FETCH_ERROR);
        mtasts_lookup_free(lookup);
    }
}

/* What the library finds itself: the status, the fields and the body. */
static void a_bad_response_is_found(void) {
    static const struct {
        uint32_t status;
        const char *name, *value;
        mtasts_failure failure;
    } heads[] = {{404, "x", "y", MTASTS_FAILURE_STATUS},
                 {301, "Location", "https://example.net/", MTASTS_FAILURE_STATUS},
                 {200, "content-type", "text/html", MTASTS_FAILURE_MEDIA_TYPE},
                 {200, "Content-Encoding", "gzip", MTASTS_FAILURE_ENCODING}};
    mtasts_failure failure = 0;
    mtasts_answer more = MTASTS_UNKNOWN;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        mtasts_lookup *lookup = given_fetching(false);
        CHECK_OK(mtasts_lookup_https_field(lookup, heads[i].name, strlen(heads[i].name), heads[i].value,
                                           strlen(heads[i].value)));
        CHECK_OK(mtasts_lookup_https_head(lookup, heads[i].status, NOW, &more));
        CHECK_NUMBER(more, MTASTS_NO);
        CHECK_NUMBER(want_of(lookup), MTASTS_WANT_NOTHING);
        CHECK_OK(mtasts_lookup_failure(lookup, &failure));
        CHECK_NUMBER(failure, heads[i].failure);
        mtasts_lookup_free(lookup);
    }

    mtasts_lookup *lookup = given_lookup(NULL, MTASTS_INTENT_DELIVER, NOW);
    mtasts_tlsrpt_result result = 0;
    answer_txt(lookup, RECORD, NOW);
    answer_https(lookup, "version: STSv2\n", NOW);
    CHECK_OK(mtasts_lookup_failure(lookup, &failure));
    CHECK_NUMBER(failure, MTASTS_FAILURE_POLICY);
    CHECK_OK(mtasts_lookup_tlsrpt_result(lookup, &result));
    CHECK_NUMBER(result, MTASTS_TLSRPT_STS_POLICY_INVALID);
    mtasts_lookup_free(lookup);

    /* One octet over the limit. */
    lookup = given_fetching(true);
    uint8_t *octets = calloc(65536, 1);
    CHECK_OK(mtasts_lookup_https_body(lookup, octets, 65536, NOW, &more));
    CHECK_NUMBER(more, MTASTS_YES);
    CHECK_OK(mtasts_lookup_https_body(lookup, octets, 1, NOW, &more));
    CHECK_NUMBER(more, MTASTS_NO);
    CHECK_OK(mtasts_lookup_failure(lookup, &failure));
    CHECK_NUMBER(failure, MTASTS_FAILURE_TOO_LARGE);
    free(octets);
    mtasts_lookup_free(lookup);
}

/* What DNS says, without and with a live policy. */
static void dns_answers(void) {
    static const struct {
        mtasts_txt_status status;
        const char *first, *second;
        mtasts_failure failure, failure_with_policy;
    } answers[] = {
        {MTASTS_TXT_ABSENT, NULL, NULL, 0, MTASTS_FAILURE_NO_RECORD},
        {MTASTS_TXT_RECORDS, NULL, NULL, 0, MTASTS_FAILURE_NO_RECORD},
        {MTASTS_TXT_RECORDS, "v=spf1 -all", NULL, 0, MTASTS_FAILURE_NO_RECORD},
        {MTASTS_TXT_TEMPFAIL, NULL, NULL, MTASTS_FAILURE_DNS_TEMPORARY, MTASTS_FAILURE_DNS_TEMPORARY},
        {MTASTS_TXT_TEMPFAIL, RECORD, NULL, MTASTS_FAILURE_DNS_TEMPORARY, MTASTS_FAILURE_DNS_TEMPORARY},
        {MTASTS_TXT_RECORDS, RECORD, RECORD, MTASTS_FAILURE_SEVERAL_RECORDS, MTASTS_FAILURE_SEVERAL_RECORDS},
        {MTASTS_TXT_RECORDS, "v=STSv1; id=;", NULL, MTASTS_FAILURE_RECORD, MTASTS_FAILURE_RECORD}};
    mtasts_entry *entry = given_entry();
    for (size_t i = 0; i < 2 * sizeof answers / sizeof *answers; i++) {
        bool live = i % 2;
        mtasts_failure expected = live ? answers[i / 2].failure_with_policy : answers[i / 2].failure, failure = 0;
        mtasts_tlsrpt_result result = 0;
        mtasts_lookup *lookup = given_lookup(live ? entry : NULL, MTASTS_INTENT_DELIVER, NOW + 1000);
        CHECK_NUMBER(want_of(lookup), MTASTS_WANT_TXT);
        const char *records[] = {answers[i / 2].first, answers[i / 2].second};
        for (int j = 0; j < 2; j++)
            if (records[j]) CHECK_OK(mtasts_lookup_txt_record(lookup, records[j], strlen(records[j])));
        CHECK_OK(mtasts_lookup_txt_end(lookup, answers[i / 2].status, NOW + 1001));
        CHECK_NUMBER(want_of(lookup), MTASTS_WANT_NOTHING);
        CHECK_NUMBER(decision_of(lookup), live ? MTASTS_DECISION_ENFORCE : MTASTS_DECISION_NO_POLICY);
        CHECK_RESULT(mtasts_lookup_failure(lookup, &failure), expected ? MTASTS_OK : MTASTS_E_ABSENT);
        CHECK_NUMBER(failure, expected);
        CHECK_RESULT(mtasts_lookup_tlsrpt_result(lookup, &result), live ? MTASTS_OK : MTASTS_E_ABSENT);
        mtasts_cache cache = 0;
        CHECK_OK(mtasts_lookup_cache(lookup, &cache));
        CHECK_NUMBER(cache, live ? MTASTS_CACHE_CHECKED : MTASTS_CACHE_KEEP);
        mtasts_lookup_free(lookup);
    }
    mtasts_entry_free(entry);
}

static void a_warm_lookup_wants_nothing(void) {
    mtasts_entry *entry = given_entry(), *held = NULL;
    mtasts_lookup *lookup = given_lookup(entry, MTASTS_INTENT_DELIVER, NOW + 299);
    mtasts_cache cache = 0;
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_NOTHING);
    CHECK_NUMBER(decision_of(lookup), MTASTS_DECISION_ENFORCE);
    CHECK_OK(mtasts_lookup_cache(lookup, &cache));
    CHECK_NUMBER(cache, MTASTS_CACHE_KEEP);
    CHECK_RESULT(mtasts_lookup_apply(lookup, NULL, NOW + 299, &held), MTASTS_E_ABSENT);
    CHECK_OK(mtasts_lookup_apply(lookup, entry, NOW + 299, &held));
    mtasts_entry_free(held);
    mtasts_lookup_free(lookup);

    /* The cached decision stands before DNS has answered. */
    lookup = given_lookup(entry, MTASTS_INTENT_DELIVER, NOW + 300);
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_TXT);
    CHECK_NUMBER(decision_of(lookup), MTASTS_DECISION_ENFORCE);
    mtasts_policy *policy = NULL;
    CHECK_OK(mtasts_lookup_policy(lookup, &policy));
    mtasts_policy_free(policy);
    answer_txt(lookup, RECORD, NOW + 301);
    CHECK_OK(mtasts_lookup_apply(lookup, entry, NOW + 301, &held));
    CHECK_NUMBER(time_of(mtasts_entry_checked_at, held), NOW + 301);
    CHECK_NUMBER(time_of(mtasts_entry_fetched_at, held), NOW);
    mtasts_entry_free(held);
    mtasts_lookup_free(lookup);

    /* With a setting of 0, DNS is asked at each delivery; the settings may be freed at once. */
    mtasts_config *config = given_config();
    CHECK_OK(mtasts_config_set(config, MTASTS_OPTION_RECHECK_AFTER, 0));
    CHECK_OK(mtasts_lookup_new(TEXT(DOMAIN), entry, MTASTS_INTENT_DELIVER, config, NOW, &lookup));
    mtasts_config_free(config);
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_TXT);
    mtasts_lookup_free(lookup);
    mtasts_entry_free(entry);
}

static void a_bounce_is_confirmed_by_dns(void) {
    mtasts_entry *entry = given_entry();
    mtasts_answer confirms = MTASTS_UNKNOWN;
    mtasts_lookup *lookup = given_lookup(entry, MTASTS_INTENT_BEFORE_BOUNCE, NOW + 20);
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_TXT);
    answer_txt(lookup, RECORD, NOW + 20);
    CHECK_OK(mtasts_lookup_confirms_bounce(lookup, &confirms));
    CHECK_NUMBER(confirms, MTASTS_YES);
    mtasts_lookup_free(lookup);

    lookup = given_lookup(entry, MTASTS_INTENT_BEFORE_BOUNCE, NOW + 20);
    answer_txt(lookup, "v=STSv1; id=20270116B;", NOW + 20);
    answer_https(lookup, TESTING_POLICY, NOW + 20);
    CHECK_OK(mtasts_lookup_confirms_bounce(lookup, &confirms));
    CHECK_NUMBER(confirms, MTASTS_NO);
    CHECK_NUMBER(decision_of(lookup), MTASTS_DECISION_TESTING);
    mtasts_lookup_free(lookup);
    mtasts_entry_free(entry);
}

static void a_failed_refresh_alerts(void) {
    mtasts_entry *entry = given_entry();
    mtasts_lookup *lookup = given_lookup(entry, MTASTS_INTENT_REFRESH, NOW + 86400);
    uint64_t ends_in = 0;
    CHECK_OK(mtasts_lookup_txt_end(lookup, MTASTS_TXT_TEMPFAIL, NOW + 86400));
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_HTTPS);
    CHECK_OK(mtasts_lookup_https_failed(lookup, MTASTS_FAILURE_TIMEOUT, NOW + 86400));
    CHECK_OK(mtasts_lookup_alert(lookup, &ends_in));
    CHECK_NUMBER(ends_in, 604800 - 86400);
    CHECK_NUMBER(decision_of(lookup), MTASTS_DECISION_ENFORCE);
    mtasts_lookup_free(lookup);
    mtasts_entry_free(entry);
}

static void a_failed_id_is_left_alone_for_a_while(void) {
    mtasts_entry *entry = entry_after(given_failed(MTASTS_FAILURE_CERTIFICATE));
    mtasts_lookup *lookup = given_lookup(entry, MTASTS_INTENT_DELIVER, NOW + 100);
    mtasts_failure failure = 0;
    mtasts_tlsrpt_result result = 0;
    int64_t next = 0;
    answer_txt(lookup, RECORD, NOW + 100);
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_NOTHING);
    CHECK_OK(mtasts_lookup_failure(lookup, &failure));
    CHECK_NUMBER(failure, MTASTS_FAILURE_BACKOFF);
    CHECK_OK(mtasts_lookup_tlsrpt_result(lookup, &result));
    CHECK_NUMBER(result, MTASTS_TLSRPT_STS_WEBPKI_INVALID);
    CHECK_OK(mtasts_lookup_next_check(lookup, &next));
    CHECK_NUMBER(next, NOW + 300);
    mtasts_lookup_free(lookup);

    /* The entry only remembers the failure. */
    mtasts_str text = {NULL, 0};
    mtasts_policy *policy = NULL;
    int64_t at = 0;
    CHECK_RESULT(mtasts_entry_id(entry, &text), MTASTS_E_ABSENT);
    CHECK_RESULT(mtasts_entry_policy(entry, &policy), MTASTS_E_ABSENT);
    CHECK_RESULT(mtasts_entry_fetched_at(entry, &at), MTASTS_E_ABSENT);
    CHECK_RESULT(mtasts_entry_expires_at(entry, &at), MTASTS_E_ABSENT);
    CHECK_RESULT(mtasts_entry_refresh_at(entry, NOW, &at), MTASTS_E_ABSENT);
    mtasts_entry_free(entry);
}

/* A lookup that is slow to fail takes nothing from the policy that another fetched meanwhile. */
static void lookups_may_end_in_any_order(void) {
    mtasts_lookup *slow = given_failed(MTASTS_FAILURE_TIMEOUT);
    mtasts_entry *current = given_entry(), *held = NULL;
    mtasts_str id = {NULL, 0};
    CHECK_OK(mtasts_lookup_apply(slow, current, NOW + 1, &held));
    CHECK_OK(mtasts_entry_id(held, &id));
    CHECK_TEXT(id, "20270115A");
    mtasts_lookup_free(slow);
    mtasts_entry_free(current);
    mtasts_entry_free(held);
}

static void entries(void) {
    mtasts_entry *entry = given_entry(), *decoded = NULL;
    mtasts_str text = {NULL, 0};
    mtasts_policy *policy = NULL;
    int64_t at = 0;
    CHECK_OK(mtasts_entry_domain(entry, &text));
    CHECK_TEXT(text, DOMAIN);
    CHECK_OK(mtasts_entry_id(entry, &text));
    CHECK_TEXT(text, "20270115A");
    CHECK_NUMBER(time_of(mtasts_entry_fetched_at, entry), NOW);
    CHECK_NUMBER(time_of(mtasts_entry_checked_at, entry), NOW);
    CHECK_NUMBER(time_of(mtasts_entry_expires_at, entry), NOW + 604800);
    CHECK_OK(mtasts_entry_refresh_at(entry, NOW, &at));
    CHECK_NUMBER(at, NOW + 86400);
    CHECK_OK(mtasts_entry_policy(entry, &policy));
    mtasts_entry_free(entry);

    /* The same entry from its parts, and from its octets. */
    CHECK_OK(mtasts_entry_import(TEXT("EXAMPLE.com"), TEXT("20270115A"), policy, NOW, NOW + 5, &entry));
    mtasts_policy_free(policy);
    CHECK_NUMBER(time_of(mtasts_entry_checked_at, entry), NOW + 5);
    size_t need = 0, again = 0;
    CHECK_OK(mtasts_entry_encode(entry, NULL, 0, &need));
    uint8_t *octets = malloc(need), *same = malloc(need);
    CHECK_OK(mtasts_entry_encode(entry, octets, need, &again));
    CHECK_NUMBER(again, need);
    CHECK_RESULT(mtasts_entry_encode(entry, octets, need - 1, &again), MTASTS_E_SPACE);
    mtasts_entry_free(entry);
    CHECK_OK(mtasts_entry_decode(octets, need, TEXT(DOMAIN), &decoded));
    CHECK_NUMBER(time_of(mtasts_entry_fetched_at, decoded), NOW);
    CHECK_OK(mtasts_entry_encode(decoded, same, need, &again));
    CHECK(again == need && memcmp(octets, same, need) == 0);
    entry = NULL;
    CHECK_RESULT(mtasts_entry_decode(octets, need, TEXT("example.net"), &entry), MTASTS_E_OTHER_DOMAIN);
    CHECK(entry == NULL);

    mtasts_lookup *lookup = given_lookup(decoded, MTASTS_INTENT_DELIVER, NOW + 10);
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_NOTHING);
    CHECK_NUMBER(decision_of(lookup), MTASTS_DECISION_ENFORCE);
    mtasts_lookup_free(lookup);
    mtasts_entry_free(decoded);
    free(octets);
    free(same);
}

void lookups(void) {
    a_cold_lookup_asks_dns_and_https();
    every_mode_has_its_decision();
    every_failure_of_a_fetch_is_told();
    a_bad_response_is_found();
    dns_answers();
    a_warm_lookup_wants_nothing();
    a_bounce_is_confirmed_by_dns();
    a_failed_refresh_alerts();
    a_failed_id_is_left_alone_for_a_while();
    lookups_may_end_in_any_order();
    entries();
}
