/* What every function answers in the ordinary case: versions, numbers, names, records, policies
 * and settings. Lookups and cache entries are in api_lookup.c, clients in api_client.c. */
#include "api.h"

static void versions(void) {
    CHECK_NUMBER(mtasts_abi(), MTASTS_ABI);
    CHECK(mtasts_version_check(MTASTS_VERSION_MAJOR, MTASTS_VERSION_MINOR));
    CHECK(is_safe_text(mtasts_version()));
}

/* Every number has a name of its own in small letters and hyphens, and the numbers that have none
 * are "unknown". `known` is ended by 0. */
#define NAMES_ARE_GOOD(name_of, type, ...)                                                    \
    do {                                                                                      \
        static const type known[] = {__VA_ARGS__, 0};                                         \
        for (const type *code = known; *code != 0; code++) {                                  \
            mtasts_str name = name_of(*code);                                                 \
            CHECK(name.len > 0 && name.len == strspn(name.data, "abcdefghijklmnopqrstuvwxyz-")); \
            CHECK(name.data[name.len] == '\0' && strcmp(name.data, "unknown") != 0);          \
            for (const type *other = known; other != code; other++)                           \
                CHECK(strcmp(name_of(*other).data, name.data) != 0);                          \
        }                                                                                     \
        CHECK_TEXT(name_of((type)1000), "unknown");                                           \
        CHECK_TEXT(name_of((type)-1000), "unknown");                                          \
        CHECK_TEXT(name_of((type)INT32_MIN), "unknown");                                      \
    } while (0)

