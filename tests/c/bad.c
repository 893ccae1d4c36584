/* What no caller should hand in, to every function: nothing is answered, nothing is written, nothing
 * is changed. Lookups are in bad_lookup.c, clients in bad_client.c, hostile text from the wire in bad_text.c. */
#include "bad.h"

#include <stdlib.h>

/* Larger than anything in memory. */
static const size_t HUGE_LENGTHS[] = {SIZE_MAX, SIZE_MAX / 2 + 1};

static void null_is_refused_by_functions_on_text(void) {
    REFUSED(MTASTS_E_NULL, mtasts_domain_normalize(NULL, 1, out.chars, 64, &out.need));
    REFUSED(MTASTS_E_NULL, mtasts_domain_normalize(TEXT(DOMAIN), NULL, 64, &out.need));
    REFUSED(MTASTS_E_NULL, mtasts_domain_normalize(TEXT(DOMAIN), out.chars, 64, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_domain_normalize(TEXT(DOMAIN), NULL, 0, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_domain_problem(NULL, 1, &out.number, &out.size));
    REFUSED(MTASTS_E_NULL, mtasts_domain_problem(TEXT("-"), NULL, &out.size));
    REFUSED(MTASTS_E_NULL, mtasts_domain_problem(TEXT("-"), &out.number, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_pattern_match(NULL, 1, TEXT(DOMAIN), &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_pattern_match(TEXT(DOMAIN), NULL, 1, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_pattern_match(TEXT(DOMAIN), TEXT(DOMAIN), NULL));
    REFUSED(MTASTS_E_NULL, mtasts_pattern_problem(NULL, 1, &out.number, &out.size));
    REFUSED(MTASTS_E_NULL, mtasts_pattern_problem(TEXT("-"), NULL, &out.size));
    REFUSED(MTASTS_E_NULL, mtasts_pattern_problem(TEXT("-"), &out.number, NULL));
}

static void null_is_refused_for_records(void) {
    mtasts_txt *txt = given_txt(RECORD), *wrong = given_txt("v=STSv1; id=;"), *empty = given_txt(NULL);
    mtasts_txt *rpt = given_txt("v=TLSRPTv1; rua=mailto:tls@example.com"), *bad = given_txt("v=TLSRPTv1;");
    mtasts_tlsrpt *tlsrpt = given_tlsrpt("v=TLSRPTv1; rua=mailto:tls@example.com");
    REFUSED(MTASTS_E_NULL, mtasts_txt_new(NULL));
    REFUSED(MTASTS_E_NULL, mtasts_txt_add(NULL, TEXT(RECORD)));
    REFUSED(MTASTS_E_NULL, mtasts_txt_add(empty, NULL, 1));
    REFUSED(MTASTS_E_NULL, mtasts_txt_add_rdata(NULL, OCTETS("\x01x")));
    REFUSED(MTASTS_E_NULL, mtasts_txt_add_rdata(empty, NULL, 1));
    REFUSED(MTASTS_E_NULL, mtasts_txt_sts_id(NULL, out.chars, 64, &out.need));
    REFUSED(MTASTS_E_NULL, mtasts_txt_sts_id(txt, NULL, 64, &out.need));
    REFUSED(MTASTS_E_NULL, mtasts_txt_sts_id(txt, out.chars, 64, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_txt_sts_problem(NULL, &out.number, &out.size));
    REFUSED(MTASTS_E_NULL, mtasts_txt_sts_problem(wrong, NULL, &out.size));
    REFUSED(MTASTS_E_NULL, mtasts_txt_sts_problem(wrong, &out.number, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_txt_tlsrpt_problem(NULL, &out.number, &out.size));
    REFUSED(MTASTS_E_NULL, mtasts_txt_tlsrpt_problem(bad, NULL, &out.size));
    REFUSED(MTASTS_E_NULL, mtasts_txt_tlsrpt_problem(bad, &out.number, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_tlsrpt_parse(NULL, &out.tlsrpt));
    REFUSED(MTASTS_E_NULL, mtasts_tlsrpt_parse(rpt, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_tlsrpt_record(NULL, &out.str));
    REFUSED(MTASTS_E_NULL, mtasts_tlsrpt_record(tlsrpt, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_tlsrpt_rua_count(NULL, &out.size));
    REFUSED(MTASTS_E_NULL, mtasts_tlsrpt_rua_count(tlsrpt, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_tlsrpt_rua(NULL, 0, &out.str));
    REFUSED(MTASTS_E_NULL, mtasts_tlsrpt_rua(tlsrpt, 0, NULL));
    /* What was refused was not added. */
    REFUSED(MTASTS_E_NO_RECORD, mtasts_txt_sts_id(empty, out.chars, 64, &out.need));
    mtasts_txt_free(txt);
    mtasts_txt_free(wrong);
    mtasts_txt_free(empty);
    mtasts_txt_free(rpt);
    mtasts_txt_free(bad);
    mtasts_tlsrpt_free(tlsrpt);
}

static void null_is_refused_for_policies_and_settings(void) {
    mtasts_policy *policy = given_policy(POLICY);
    mtasts_problems *problems = given_problems("mode: x");
    mtasts_config *config = given_config();
    REFUSED(MTASTS_E_NULL, mtasts_policy_parse(NULL, 1, &out.policy));
    REFUSED(MTASTS_E_NULL, mtasts_policy_parse(OCTETS(POLICY), NULL));
    REFUSED(MTASTS_E_NULL, mtasts_policy_mode(NULL, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_policy_mode(policy, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_policy_max_age(NULL, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_policy_max_age(policy, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_policy_permits_mx(NULL, TEXT(DOMAIN), &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_policy_permits_mx(policy, NULL, 1, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_policy_permits_mx(policy, TEXT(DOMAIN), NULL));
    REFUSED(MTASTS_E_NULL, mtasts_policy_mx_count(NULL, &out.size));
    REFUSED(MTASTS_E_NULL, mtasts_policy_mx_count(policy, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_policy_mx(NULL, 0, &out.str));
    REFUSED(MTASTS_E_NULL, mtasts_policy_mx(policy, 0, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_policy_line_count(NULL, &out.size));
    REFUSED(MTASTS_E_NULL, mtasts_policy_line_count(policy, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_policy_line(NULL, 0, &out.str));
    REFUSED(MTASTS_E_NULL, mtasts_policy_line(policy, 0, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_policy_body(NULL, out.octets, 64, &out.need));
    REFUSED(MTASTS_E_NULL, mtasts_policy_body(policy, NULL, 1, &out.need));
    REFUSED(MTASTS_E_NULL, mtasts_policy_body(policy, NULL, 0, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_problems_new(NULL, 1, &out.problems));
    REFUSED(MTASTS_E_NULL, mtasts_problems_new(OCTETS(POLICY), NULL));
    REFUSED(MTASTS_E_NULL, mtasts_problems_valid(NULL, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_problems_valid(problems, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_problems_count(NULL, &out.size));
    REFUSED(MTASTS_E_NULL, mtasts_problems_count(problems, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_problems_omitted(NULL, &out.size));
    REFUSED(MTASTS_E_NULL, mtasts_problems_omitted(problems, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_problems_get(NULL, 0, &out.problem));
    REFUSED(MTASTS_E_NULL, mtasts_problems_get(problems, 0, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_config_new(NULL));
    REFUSED(MTASTS_E_NULL, mtasts_config_set(NULL, MTASTS_OPTION_BACKOFF, 1));
    REFUSED(MTASTS_E_NULL, mtasts_config_get(NULL, MTASTS_OPTION_BACKOFF, &out.large));
    REFUSED(MTASTS_E_NULL, mtasts_config_get(config, MTASTS_OPTION_BACKOFF, NULL));
    mtasts_policy_free(policy);
    mtasts_problems_free(problems);
    mtasts_config_free(config);
}

static void null_is_refused_for_entries(void) {
    mtasts_entry *entry = given_entry();
    mtasts_policy *policy = given_policy(POLICY);
    REFUSED(MTASTS_E_NULL, mtasts_entry_encode(NULL, out.octets, 64, &out.need));
    REFUSED(MTASTS_E_NULL, mtasts_entry_encode(entry, NULL, 1, &out.need));
    REFUSED(MTASTS_E_NULL, mtasts_entry_encode(entry, NULL, 0, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_entry_decode(NULL, 1, TEXT(DOMAIN), &out.entry));
    REFUSED(MTASTS_E_NULL, mtasts_entry_decode(OCTETS("x"), NULL, 1, &out.entry));
    REFUSED(MTASTS_E_NULL, mtasts_entry_decode(OCTETS("x"), TEXT(DOMAIN), NULL));
    REFUSED(MTASTS_E_NULL, mtasts_entry_import(NULL, 1, TEXT("A"), policy, NOW, NOW, &out.entry));
    REFUSED(MTASTS_E_NULL, mtasts_entry_import(TEXT(DOMAIN), NULL, 1, policy, NOW, NOW, &out.entry));
    REFUSED(MTASTS_E_NULL, mtasts_entry_import(TEXT(DOMAIN), TEXT("A"), NULL, NOW, NOW, &out.entry));
    REFUSED(MTASTS_E_NULL, mtasts_entry_import(TEXT(DOMAIN), TEXT("A"), policy, NOW, NOW, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_entry_domain(NULL, &out.str));
    REFUSED(MTASTS_E_NULL, mtasts_entry_domain(entry, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_entry_id(NULL, &out.str));
    REFUSED(MTASTS_E_NULL, mtasts_entry_id(entry, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_entry_policy(NULL, &out.policy));
    REFUSED(MTASTS_E_NULL, mtasts_entry_policy(entry, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_entry_fetched_at(NULL, &out.time));
    REFUSED(MTASTS_E_NULL, mtasts_entry_fetched_at(entry, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_entry_checked_at(NULL, &out.time));
    REFUSED(MTASTS_E_NULL, mtasts_entry_checked_at(entry, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_entry_expires_at(NULL, &out.time));
    REFUSED(MTASTS_E_NULL, mtasts_entry_expires_at(entry, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_entry_refresh_at(NULL, NOW, &out.time));
    REFUSED(MTASTS_E_NULL, mtasts_entry_refresh_at(entry, NOW, NULL));
    mtasts_entry_free(entry);
    mtasts_policy_free(policy);
}

static void null_may_be_freed(void) {
    mtasts_client_cancel(NULL);
    mtasts_client_free(NULL);
    mtasts_config_free(NULL);
    mtasts_entry_free(NULL);
    mtasts_lookup_free(NULL);
    mtasts_policy_free(NULL);
    mtasts_problems_free(NULL);
    mtasts_ruling_free(NULL);
    mtasts_tlsrpt_free(NULL);
    mtasts_txt_free(NULL);
}

/* NULL is fine for the length 0: it is a text without octets. */
static void null_is_the_empty_text(void) {
    mtasts_txt *txt = given_txt(NULL);
    mtasts_policy *policy = given_policy(POLICY);
    mtasts_answer answer = MTASTS_UNKNOWN;
    REFUSED(MTASTS_E_DOMAIN, mtasts_domain_normalize(NULL, 0, out.chars, 64, &out.need));
    CHECK_OK(mtasts_domain_problem(NULL, 0, &out.number, &out.size));
    CHECK_NUMBER(out.number, MTASTS_NAME_EMPTY);
    CHECK_OK(mtasts_pattern_problem(NULL, 0, &out.number, &out.size));
    CHECK_NUMBER(out.number, MTASTS_NAME_EMPTY);
    REFUSED(MTASTS_E_PATTERN, mtasts_pattern_match(NULL, 0, TEXT(DOMAIN), &out.number));
    CHECK_OK(mtasts_pattern_match(TEXT(DOMAIN), NULL, 0, &answer));
    CHECK_NUMBER(answer, MTASTS_NO);
    CHECK_OK(mtasts_policy_permits_mx(policy, NULL, 0, &answer));
    CHECK_NUMBER(answer, MTASTS_NO);
    CHECK_OK(mtasts_txt_add(txt, NULL, 0));
    REFUSED(MTASTS_E_FORMAT, mtasts_txt_add_rdata(txt, NULL, 0));
    REFUSED(MTASTS_E_POLICY, mtasts_policy_parse(NULL, 0, &out.policy));
    REFUSED(MTASTS_E_FORMAT, mtasts_entry_decode(NULL, 0, TEXT(DOMAIN), &out.entry));
    REFUSED(MTASTS_E_DOMAIN, mtasts_entry_import(NULL, 0, TEXT("A"), policy, NOW, NOW, &out.entry));
    REFUSED(MTASTS_E_RECORD, mtasts_entry_import(TEXT(DOMAIN), NULL, 0, policy, NOW, NOW, &out.entry));
    mtasts_problems *problems = NULL;
    CHECK_OK(mtasts_problems_new(NULL, 0, &problems));
    CHECK_OK(mtasts_problems_valid(problems, &answer));
    CHECK_NUMBER(answer, MTASTS_NO);
    mtasts_problems_free(problems);
    mtasts_policy_free(policy);
    mtasts_txt_free(txt);
}

/* A negative number that became a size_t must not be read that far. */
static void huge_lengths_are_refused(void) {
    mtasts_txt *txt = given_txt(RECORD);
    mtasts_policy *policy = given_policy(POLICY);
    mtasts_lookup *asking = given_lookup(NULL, MTASTS_INTENT_DELIVER, NOW), *fetching = given_fetching(false);
    mtasts_lookup *reading = given_fetching(true);
    const char *text = DOMAIN;
    const uint8_t *octets = (const uint8_t *)POLICY;
    for (size_t i = 0; i < 2; i++) {
        size_t huge = HUGE_LENGTHS[i];
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_domain_normalize(text, huge, out.chars, 64, &out.need));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_domain_problem(text, huge, &out.number, &out.size));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_pattern_match(text, huge, TEXT(DOMAIN), &out.number));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_pattern_match(TEXT(DOMAIN), text, huge, &out.number));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_pattern_problem(text, huge, &out.number, &out.size));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_txt_add(txt, text, huge));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_txt_add_rdata(txt, octets, huge));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_policy_parse(octets, huge, &out.policy));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_policy_permits_mx(policy, text, huge, &out.number));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_problems_new(octets, huge, &out.problems));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_entry_decode(octets, huge, TEXT(DOMAIN), &out.entry));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_entry_decode(octets, 1, text, huge, &out.entry));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_entry_import(text, huge, TEXT("A"), policy, NOW, NOW, &out.entry));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_entry_import(TEXT(DOMAIN), text, huge, policy, NOW, NOW, &out.entry));
        REFUSED(MTASTS_E_TOO_LARGE,
                mtasts_lookup_new(text, huge, NULL, MTASTS_INTENT_DELIVER, NULL, NOW, &out.lookup));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_lookup_txt_record(asking, text, huge));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_lookup_txt_rdata(asking, octets, huge));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_lookup_https_field(fetching, text, huge, TEXT("x")));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_lookup_https_field(fetching, TEXT("x"), text, huge));
        REFUSED(MTASTS_E_TOO_LARGE, mtasts_lookup_https_body(reading, octets, huge, NOW, &out.number));
    }
    mtasts_txt_free(txt);
    mtasts_policy_free(policy);
    mtasts_lookup_free(asking);
    mtasts_lookup_free(fetching);
    mtasts_lookup_free(reading);
}

static void names_that_are_none(void) {
    static const struct {
        const char *name;
        size_t len;
        mtasts_name_problem problem;
    } names[] = {{TEXT("example\0.com"), MTASTS_NAME_BAD_OCTET},
                 {TEXT("example.com\0"), MTASTS_NAME_BAD_OCTET},
                 {TEXT("example.com\r\n"), MTASTS_NAME_BAD_OCTET},
                 {TEXT("\x1b[31mexample.com"), MTASTS_NAME_BAD_OCTET},
                 {TEXT("ex\xff\xfe.com"), MTASTS_NAME_NOT_ASCII},
                 {TEXT("b\xc3\xbc"
                       "cher.example.com"),
                  MTASTS_NAME_NOT_ASCII},
                 {TEXT("192.0.2.1"), MTASTS_NAME_IP_ADDRESS},
                 {TEXT("[192.0.2.1]"), MTASTS_NAME_IP_ADDRESS},
                 {TEXT("."), MTASTS_NAME_EMPTY},
                 {TEXT("example..com"), MTASTS_NAME_EMPTY_LABEL},
                 {TEXT("-example.com"), MTASTS_NAME_EDGE_HYPHEN}};
    mtasts_policy *policy = given_policy(POLICY);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *name = names[i].name;
        size_t len = names[i].len, at = 0;
        mtasts_name_problem problem = 0;
        mtasts_answer permitted = MTASTS_UNKNOWN;
        REFUSED(MTASTS_E_DOMAIN, mtasts_domain_normalize(name, len, out.chars, 64, &out.need));
        CHECK_OK(mtasts_domain_problem(name, len, &problem, &at));
        CHECK_NUMBER(problem, names[i].problem);
        CHECK(at <= len);
        REFUSED(MTASTS_E_DOMAIN, mtasts_lookup_new(name, len, NULL, MTASTS_INTENT_DELIVER, NULL, NOW, &out.lookup));
        REFUSED(MTASTS_E_DOMAIN, mtasts_entry_import(name, len, TEXT("A"), policy, NOW, NOW, &out.entry));
        REFUSED(MTASTS_E_DOMAIN, mtasts_entry_decode(OCTETS("x"), name, len, &out.entry));
        REFUSED(MTASTS_E_PATTERN, mtasts_pattern_match(name, len, TEXT(DOMAIN), &out.number));
        CHECK_OK(mtasts_pattern_problem(name, len, &problem, &at));
        CHECK_OK(mtasts_policy_permits_mx(policy, name, len, &permitted));
        CHECK_NUMBER(permitted, MTASTS_NO);
    }
    mtasts_policy_free(policy);

    /* Half a megabyte is no name. */
    size_t len = 500000;
    char *large = malloc(len);
    memset(large, 'a', len);
    REFUSED(MTASTS_E_DOMAIN, mtasts_domain_normalize(large, len, out.chars, 64, &out.need));
    REFUSED(MTASTS_E_PATTERN, mtasts_pattern_match(large, len, TEXT(DOMAIN), &out.number));
    free(large);
}

/* An MX host with a NUL in it is not the host before the NUL. */
static void a_nul_hides_nothing(void) {
    mtasts_policy *policy = given_policy(POLICY);
    mtasts_answer permitted = MTASTS_UNKNOWN;
    CHECK_OK(mtasts_policy_permits_mx(policy, TEXT("mx.example.com\0.example.net"), &permitted));
    CHECK_NUMBER(permitted, MTASTS_NO);
    CHECK_OK(mtasts_policy_permits_mx(policy, TEXT("mx.example.com\0"), &permitted));
    CHECK_NUMBER(permitted, MTASTS_NO);
    REFUSED(MTASTS_E_RECORD, mtasts_entry_import(TEXT(DOMAIN), TEXT("A\0B"), policy, NOW, NOW, &out.entry));
    mtasts_policy_free(policy);
    mtasts_txt *txt = given_txt(NULL);
    CHECK_OK(mtasts_txt_add(txt, TEXT("v=STSv1; id=A\0B;")));
    REFUSED(MTASTS_E_RECORD, mtasts_txt_sts_id(txt, out.chars, 64, &out.need));
    mtasts_txt_free(txt);
    REFUSED(MTASTS_E_POLICY, mtasts_policy_parse(OCTETS("version: STSv1\0\nmode: none\nmax_age: 1\n"), &out.policy));
}

static void records_that_are_too_large_or_cut(void) {
    mtasts_txt *txt = given_txt(RECORD);
    char *large = malloc(70000);
    memset(large, 'x', 70000);
    REFUSED(MTASTS_E_TOO_LARGE, mtasts_txt_add(txt, large, 70000));
    REFUSED(MTASTS_E_TOO_LARGE, mtasts_txt_add(txt, large, 65536));
    /* A length that points past the end. */
    REFUSED(MTASTS_E_FORMAT, mtasts_txt_add_rdata(txt, OCTETS("\x05"
                                                              "abcd")));
    REFUSED(MTASTS_E_FORMAT, mtasts_txt_add_rdata(txt, OCTETS("\xff")));
    /* What was refused is not there, and what was there is. */
    CHECK_OK(mtasts_txt_sts_id(txt, out.chars, 64, &out.need));
    CHECK(strcmp(out.chars, "20270115A") == 0);
    mtasts_result result = MTASTS_OK;
    unsigned taken = 0;
    while (taken < 100000 && (result = mtasts_txt_add(txt, "", 0)) == MTASTS_OK) taken++;
    CHECK_RESULT(result, MTASTS_E_TOO_LARGE);
    CHECK(taken > 1000 && taken < 7000);
    mtasts_txt_free(txt);
    free(large);
}

static void bodies_that_are_too_large(void) {
    size_t len = 65537;
    uint8_t *body = malloc(len);
    memset(body, '\n', len);
    memcpy(body, POLICY, sizeof POLICY - 1);
    REFUSED(MTASTS_E_TOO_LARGE, mtasts_policy_parse(body, len, &out.policy));
    mtasts_policy *policy = NULL;
    CHECK_OK(mtasts_policy_parse(body, len - 1, &policy));
    mtasts_policy_free(policy);

    /* Of thousands of problems some are listed and the rest is counted. */
    mtasts_problems *problems = NULL;
    size_t count = 0, omitted = 0;
    CHECK_OK(mtasts_problems_new(body, len - 1, &problems));
    CHECK_OK(mtasts_problems_count(problems, &count));
    CHECK_OK(mtasts_problems_omitted(problems, &omitted));
    CHECK_NUMBER(count, 250);
    CHECK(omitted > 60000);
    REFUSED(MTASTS_E_ABSENT, mtasts_problems_get(problems, count, &out.problem));
    REFUSED(MTASTS_E_ABSENT, mtasts_problems_get(problems, SIZE_MAX, &out.problem));
    mtasts_problems_free(problems);
    CHECK_OK(mtasts_problems_new(body, len, &problems));
    CHECK_OK(mtasts_problems_get(problems, 0, &out.problem));
    CHECK_NUMBER(out.problem.kind, MTASTS_PROBLEM_TOO_LARGE);
    mtasts_problems_free(problems);
    free(body);
}

static void buffers_that_are_too_small(void) {
    mtasts_policy *policy = given_policy(POLICY);
    mtasts_entry *entry = given_entry();
    mtasts_txt *txt = given_txt(RECORD);
    for (size_t cap = 0; cap <= 9; cap++) {
        REFUSED(MTASTS_E_SPACE, mtasts_domain_normalize(TEXT(DOMAIN), out.chars, cap, &out.need));
        REFUSED(MTASTS_E_SPACE, mtasts_txt_sts_id(txt, out.chars, cap, &out.need));
        REFUSED(MTASTS_E_SPACE, mtasts_policy_body(policy, out.octets, cap, &out.need));
        REFUSED(MTASTS_E_SPACE, mtasts_entry_encode(entry, out.octets, cap, &out.need));
    }
    mtasts_policy_free(policy);
    mtasts_entry_free(entry);
    mtasts_txt_free(txt);
}

static void indexes_past_the_end(void) {
    mtasts_policy *policy = given_policy(POLICY);
    mtasts_tlsrpt *tlsrpt = given_tlsrpt("v=TLSRPTv1; rua=mailto:tls@example.com");
    static const size_t past[] = {100, SIZE_MAX / 2 + 1, SIZE_MAX};
    for (size_t i = 0; i < 3; i++) {
        REFUSED(MTASTS_E_ABSENT, mtasts_policy_mx(policy, past[i], &out.str));
        REFUSED(MTASTS_E_ABSENT, mtasts_policy_line(policy, past[i], &out.str));
        REFUSED(MTASTS_E_ABSENT, mtasts_tlsrpt_rua(tlsrpt, past[i], &out.str));
    }
    mtasts_policy_free(policy);
    mtasts_tlsrpt_free(tlsrpt);
}

static void settings_that_make_no_sense(void) {
    static const mtasts_option options[] = {0, 4, 0x7fffffff, 0x80000000, UINT32_MAX};
    mtasts_config *config = given_config();
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        REFUSED(MTASTS_E_VALUE, mtasts_config_set(config, options[i], 1));
        REFUSED(MTASTS_E_VALUE, mtasts_config_get(config, options[i], &out.large));
    }
    for (mtasts_option option = MTASTS_OPTION_RECHECK_AFTER; option <= MTASTS_OPTION_MAX_BODY; option++) {
        uint64_t value = 0;
        REFUSED(MTASTS_E_VALUE, mtasts_config_set(config, option, (uint64_t)UINT32_MAX + 1));
        REFUSED(MTASTS_E_VALUE, mtasts_config_set(config, option, UINT64_MAX));
        CHECK_OK(mtasts_config_get(config, option, &value));
        CHECK_NUMBER(value, option == MTASTS_OPTION_MAX_BODY ? 65536 : 300);
    }
    REFUSED(MTASTS_E_VALUE, mtasts_config_set(config, MTASTS_OPTION_MAX_BODY, 0));
    mtasts_config_free(config);
}

int main(void) {
    null_is_refused_by_functions_on_text();
    null_is_refused_for_records();
    null_is_refused_for_policies_and_settings();
    null_is_refused_for_entries();
    null_may_be_freed();
    null_is_the_empty_text();
    huge_lengths_are_refused();
    names_that_are_none();
    a_nul_hides_nothing();
    records_that_are_too_large_or_cut();
    bodies_that_are_too_large();
    buffers_that_are_too_small();
    indexes_past_the_end();
    settings_that_make_no_sense();
    bad_lookups();
    bad_clients();
    hostile_text();
    return checks_end("bad");
}
