/* Hostile text from the wire: what is handed out never has a control character in it, and never
 * breaks out of a line, a header field or a JSON string. */
#include "bad.h"

#include <stdlib.h>

/* Every text that a policy hands out. */
static void policy_is_safe(const uint8_t *body, size_t len) {
    mtasts_policy *policy = NULL;
    mtasts_problems *problems = NULL;
    size_t count = 0;
    mtasts_str text = {NULL, 0};
    CHECK_OK(mtasts_problems_new(body, len, &problems));
    mtasts_problems_free(problems);
    CHECK_OK(mtasts_policy_parse(body, len, &policy));
    CHECK_OK(mtasts_policy_line_count(policy, &count));
    for (size_t i = 0; i < count; i++) {
        CHECK_OK(mtasts_policy_line(policy, i, &text));
        CHECK(is_safe_text(text) && strpbrk(text.data, "\"{}") == NULL);
    }
    CHECK_OK(mtasts_policy_mx_count(policy, &count));
    for (size_t i = 0; i < count; i++) {
        CHECK_OK(mtasts_policy_mx(policy, i, &text));
        CHECK(is_safe_text(text) && text.len <= 255);
    }
    mtasts_policy_free(policy);
}

/* A valid policy with one more line. */
static void policy_with_line_is_safe(const char *line, size_t len) {
    uint8_t body[1024];
    size_t at = sizeof POLICY - 1;
    memcpy(body, POLICY, at);
    memcpy(body + at, line, len);
    body[at + len] = '\n';
    policy_is_safe(body, at + len + 1);
}

static void policies(void) {
    static const struct {
        const char *line;
        size_t len;
    } lines[] = {{TEXT("x: \x1b[31mred\x1b[0m")},
                 {TEXT("x: \x1b]0;title\x07")},
                 {TEXT("x: \xc2\x9b"
                       "31m")},
                 {TEXT("x: a\rb: c")},
                 {TEXT("x: a\0b")},
                 {TEXT("x: a\x7f")},
                 {TEXT("x: a\tb")},
                 {TEXT("x: \", \"injected\": \"")},
                 {TEXT("x: {}")},
                 {TEXT("x: \xff\xfe\xc0\x80")},
                 {TEXT("x\x1b: y")},
                 {TEXT("mx: \x1b[31m.example.com")},
                 {TEXT("mx: a\0.example.com")},
                 {TEXT("mx: *.*.example.com")},
                 {TEXT("mode: \x1b[31m")},
                 {TEXT("version: \xc2\x85")},
                 {TEXT("max_age: \"")},
                 {TEXT("\xef\xbb\xbfmode: none")},
                 {TEXT("\x1b[2J")},
                 {TEXT("")}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) policy_with_line_is_safe(lines[i].line, lines[i].len);
    /* Every octet, in a name and in a value, before, in and after. */
    for (int octet = 0; octet < 256; octet++) {
        const char in_value[] = {'x', ':', ' ', (char)octet, 'y', (char)octet, 'z', (char)octet};
        const char in_name[] = {'x', (char)octet, 'y', ':', ' ', 'z'};
        const char in_mx[] = {'m', 'x', ':', 'a', (char)octet, '.', 'e', 'x', 'a', 'm', 'p', 'l', 'e', '.', 'c', 'o', 'm'};
        policy_with_line_is_safe(in_value, sizeof in_value);
        policy_with_line_is_safe(in_name, sizeof in_name);
        policy_with_line_is_safe(in_mx, sizeof in_mx);
    }
    /* Each C1 character. */
    for (int octet = 0x80; octet < 0xa0; octet++) {
        const char c1[] = {'x', ':', ' ', 'a', (char)0xc2, (char)octet, 'b'};
        policy_with_line_is_safe(c1, sizeof c1);
    }
}

static void tlsrpt_records(void) {
    for (int octet = 0; octet < 256; octet++) {
        static const char *const before[] = {"v=TLSRPTv1; rua=mailto:a", "v=TLSRPTv1; rua=https://example.com/",
                                             "v=TLSRPTv1; rua=mailto:a@example.com,x", "v=TLSRPTv1; x="};
        for (size_t i = 0; i < 4; i++) {
            char record[128];
            int len = snprintf(record, sizeof record, "%s_@example.com; rua=mailto:b@example.com", before[i]);
            *strchr(record, '_') = (char)octet;
            mtasts_txt *txt = given_txt(NULL);
            mtasts_tlsrpt *tlsrpt = NULL;
            CHECK_OK(mtasts_txt_add(txt, record, (size_t)len));
            mtasts_result result = mtasts_tlsrpt_parse(txt, &tlsrpt);
            if (result == MTASTS_OK) {
                mtasts_str text = {NULL, 0};
                size_t count = 0;
                CHECK_OK(mtasts_tlsrpt_record(tlsrpt, &text));
                CHECK(is_safe_text(text) && strchr(text.data, '"') == NULL);
                CHECK_OK(mtasts_tlsrpt_rua_count(tlsrpt, &count));
                for (size_t j = 0; j < count; j++) {
                    CHECK_OK(mtasts_tlsrpt_rua(tlsrpt, j, &text));
                    CHECK(is_safe_text(text) && strpbrk(text.data, "\" ,;<>\\") == NULL);
                }
                mtasts_tlsrpt_free(tlsrpt);
            } else {
                mtasts_record_problem problem = 0;
                size_t at = 0;
                CHECK_RESULT(result, MTASTS_E_RECORD);
                CHECK_OK(mtasts_txt_tlsrpt_problem(txt, &problem, &at));
                CHECK(at <= (size_t)len);
            }
            mtasts_txt_free(txt);
        }
    }
}

/* What a log gets is the library's own words, whatever was served. */
static void failure_texts(void) {
    mtasts_lookup *lookup = given_lookup(NULL, MTASTS_INTENT_DELIVER, NOW);
    mtasts_str text = {NULL, 0};
    answer_txt(lookup, RECORD, NOW);
    answer_https(lookup, "version: \x1b[31mSECRET\nmode: SECRET\n", NOW);
    CHECK_OK(mtasts_lookup_failure_text(lookup, &text));
    CHECK(is_safe_text(text) && text.len > 0 && strstr(text.data, "SECRET") == NULL);
    mtasts_lookup_free(lookup);

    lookup = given_lookup(NULL, MTASTS_INTENT_DELIVER, NOW);
    answer_txt(lookup, "v=STSv1; id=SECRET\x1b;", NOW);
    CHECK_OK(mtasts_lookup_failure_text(lookup, &text));
    CHECK(is_safe_text(text) && text.len > 0 && strstr(text.data, "SECRET") == NULL);
    mtasts_lookup_free(lookup);
}

void hostile_text(void) {
    policies();
    tlsrpt_records();
    failure_texts();
}