static void numbers_have_names(void) {
    NAMES_ARE_GOOD(mtasts_result_name, mtasts_result, MTASTS_E_NULL, MTASTS_E_PANIC, MTASTS_E_VALUE, MTASTS_E_TIME,
                   MTASTS_E_TOO_LARGE, MTASTS_E_OUT_OF_TURN, MTASTS_E_SPACE, MTASTS_E_ABSENT, MTASTS_E_DOMAIN,
                   MTASTS_E_POLICY, MTASTS_E_PATTERN, MTASTS_E_FORMAT, MTASTS_E_OTHER_DOMAIN, MTASTS_E_NO_RECORD,
                   MTASTS_E_SEVERAL_RECORDS, MTASTS_E_RECORD, MTASTS_E_UNAVAILABLE, MTASTS_E_AGAIN, MTASTS_E_WAIT);
    NAMES_ARE_GOOD(mtasts_answer_name, mtasts_answer, MTASTS_NO, MTASTS_YES);
    NAMES_ARE_GOOD(mtasts_decision_name, mtasts_decision, MTASTS_DECISION_NO_POLICY, MTASTS_DECISION_TESTING,
                   MTASTS_DECISION_ENFORCE, MTASTS_DECISION_DANE, MTASTS_DECISION_DANE_ONLY);
    NAMES_ARE_GOOD(mtasts_want_name, mtasts_want, MTASTS_WANT_NOTHING, MTASTS_WANT_TXT, MTASTS_WANT_HTTPS);
    NAMES_ARE_GOOD(mtasts_intent_name, mtasts_intent, MTASTS_INTENT_DELIVER, MTASTS_INTENT_BEFORE_BOUNCE,
                   MTASTS_INTENT_REFRESH);
    NAMES_ARE_GOOD(mtasts_txt_status_name, mtasts_txt_status, MTASTS_TXT_RECORDS, MTASTS_TXT_ABSENT,
                   MTASTS_TXT_TEMPFAIL);
    NAMES_ARE_GOOD(mtasts_mode_name, mtasts_mode, MTASTS_MODE_ENFORCE, MTASTS_MODE_TESTING, MTASTS_MODE_NONE);
    NAMES_ARE_GOOD(mtasts_cache_name, mtasts_cache, MTASTS_CACHE_KEEP, MTASTS_CACHE_FETCHED, MTASTS_CACHE_CHECKED,
                   MTASTS_CACHE_FAILED);
    NAMES_ARE_GOOD(mtasts_option_name, mtasts_option, MTASTS_OPTION_RECHECK_AFTER, MTASTS_OPTION_BACKOFF,
                   MTASTS_OPTION_MAX_BODY);
    NAMES_ARE_GOOD(mtasts_client_option_name, mtasts_client_option, MTASTS_CLIENT_OPTION_DEADLINE,
                   MTASTS_CLIENT_OPTION_PEER_UID);
    NAMES_ARE_GOOD(mtasts_failure_name, mtasts_failure, MTASTS_FAILURE_CERTIFICATE, MTASTS_FAILURE_CONNECT,
                   MTASTS_FAILURE_DNS, MTASTS_FAILURE_ENCODING, MTASTS_FAILURE_HTTP, MTASTS_FAILURE_INCOMPLETE,
                   MTASTS_FAILURE_MEDIA_TYPE, MTASTS_FAILURE_NOT_ALLOWED, MTASTS_FAILURE_NOT_TRIED,
                   MTASTS_FAILURE_POLICY, MTASTS_FAILURE_STATUS, MTASTS_FAILURE_TIMEOUT, MTASTS_FAILURE_TLS,
                   MTASTS_FAILURE_TOO_LARGE, MTASTS_FAILURE_BACKOFF, MTASTS_FAILURE_DNS_TEMPORARY,
                   MTASTS_FAILURE_NO_RECORD, MTASTS_FAILURE_SEVERAL_RECORDS, MTASTS_FAILURE_RECORD);
    NAMES_ARE_GOOD(mtasts_tlsrpt_result_name, mtasts_tlsrpt_result, MTASTS_TLSRPT_STARTTLS_NOT_SUPPORTED,
                   MTASTS_TLSRPT_CERTIFICATE_HOST_MISMATCH, MTASTS_TLSRPT_CERTIFICATE_NOT_TRUSTED,
                   MTASTS_TLSRPT_CERTIFICATE_EXPIRED, MTASTS_TLSRPT_VALIDATION_FAILURE,
                   MTASTS_TLSRPT_STS_POLICY_FETCH_ERROR, MTASTS_TLSRPT_STS_POLICY_INVALID,
                   MTASTS_TLSRPT_STS_WEBPKI_INVALID, MTASTS_TLSRPT_TLSA_INVALID, MTASTS_TLSRPT_DNSSEC_INVALID,
                   MTASTS_TLSRPT_DANE_REQUIRED);
    NAMES_ARE_GOOD(mtasts_problem_kind_name, mtasts_problem_kind, MTASTS_PROBLEM_BAD_MAX_AGE, MTASTS_PROBLEM_BAD_MODE,
                   MTASTS_PROBLEM_BAD_VERSION, MTASTS_PROBLEM_NO_MAX_AGE, MTASTS_PROBLEM_NO_MODE, MTASTS_PROBLEM_NO_MX,
                   MTASTS_PROBLEM_NO_VERSION, MTASTS_PROBLEM_TOO_LARGE, MTASTS_PROBLEM_BAD_EXTENSION,
                   MTASTS_PROBLEM_BAD_MX, MTASTS_PROBLEM_BLANK_LINE, MTASTS_PROBLEM_BYTE_ORDER_MARK,
                   MTASTS_PROBLEM_DUPLICATE, MTASTS_PROBLEM_LEADING_SPACE, MTASTS_PROBLEM_MAX_AGE_CLAMPED,
                   MTASTS_PROBLEM_NO_COLON, MTASTS_PROBLEM_SPACE_BEFORE_COLON, MTASTS_PROBLEM_OTHER);
    NAMES_ARE_GOOD(mtasts_name_problem_name, mtasts_name_problem, MTASTS_NAME_BAD_OCTET, MTASTS_NAME_EDGE_HYPHEN,
                   MTASTS_NAME_EMPTY, MTASTS_NAME_EMPTY_LABEL, MTASTS_NAME_IP_ADDRESS, MTASTS_NAME_LABEL_TOO_LONG,
                   MTASTS_NAME_NOT_ASCII, MTASTS_NAME_TOO_LONG, MTASTS_NAME_WILDCARD, MTASTS_NAME_OTHER);
    NAMES_ARE_GOOD(mtasts_record_problem_name, mtasts_record_problem, MTASTS_RECORD_BAD_FIELD, MTASTS_RECORD_BAD_ID,
                   MTASTS_RECORD_BAD_URI, MTASTS_RECORD_EMPTY_FIELD, MTASTS_RECORD_NO_ID, MTASTS_RECORD_NO_RUA,
                   MTASTS_RECORD_NO_USABLE_URI, MTASTS_RECORD_OTHER);
}

