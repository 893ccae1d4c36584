/* Bad arguments to lookups and entries, and everything out of turn. */
#include "bad.h"

#include <stdlib.h>

static void null_is_refused(void) {
    mtasts_lookup *asking = given_lookup(NULL, MTASTS_INTENT_DELIVER, NOW), *fetching = given_fetching(false);
    mtasts_lookup *reading = given_fetching(true), *ended = given_ended(), *failed = given_failed(MTASTS_FAILURE_TLS);
    REFUSED(MTASTS_E_NULL, mtasts_lookup_new(NULL, 1, NULL, MTASTS_INTENT_DELIVER, NULL, NOW, &out.lookup));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_new(TEXT(DOMAIN), NULL, MTASTS_INTENT_DELIVER, NULL, NOW, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_want(NULL, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_want(asking, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_txt_name(NULL, &out.str));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_txt_name(asking, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_txt_record(NULL, TEXT(RECORD)));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_txt_record(asking, NULL, 1));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_txt_rdata(NULL, OCTETS("\x01x")));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_txt_rdata(asking, NULL, 1));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_txt_end(NULL, MTASTS_TXT_ABSENT, NOW));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_https_host(NULL, &out.str));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_https_host(fetching, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_https_url(NULL, &out.str));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_https_url(fetching, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_https_field(NULL, TEXT("x"), TEXT("y")));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_https_field(fetching, NULL, 1, TEXT("y")));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_https_field(fetching, TEXT("x"), NULL, 1));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_https_head(NULL, 200, NOW, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_https_head(fetching, 200, NOW, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_https_body(NULL, OCTETS("x"), NOW, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_https_body(reading, NULL, 1, NOW, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_https_body(reading, OCTETS("x"), NOW, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_https_end(NULL, NOW));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_https_failed(NULL, MTASTS_FAILURE_TLS, NOW));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_decision(NULL, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_decision(ended, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_policy(NULL, &out.policy));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_policy(ended, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_cache(NULL, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_cache(ended, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_apply(NULL, NULL, NOW, &out.entry));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_apply(ended, NULL, NOW, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_failure(NULL, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_failure(failed, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_failure_text(NULL, &out.str));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_failure_text(failed, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_tlsrpt_result(NULL, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_tlsrpt_result(failed, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_next_check(NULL, &out.time));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_next_check(ended, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_alert(NULL, &out.large));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_confirms_bounce(NULL, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_confirms_bounce(ended, NULL));
    mtasts_lookup_free(asking);
    mtasts_lookup_free(fetching);
    mtasts_lookup_free(reading);
    mtasts_lookup_free(ended);
    mtasts_lookup_free(failed);

    /* An alert is there only after a refresh that failed. */
    mtasts_entry *entry = given_entry();
    mtasts_lookup *refresh = given_lookup(entry, MTASTS_INTENT_REFRESH, NOW + 86400);
    CHECK_OK(mtasts_lookup_txt_end(refresh, MTASTS_TXT_ABSENT, NOW + 86400));
    CHECK_OK(mtasts_lookup_https_failed(refresh, MTASTS_FAILURE_DNS, NOW + 86400));
    REFUSED(MTASTS_E_NULL, mtasts_lookup_alert(refresh, NULL));
    mtasts_lookup_free(refresh);
    mtasts_entry_free(entry);
}

/* The states of a lookup, and what may be called in them. */
enum { ASKING = 1, FETCHING = 2, READING = 4, ENDED = 8 };

static mtasts_lookup *given_state(int state) {
    switch (state) {
    case ASKING: return given_lookup(NULL, MTASTS_INTENT_DELIVER, NOW);
    case FETCHING: return given_fetching(false);
    case READING: return given_fetching(true);
    default: return given_failed(MTASTS_FAILURE_CONNECT);
    }
}

/* The call is in turn in these states only; in the others it changes nothing. */
#define IN_TURN(states, call)                                                   \
    for (int state = ASKING; state <= ENDED; state *= 2) {                      \
        mtasts_lookup *lookup = given_state(state);                             \
        mtasts_want before = want_of(lookup);                                   \
        if (state & (states)) {                                                 \
            mtasts_result result = (call);                                      \
            check_true(result != MTASTS_E_OUT_OF_TURN, "in turn: " #call, __FILE__, __LINE__); \
        } else {                                                                \
            REFUSED(MTASTS_E_OUT_OF_TURN, call);                                \
            CHECK_NUMBER(want_of(lookup), before);                              \
            finish(lookup, state);                                              \
        }                                                                       \
        mtasts_lookup_free(lookup);                                             \
    }

/* Goes on from a state to a policy, which shows that a call out of turn spoiled nothing. */
static void finish(mtasts_lookup *lookup, int state) {
    if (state == ENDED) {
        CHECK_NUMBER(decision_of(lookup), MTASTS_DECISION_NO_POLICY);
        return;
    }
    if (state == ASKING) answer_txt(lookup, RECORD, NOW);
    if (state == READING) {
        mtasts_answer more = MTASTS_UNKNOWN;
        CHECK_OK(mtasts_lookup_https_body(lookup, OCTETS(POLICY), NOW, &more));
        CHECK_OK(mtasts_lookup_https_end(lookup, NOW));
    } else {
        answer_https(lookup, POLICY, NOW);
    }
    CHECK_NUMBER(decision_of(lookup), MTASTS_DECISION_ENFORCE);
}

static void out_of_turn(void) {
    IN_TURN(ASKING, mtasts_lookup_txt_name(lookup, &out.str));
    IN_TURN(ASKING, mtasts_lookup_txt_record(lookup, TEXT(RECORD)));
    IN_TURN(ASKING, mtasts_lookup_txt_rdata(lookup, OCTETS("\x01x")));
    IN_TURN(ASKING, mtasts_lookup_txt_end(lookup, MTASTS_TXT_ABSENT, NOW));
    IN_TURN(ASKING, mtasts_lookup_txt_end(lookup, MTASTS_TXT_RECORDS, NOW));
    IN_TURN(ASKING, mtasts_lookup_txt_end(lookup, MTASTS_TXT_TEMPFAIL, NOW));
    IN_TURN(FETCHING | READING, mtasts_lookup_https_host(lookup, &out.str));
    IN_TURN(FETCHING | READING, mtasts_lookup_https_url(lookup, &out.str));
    IN_TURN(FETCHING, mtasts_lookup_https_field(lookup, TEXT("Content-Type"), TEXT("text/html")));
    IN_TURN(FETCHING, mtasts_lookup_https_field(lookup, TEXT("Server"), TEXT("x")));
    IN_TURN(FETCHING, mtasts_lookup_https_head(lookup, 200, NOW, &out.number));
    IN_TURN(FETCHING, mtasts_lookup_https_head(lookup, 404, NOW, &out.number));
    IN_TURN(READING, mtasts_lookup_https_body(lookup, OCTETS("x"), NOW, &out.number));
    IN_TURN(READING, mtasts_lookup_https_body(lookup, NULL, 0, NOW, &out.number));
    IN_TURN(READING, mtasts_lookup_https_end(lookup, NOW));
    IN_TURN(FETCHING | READING, mtasts_lookup_https_failed(lookup, MTASTS_FAILURE_TIMEOUT, NOW));
    IN_TURN(ENDED, mtasts_lookup_decision(lookup, &out.number));
    IN_TURN(ENDED, mtasts_lookup_policy(lookup, &out.policy));
    IN_TURN(ENDED, mtasts_lookup_cache(lookup, &out.number));
    IN_TURN(ENDED, mtasts_lookup_failure(lookup, &out.number));
    IN_TURN(ENDED, mtasts_lookup_failure_text(lookup, &out.str));
    IN_TURN(ENDED, mtasts_lookup_tlsrpt_result(lookup, &out.number));
    IN_TURN(ENDED, mtasts_lookup_next_check(lookup, &out.time));
    IN_TURN(ENDED, mtasts_lookup_alert(lookup, &out.large));
    IN_TURN(ENDED, mtasts_lookup_confirms_bounce(lookup, &out.number));
    /* An entry that is handed in beside the lookup does not put it in turn. */
    mtasts_entry *entry = given_entry();
    for (int state = ASKING; state < ENDED; state *= 2) {
        mtasts_lookup *lookup = given_state(state);
        REFUSED(MTASTS_E_OUT_OF_TURN, mtasts_lookup_apply(lookup, NULL, NOW, &out.entry));
        REFUSED(MTASTS_E_OUT_OF_TURN, mtasts_lookup_apply(lookup, entry, NOW, &out.entry));
        finish(lookup, state);
        mtasts_lookup_free(lookup);
    }
    mtasts_entry_free(entry);
}

static void numbers_that_mean_nothing(void) {
    static const uint32_t nothing[] = {0, 4, 15, 26, 99, 1000, 0x7fffffff, 0x80000000, UINT32_MAX};
    mtasts_lookup *asking = given_lookup(NULL, MTASTS_INTENT_DELIVER, NOW), *fetching = given_fetching(false);
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        REFUSED(MTASTS_E_VALUE, mtasts_lookup_new(TEXT(DOMAIN), NULL, nothing[i], NULL, NOW, &out.lookup));
        REFUSED(MTASTS_E_VALUE, mtasts_lookup_txt_end(asking, nothing[i], NOW));
        /* 4 is a failure that only the library finds. */
        REFUSED(MTASTS_E_VALUE, mtasts_lookup_https_failed(fetching, nothing[i], NOW));
    }
    static const mtasts_failure found_by_the_library[] = {
        MTASTS_FAILURE_ENCODING,      MTASTS_FAILURE_MEDIA_TYPE, MTASTS_FAILURE_POLICY,
        MTASTS_FAILURE_STATUS,        MTASTS_FAILURE_TOO_LARGE,  MTASTS_FAILURE_BACKOFF,
        MTASTS_FAILURE_DNS_TEMPORARY, MTASTS_FAILURE_NO_RECORD,  MTASTS_FAILURE_SEVERAL_RECORDS,
        MTASTS_FAILURE_RECORD};
    for (size_t i = 0; i < sizeof found_by_the_library / sizeof *found_by_the_library; i++)
        REFUSED(MTASTS_E_VALUE, mtasts_lookup_https_failed(fetching, found_by_the_library[i], NOW));
    REFUSED(MTASTS_E_VALUE, mtasts_lookup_https_head(fetching, 65536 + 200, NOW, &out.number));
    REFUSED(MTASTS_E_VALUE, mtasts_lookup_https_head(fetching, UINT32_MAX, NOW, &out.number));
    finish(asking, ASKING);
    finish(fetching, FETCHING);
    mtasts_lookup_free(asking);
    mtasts_lookup_free(fetching);

    static const uint32_t statuses[] = {0, 100, 199, 201, 204, 206, 304, 500, 65535};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        mtasts_lookup *lookup = given_fetching(false);
        mtasts_answer more = MTASTS_UNKNOWN;
        CHECK_OK(mtasts_lookup_https_head(lookup, statuses[i], NOW, &more));
        CHECK_NUMBER(more, MTASTS_NO);
        mtasts_lookup_free(lookup);
    }
}

static void negative_times(void) {
    static const int64_t negative[] = {-1, INT64_MIN};
    mtasts_entry *entry = given_entry();
    mtasts_policy *policy = given_policy(POLICY);
    mtasts_lookup *asking = given_lookup(NULL, MTASTS_INTENT_DELIVER, NOW), *fetching = given_fetching(false);
    mtasts_lookup *reading = given_fetching(true), *ended = given_ended();
    for (size_t i = 0; i < 2; i++) {
        int64_t before = negative[i];
        REFUSED(MTASTS_E_TIME,
                mtasts_lookup_new(TEXT(DOMAIN), NULL, MTASTS_INTENT_DELIVER, NULL, before, &out.lookup));
        REFUSED(MTASTS_E_TIME, mtasts_lookup_txt_end(asking, MTASTS_TXT_ABSENT, before));
        REFUSED(MTASTS_E_TIME, mtasts_lookup_https_head(fetching, 200, before, &out.number));
        REFUSED(MTASTS_E_TIME, mtasts_lookup_https_failed(fetching, MTASTS_FAILURE_TLS, before));
        REFUSED(MTASTS_E_TIME, mtasts_lookup_https_body(reading, OCTETS("x"), before, &out.number));
        REFUSED(MTASTS_E_TIME, mtasts_lookup_https_end(reading, before));
        REFUSED(MTASTS_E_TIME, mtasts_lookup_apply(ended, NULL, before, &out.entry));
        REFUSED(MTASTS_E_TIME, mtasts_entry_refresh_at(entry, before, &out.time));
        REFUSED(MTASTS_E_TIME,
                mtasts_entry_import(TEXT(DOMAIN), TEXT("A"), policy, before, NOW, &out.entry));
        REFUSED(MTASTS_E_TIME,
                mtasts_entry_import(TEXT(DOMAIN), TEXT("A"), policy, NOW, before, &out.entry));
    }
    finish(asking, ASKING);
    finish(fetching, FETCHING);
    finish(reading, READING);
    mtasts_lookup_free(asking);
    mtasts_lookup_free(fetching);
    mtasts_lookup_free(reading);
    mtasts_lookup_free(ended);
    mtasts_policy_free(policy);
    mtasts_entry_free(entry);
}

/* The ends of time: nothing overflows, and no answer is negative. */
static void the_ends_of_time(void) {
    static const int64_t ends[] = {0, INT64_MAX};
    for (size_t i = 0; i < 2; i++) {
        int64_t now = ends[i], at = -1;
        mtasts_lookup *lookup = given_lookup(NULL, MTASTS_INTENT_DELIVER, now);
        mtasts_entry *entry = NULL;
        answer_txt(lookup, RECORD, now);
        answer_https(lookup, POLICY, now);
        CHECK_NUMBER(decision_of(lookup), MTASTS_DECISION_ENFORCE);
        CHECK_OK(mtasts_lookup_next_check(lookup, &at));
        CHECK(at >= 0);
        CHECK_OK(mtasts_lookup_apply(lookup, NULL, now, &entry));
        CHECK_OK(mtasts_entry_expires_at(entry, &at));
        CHECK(at >= 0);
        CHECK_OK(mtasts_entry_refresh_at(entry, now, &at));
        CHECK(at >= 0);
        mtasts_entry_free(entry);
        mtasts_lookup_free(lookup);
    }
}

static void answers_of_dns_that_cannot_be_taken(void) {
    char *large = malloc(70000);
    memset(large, 'x', 70000);
    for (int i = 0; i < 2; i++) {
        mtasts_lookup *lookup = given_lookup(NULL, MTASTS_INTENT_DELIVER, NOW);
        mtasts_failure failure = 0;
        CHECK_OK(mtasts_lookup_txt_record(lookup, TEXT(RECORD)));
        REFUSED(MTASTS_E_VALUE, mtasts_lookup_txt_end(lookup, MTASTS_TXT_ABSENT, NOW));
        if (i == 0) {
            REFUSED(MTASTS_E_TOO_LARGE, mtasts_lookup_txt_record(lookup, large, 70000));
        } else {
            REFUSED(MTASTS_E_FORMAT, mtasts_lookup_txt_rdata(lookup, OCTETS("\x02x")));
        }
        REFUSED(MTASTS_E_VALUE, mtasts_lookup_txt_end(lookup, MTASTS_TXT_ABSENT, NOW));
        CHECK_OK(mtasts_lookup_txt_end(lookup, MTASTS_TXT_RECORDS, NOW));
        CHECK_OK(mtasts_lookup_failure(lookup, &failure));
        CHECK_NUMBER(failure, MTASTS_FAILURE_DNS_TEMPORARY);
        mtasts_lookup_free(lookup);
    }
    free(large);
}

static void thousands_of_header_fields(void) {
    /* What does not matter is passed over, however much it is. */
    mtasts_lookup *lookup = given_fetching(false);
    char *large = malloc(100000);
    memset(large, 'x', 100000);
    for (int i = 0; i < 5000; i++)
        CHECK_OK(mtasts_lookup_https_field(lookup, TEXT("X-Filler"), TEXT("text/html")));
    CHECK_OK(mtasts_lookup_https_field(lookup, large, 100000, large, 100000));
    CHECK_OK(mtasts_lookup_https_field(lookup, NULL, 0, NULL, 0));
    finish(lookup, FETCHING);
    mtasts_lookup_free(lookup);

    /* What matters has a limit, over which the head is refused. */
    lookup = given_fetching(false);
    mtasts_result result = MTASTS_OK;
    unsigned taken = 0;
    while (taken < 5000 && (result = mtasts_lookup_https_field(lookup, TEXT("Content-Encoding"), TEXT("identity"))) ==
                               MTASTS_OK)
        taken++;
    CHECK_RESULT(result, MTASTS_E_TOO_LARGE);
    CHECK_NUMBER(taken, 8192 / 24);
    mtasts_answer more = MTASTS_UNKNOWN;
    mtasts_failure failure = 0;
    CHECK_OK(mtasts_lookup_https_head(lookup, 200, NOW, &more));
    CHECK_NUMBER(more, MTASTS_NO);
    CHECK_OK(mtasts_lookup_failure(lookup, &failure));
    CHECK_NUMBER(failure, MTASTS_FAILURE_HTTP);
    mtasts_lookup_free(lookup);

    /* Values with any octets, which are not what is asked for. */
    static const struct {
        const char *value;
        size_t len;
    } values[] = {{TEXT("text/plain\0")}, {TEXT("text/plain\r\nx: y")}, {TEXT("\xff\xfe")}, {TEXT("")}, {NULL, 0}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        lookup = given_fetching(false);
        CHECK_OK(mtasts_lookup_https_field(lookup, TEXT("Content-Type"), values[i].value, values[i].len));
        CHECK_OK(mtasts_lookup_https_head(lookup, 200, NOW, &more));
        CHECK_NUMBER(more, MTASTS_NO);
        mtasts_lookup_free(lookup);
    }
    free(large);
}

static void a_body_over_the_limit_that_was_set(void) {
    mtasts_config *config = given_config();
    mtasts_lookup *lookup = NULL;
    mtasts_answer more = MTASTS_UNKNOWN;
    CHECK_OK(mtasts_config_set(config, MTASTS_OPTION_MAX_BODY, 10));
    CHECK_OK(mtasts_lookup_new(TEXT(DOMAIN), NULL, MTASTS_INTENT_DELIVER, config, NOW, &lookup));
    answer_txt(lookup, RECORD, NOW);
    answer_head(lookup, NOW);
    CHECK_OK(mtasts_lookup_https_body(lookup, OCTETS("0123456789"), NOW, &more));
    CHECK_NUMBER(more, MTASTS_YES);
    CHECK_OK(mtasts_lookup_https_body(lookup, OCTETS("x"), NOW, &more));
    CHECK_NUMBER(more, MTASTS_NO);
    REFUSED(MTASTS_E_OUT_OF_TURN, mtasts_lookup_https_body(lookup, OCTETS("x"), NOW, &out.number));
    REFUSED(MTASTS_E_OUT_OF_TURN, mtasts_lookup_https_end(lookup, NOW));
    CHECK_NUMBER(decision_of(lookup), MTASTS_DECISION_NO_POLICY);
    mtasts_lookup_free(lookup);
    mtasts_config_free(config);
}

static void entries_of_another_domain(void) {
    mtasts_entry *entry = given_entry();
    REFUSED(MTASTS_E_OTHER_DOMAIN,
            mtasts_lookup_new(TEXT("example.net"), entry, MTASTS_INTENT_DELIVER, NULL, NOW, &out.lookup));
    mtasts_entry_free(entry);
}

/* An entry that was cut anywhere is none; with any octet changed it is one or none, but nothing worse. */
static void entries_that_were_damaged(void) {
    mtasts_entry *entry = given_entry();
    uint8_t octets[1024];
    size_t need = 0;
    CHECK_OK(mtasts_entry_encode(entry, octets, sizeof octets, &need));
    mtasts_entry_free(entry);
    for (size_t len = 0; len < need; len++)
        REFUSED(MTASTS_E_FORMAT, mtasts_entry_decode(octets, len, TEXT(DOMAIN), &out.entry));
    static const uint8_t changed[] = {0, '\n', ' ', '0', 0x7f, 0xff};
    for (size_t i = 0; i < need; i++) {
        uint8_t was = octets[i];
        for (size_t j = 0; j < sizeof changed; j++) {
            octets[i] = changed[j];
            outs_fill();
            mtasts_result result = mtasts_entry_decode(octets, need, TEXT(DOMAIN), &out.entry);
            if (result == MTASTS_OK) {
                mtasts_entry_free(out.entry);
            } else {
                CHECK(outs_untouched() && (result == MTASTS_E_FORMAT || result == MTASTS_E_POLICY ||
                                           result == MTASTS_E_OTHER_DOMAIN));
            }
        }
        octets[i] = was;
    }

    static const char version[] = "mta-sts-entry 2\ndomain example.com\npolicy 0\n";
    static const char length[] = "mta-sts-entry 1\ndomain example.com\npolicy 99999999999999999999\n";
    static const char policy[] = "mta-sts-entry 1\ndomain example.com\nheld A 1 new\npolicy 3\nxyz";
    static const char late[] =
        "mta-sts-entry 1\ndomain example.com\nheld A 18446744073709551615 new\nchecked 18446744073709551615\n"
        "policy 44\nversion: STSv1\nmode: none\nmax_age: 31557600\n";
    REFUSED(MTASTS_E_FORMAT, mtasts_entry_decode(OCTETS(version), TEXT(DOMAIN), &out.entry));
    REFUSED(MTASTS_E_FORMAT, mtasts_entry_decode(OCTETS(length), TEXT(DOMAIN), &out.entry));
    REFUSED(MTASTS_E_POLICY, mtasts_entry_decode(OCTETS(policy), TEXT(DOMAIN), &out.entry));
    /* Times that no int64_t holds are never negative. */
    CHECK_OK(mtasts_entry_decode(OCTETS(late), TEXT(DOMAIN), &entry));
    int64_t at = -1;
    CHECK_OK(mtasts_entry_fetched_at(entry, &at));
    CHECK_NUMBER(at, INT64_MAX);
    CHECK_OK(mtasts_entry_checked_at(entry, &at));
    CHECK_NUMBER(at, INT64_MAX);
    CHECK_OK(mtasts_entry_expires_at(entry, &at));
    CHECK_NUMBER(at, INT64_MAX);
    mtasts_lookup *lookup = given_lookup(entry, MTASTS_INTENT_DELIVER, NOW);
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_TXT);
    mtasts_lookup_free(lookup);
    mtasts_entry_free(entry);
}

void bad_lookups(void) {
    null_is_refused();
    out_of_turn();
    numbers_that_mean_nothing();
    negative_times();
    the_ends_of_time();
    answers_of_dns_that_cannot_be_taken();
    thousands_of_header_fields();
    a_body_over_the_limit_that_was_set();
    entries_of_another_domain();
    entries_that_were_damaged();
}