/* The names that the header gives, and the words that other programs read. */
static void names_are_those_of_the_header(void) {
    CHECK_TEXT(mtasts_result_name(MTASTS_OK), "ok");
    CHECK_TEXT(mtasts_result_name(MTASTS_E_OUT_OF_TURN), "out-of-turn");
    CHECK_TEXT(mtasts_answer_name(MTASTS_YES), "yes");
    CHECK_TEXT(mtasts_answer_name(MTASTS_NO), "no");
    CHECK_TEXT(mtasts_answer_name(MTASTS_UNKNOWN), "unknown");
    CHECK_TEXT(mtasts_decision_name(MTASTS_DECISION_UNKNOWN), "unknown");
    CHECK_TEXT(mtasts_decision_name(MTASTS_DECISION_ENFORCE), "enforce");
    CHECK_TEXT(mtasts_want_name(MTASTS_WANT_FAILED), "failed");
    CHECK_TEXT(mtasts_want_name(MTASTS_WANT_HTTPS), "https");
    CHECK_TEXT(mtasts_intent_name(MTASTS_INTENT_DELIVER), "deliver");
    CHECK_TEXT(mtasts_txt_status_name(MTASTS_TXT_TEMPFAIL), "tempfail");
    CHECK_TEXT(mtasts_mode_name(MTASTS_MODE_ENFORCE), "enforce");
    CHECK_TEXT(mtasts_mode_name(MTASTS_MODE_TESTING), "testing");
    CHECK_TEXT(mtasts_mode_name(MTASTS_MODE_NONE), "none");
    CHECK_TEXT(mtasts_cache_name(MTASTS_CACHE_FETCHED), "fetched");
    CHECK_TEXT(mtasts_option_name(MTASTS_OPTION_RECHECK_AFTER), "recheck-after");
    CHECK_TEXT(mtasts_client_option_name(MTASTS_CLIENT_OPTION_PEER_UID), "peer-uid");
    CHECK_TEXT(mtasts_failure_name(MTASTS_FAILURE_MEDIA_TYPE), "media-type");
    CHECK_TEXT(mtasts_tlsrpt_result_name(201), "starttls-not-supported");
    CHECK_TEXT(mtasts_tlsrpt_result_name(202), "certificate-host-mismatch");
    CHECK_TEXT(mtasts_tlsrpt_result_name(203), "certificate-not-trusted");
    CHECK_TEXT(mtasts_tlsrpt_result_name(204), "certificate-expired");
    CHECK_TEXT(mtasts_tlsrpt_result_name(205), "validation-failure");
    CHECK_TEXT(mtasts_tlsrpt_result_name(301), "sts-policy-fetch-error");
    CHECK_TEXT(mtasts_tlsrpt_result_name(302), "sts-policy-invalid");
    CHECK_TEXT(mtasts_tlsrpt_result_name(303), "sts-webpki-invalid");
    CHECK_TEXT(mtasts_tlsrpt_result_name(304), "tlsa-invalid");
    CHECK_TEXT(mtasts_tlsrpt_result_name(305), "dnssec-invalid");
    CHECK_TEXT(mtasts_tlsrpt_result_name(306), "dane-required");
    CHECK_TEXT(mtasts_problem_kind_name(MTASTS_PROBLEM_BAD_MX), "bad-mx");
    CHECK_TEXT(mtasts_name_problem_name(MTASTS_NAME_EDGE_HYPHEN), "edge-hyphen");
    CHECK_TEXT(mtasts_record_problem_name(MTASTS_RECORD_BAD_ID), "bad-id");
}

static void domains(void) {
    char buf[32];
    size_t need = 0;
    CHECK_OK(mtasts_domain_normalize(TEXT("Example.COM."), NULL, 0, &need));
    CHECK_NUMBER(need, sizeof "example.com");
    CHECK_OK(mtasts_domain_normalize(TEXT("Example.COM."), buf, sizeof buf, &need));
    CHECK_NUMBER(need, sizeof "example.com");
    CHECK(strcmp(buf, "example.com") == 0);
    CHECK_OK(mtasts_domain_normalize(TEXT("Example.COM."), buf, need, &need));
    CHECK_RESULT(mtasts_domain_normalize(TEXT("Example.COM."), buf, need - 1, &need), MTASTS_E_SPACE);

    mtasts_name_problem problem = 0;
    size_t at = 0;
    CHECK_RESULT(mtasts_domain_problem(TEXT("xn--mller-kva.example.com"), &problem, &at), MTASTS_E_ABSENT);
    CHECK_OK(mtasts_domain_problem(TEXT("mx_1.example.com"), &problem, &at));
    CHECK_NUMBER(problem, MTASTS_NAME_BAD_OCTET);
    CHECK_NUMBER(at, 2);
}

static mtasts_answer matches(const char *pattern, const char *host) {
    mtasts_answer answer = MTASTS_UNKNOWN;
    CHECK_OK(mtasts_pattern_match(pattern, strlen(pattern), host, strlen(host), &answer));
    return answer;
}

static void patterns(void) {
    CHECK_NUMBER(matches("mx.example.com", "MX.EXAMPLE.com."), MTASTS_YES);
    CHECK_NUMBER(matches("*.example.com", "mx.example.com"), MTASTS_YES);
    CHECK_NUMBER(matches("*.example.com", "a.mx.example.com"), MTASTS_NO);
    CHECK_NUMBER(matches("*.example.com", "example.com"), MTASTS_NO);
    CHECK_NUMBER(matches("*.example.com", "[192.0.2.1]"), MTASTS_NO);

    mtasts_name_problem problem = 0;
    size_t at = 0;
    CHECK_RESULT(mtasts_pattern_problem(TEXT("*.example.com"), &problem, &at), MTASTS_E_ABSENT);
    CHECK_OK(mtasts_pattern_problem(TEXT("mx.*.example.com"), &problem, &at));
    CHECK_NUMBER(problem, MTASTS_NAME_WILDCARD);
    CHECK_NUMBER(at, 3);
}

static void sts_records(void) {
    char id[33];
    size_t need = 0;
    mtasts_txt *txt = given_txt("v=spf1 -all");
    CHECK_RESULT(mtasts_txt_sts_id(txt, NULL, 0, &need), MTASTS_E_NO_RECORD);
    /* Two character-strings, which are joined without a space. */
    CHECK_OK(mtasts_txt_add_rdata(txt, OCTETS("\x0bv=STSv1; id\x0a=20270115A")));
    CHECK_OK(mtasts_txt_sts_id(txt, NULL, 0, &need));
    CHECK_NUMBER(need, sizeof "20270115A");
    CHECK_OK(mtasts_txt_sts_id(txt, id, sizeof id, &need));
    CHECK(strcmp(id, "20270115A") == 0);
    CHECK_RESULT(mtasts_txt_sts_id(txt, id, sizeof "20270115A" - 1, &need), MTASTS_E_SPACE);

    mtasts_record_problem problem = 0;
    size_t at = 0;
    CHECK_RESULT(mtasts_txt_sts_problem(txt, &problem, &at), MTASTS_E_ABSENT);
    CHECK_OK(mtasts_txt_add(txt, TEXT(RECORD)));
    CHECK_RESULT(mtasts_txt_sts_id(txt, NULL, 0, &need), MTASTS_E_SEVERAL_RECORDS);
    mtasts_txt_free(txt);

    txt = given_txt("v=STSv1; id=a-b;");
    CHECK_RESULT(mtasts_txt_sts_id(txt, NULL, 0, &need), MTASTS_E_RECORD);
    CHECK_OK(mtasts_txt_sts_problem(txt, &problem, &at));
    CHECK_NUMBER(problem, MTASTS_RECORD_BAD_ID);
    CHECK_NUMBER(at, 9);
    mtasts_txt_free(txt);
}

static mtasts_answer permits(const mtasts_policy *policy, const char *host) {
    mtasts_answer answer = MTASTS_UNKNOWN;
    CHECK_OK(mtasts_policy_permits_mx(policy, host, strlen(host), &answer));
    return answer;
}

static void policies(void) {
    const char body[] =
        "version: STSv1\r\nmode: testing\r\nmx: mx.example.com\r\nmx: *.mail.example.com\r\nmx: bad..name\r\n"
        "mode: none\r\nmax_age: 604800\r\ncontact: postmaster@example.com\r\nquoted: \"x\"\r\n";
    mtasts_policy *policy = given_policy(body);
    mtasts_mode mode = 0;
    uint32_t max_age = 0;
    size_t count = 0;
    mtasts_str text = {NULL, 0};

    CHECK_OK(mtasts_policy_mode(policy, &mode));
    CHECK_NUMBER(mode, MTASTS_MODE_TESTING);
    CHECK_OK(mtasts_policy_max_age(policy, &max_age));
    CHECK_NUMBER(max_age, 604800);

    CHECK_NUMBER(permits(policy, "mx.example.com"), MTASTS_YES);
    CHECK_NUMBER(permits(policy, "a.Mail.example.com."), MTASTS_YES);
    CHECK_NUMBER(permits(policy, "a.b.mail.example.com"), MTASTS_NO);
    CHECK_NUMBER(permits(policy, "mx.example.net"), MTASTS_NO);
    CHECK_NUMBER(permits(policy, ""), MTASTS_NO);

    CHECK_OK(mtasts_policy_mx_count(policy, &count));
    CHECK_NUMBER(count, 2);
    CHECK_OK(mtasts_policy_mx(policy, 0, &text));
    CHECK_TEXT(text, "mx.example.com");
    CHECK_OK(mtasts_policy_mx(policy, 1, &text));
    CHECK_TEXT(text, "*.mail.example.com");
    CHECK_RESULT(mtasts_policy_mx(policy, 2, &text), MTASTS_E_ABSENT);

    /* Neither the second mode nor the bad pattern nor what has quotes is handed on. */
    static const char *const lines[] = {"version: STSv1",           "mode: testing",   "mx: mx.example.com",
                                        "mx: *.mail.example.com",   "max_age: 604800", "contact: postmaster@example.com"};
    CHECK_OK(mtasts_policy_line_count(policy, &count));
    CHECK_NUMBER(count, sizeof lines / sizeof *lines);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        CHECK_OK(mtasts_policy_line(policy, i, &text));
        CHECK_TEXT(text, lines[i]);
    }
    CHECK_RESULT(mtasts_policy_line(policy, count, &text), MTASTS_E_ABSENT);

    size_t need = 0;
    uint8_t served[sizeof body];
    CHECK_OK(mtasts_policy_body(policy, NULL, 0, &need));
    CHECK_NUMBER(need, sizeof body - 1);
    CHECK_OK(mtasts_policy_body(policy, served, need, &need));
    CHECK(memcmp(served, body, need) == 0);
    CHECK_RESULT(mtasts_policy_body(policy, served, need - 1, &need), MTASTS_E_SPACE);

    /* A text that was asked for before is the same text: it lives as long as the policy. */
    mtasts_str again = {NULL, 0};
    CHECK_OK(mtasts_policy_mx(policy, 1, &text));
    CHECK_OK(mtasts_policy_mx(policy, 1, &again));
    CHECK(text.data == again.data);
    mtasts_policy_free(policy);
}

static void problems_of_a_policy(void) {
    const char body[] = "version: STSv1\nmode: enforced\n\nmx: mx.example.com\nmx: -a.example.com\nmax_age: 99999999\n";
    mtasts_problems *problems = given_problems(body);
    mtasts_answer valid = MTASTS_UNKNOWN;
    size_t count = 0, omitted = 99;
    CHECK_OK(mtasts_problems_valid(problems, &valid));
    CHECK_NUMBER(valid, MTASTS_NO);
    CHECK_OK(mtasts_problems_count(problems, &count));
    CHECK_NUMBER(count, 4);
    CHECK_OK(mtasts_problems_omitted(problems, &omitted));
    CHECK_NUMBER(omitted, 0);

    static const struct {
        mtasts_problem_kind kind;
        mtasts_name_problem detail;
        uint32_t line;
    } expected[] = {{MTASTS_PROBLEM_BAD_MODE, 0, 2},
                    {MTASTS_PROBLEM_BLANK_LINE, 0, 3},
                    {MTASTS_PROBLEM_BAD_MX, MTASTS_NAME_EDGE_HYPHEN, 5},
                    {MTASTS_PROBLEM_MAX_AGE_CLAMPED, 0, 6}};
    mtasts_problem problem;
    for (size_t i = 0; i < 4; i++) {
        CHECK_OK(mtasts_problems_get(problems, i, &problem));
        CHECK_NUMBER(problem.kind, expected[i].kind);
        CHECK_NUMBER(problem.detail, expected[i].detail);
        CHECK_NUMBER(problem.line, expected[i].line);
        CHECK(problem.column >= 1 && problem.start <= problem.end && problem.end <= sizeof body - 1);
    }
    CHECK_OK(mtasts_problems_get(problems, 0, &problem));
    CHECK(problem.column == 7 && memcmp(body + problem.start, "enforced", problem.end - problem.start) == 0);
    CHECK_RESULT(mtasts_problems_get(problems, 4, &problem), MTASTS_E_ABSENT);
    mtasts_problems_free(problems);

    problems = given_problems(POLICY);
    CHECK_OK(mtasts_problems_valid(problems, &valid));
    CHECK_NUMBER(valid, MTASTS_YES);
    CHECK_OK(mtasts_problems_count(problems, &count));
    CHECK_NUMBER(count, 0);
    mtasts_problems_free(problems);
}

static void settings(void) {
    static const struct {
        mtasts_option option;
        uint64_t standard;
    } options[] = {{MTASTS_OPTION_RECHECK_AFTER, 300}, {MTASTS_OPTION_BACKOFF, 300}, {MTASTS_OPTION_MAX_BODY, 65536}};
    mtasts_config *config = given_config();
    for (size_t i = 0; i < 3; i++) {
        uint64_t value = 0;
        CHECK_OK(mtasts_config_get(config, options[i].option, &value));
        CHECK_NUMBER(value, options[i].standard);
        CHECK_OK(mtasts_config_set(config, options[i].option, UINT32_MAX));
        CHECK_OK(mtasts_config_get(config, options[i].option, &value));
        CHECK_NUMBER(value, UINT32_MAX);
        CHECK_OK(mtasts_config_set(config, options[i].option, 7 + i));
    }
    for (size_t i = 0; i < 3; i++) {
        uint64_t value = 0;
        CHECK_OK(mtasts_config_get(config, options[i].option, &value));
        CHECK_NUMBER(value, 7 + i);
    }
    mtasts_config_free(config);
}

static void tlsrpt_records(void) {
    mtasts_tlsrpt *tlsrpt =
        given_tlsrpt("v=TLSRPTv1; rua=mailto:tls@example.com , https://report.example.com/v1,ftp://example.com; x=y");
    mtasts_str text = {NULL, 0};
    size_t count = 0;
    CHECK_OK(mtasts_tlsrpt_record(tlsrpt, &text));
    CHECK_TEXT(text, "v=TLSRPTv1; rua=mailto:tls@example.com,https://report.example.com/v1");
    CHECK_OK(mtasts_tlsrpt_rua_count(tlsrpt, &count));
    CHECK_NUMBER(count, 2);
    CHECK_OK(mtasts_tlsrpt_rua(tlsrpt, 0, &text));
    CHECK_TEXT(text, "mailto:tls@example.com");
    CHECK_OK(mtasts_tlsrpt_rua(tlsrpt, 1, &text));
    CHECK_TEXT(text, "https://report.example.com/v1");
    CHECK_RESULT(mtasts_tlsrpt_rua(tlsrpt, 2, &text), MTASTS_E_ABSENT);
    mtasts_tlsrpt_free(tlsrpt);

    static const struct {
        const char *record;
        mtasts_record_problem problem;
        size_t at;
    } wrong[] = {{"v=TLSRPTv1;", MTASTS_RECORD_NO_RUA, 11},
                 {"v=TLSRPTv1; rua=ftp://example.com", MTASTS_RECORD_NO_USABLE_URI, 33},
                 {"v=TLSRPTv1; rua=nothing", MTASTS_RECORD_BAD_URI, 16},
                 {"v=TLSRPTv1; rua=mailto:tls@example.com;;", MTASTS_RECORD_EMPTY_FIELD, 39},
                 {"v=TLSRPTv1; rua=mailto:tls@example.com; x", MTASTS_RECORD_BAD_FIELD, 40}};
    mtasts_record_problem problem = 0;
    size_t at = 0;
    tlsrpt = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        mtasts_txt *txt = given_txt(wrong[i].record);
        CHECK_RESULT(mtasts_tlsrpt_parse(txt, &tlsrpt), MTASTS_E_RECORD);
        CHECK_OK(mtasts_txt_tlsrpt_problem(txt, &problem, &at));
        CHECK_NUMBER(problem, wrong[i].problem);
        CHECK_NUMBER(at, wrong[i].at);
        mtasts_txt_free(txt);
    }
    mtasts_txt *txt = given_txt(RECORD);
    CHECK_RESULT(mtasts_tlsrpt_parse(txt, &tlsrpt), MTASTS_E_NO_RECORD);
    CHECK_RESULT(mtasts_txt_tlsrpt_problem(txt, &problem, &at), MTASTS_E_ABSENT);
    CHECK_OK(mtasts_txt_add(txt, TEXT("v=TLSRPTv1; rua=mailto:a@example.com")));
    CHECK_OK(mtasts_txt_add(txt, TEXT("v=TLSRPTv1; rua=mailto:b@example.com")));
    CHECK_RESULT(mtasts_tlsrpt_parse(txt, &tlsrpt), MTASTS_E_SEVERAL_RECORDS);
    CHECK(tlsrpt == NULL);
    mtasts_txt_free(txt);
}

int main(void) {
    versions();
    numbers_have_names();
    names_are_those_of_the_header();
    domains();
    patterns();
    sts_records();
    policies();
    problems_of_a_policy();
    settings();
    tlsrpt_records();
    lookups();
    clients();
    return checks_end("api");
}
