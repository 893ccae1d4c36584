#include "check.h"

#include <inttypes.h>
#include <stdatomic.h>

static atomic_uint checks_made, checks_failed;

static void check_failed(const char *file, int line, const char *what) {
    atomic_fetch_add(&checks_failed, 1);
    printf("%s:%d: %s\n", file, line, what);
    fflush(stdout);
}

void check_true(bool holds, const char *expression, const char *file, int line) {
    atomic_fetch_add(&checks_made, 1);
    if (!holds) check_failed(file, line, expression);
}

void check_number(int64_t got, int64_t want, const char *expression, const char *file, int line) {
    char what[512];
    atomic_fetch_add(&checks_made, 1);
    if (got == want) return;
    snprintf(what, sizeof what, "%s is %" PRId64 ", not %" PRId64, expression, got, want);
    check_failed(file, line, what);
}

void check_result(mtasts_result got, mtasts_result want, const char *call, const char *file, int line) {
    char what[512];
    atomic_fetch_add(&checks_made, 1);
    if (got == want) return;
    snprintf(what, sizeof what, "%s gives %s (%" PRId32 "), not %s (%" PRId32 ")", call, mtasts_result_name(got).data,
             got, mtasts_result_name(want).data, want);
    check_failed(file, line, what);
}

/* The C1 characters (U+0080 to U+009F) are two octets in UTF-8. */
bool is_safe_text(mtasts_str text) {
    if (text.data == NULL || text.data[text.len] != '\0') return false;
    const unsigned char *octet = (const unsigned char *)text.data;
    for (size_t i = 0; i < text.len; i++) {
        if (octet[i] < 0x20 || octet[i] == 0x7f) return false;
        if (octet[i] == 0xc2 && octet[i + 1] >= 0x80 && octet[i + 1] <= 0x9f) return false;
    }
    return true;
}

void check_text(mtasts_str got, const char *want, const char *expression, const char *file, int line) {
    char what[512];
    atomic_fetch_add(&checks_made, 1);
    if (!is_safe_text(got)) {
        snprintf(what, sizeof what, "%s has no NUL at its end, or a control character in it", expression);
    } else if (got.len != strlen(want) || memcmp(got.data, want, got.len) != 0) {
        snprintf(what, sizeof what, "%s is \"%s\", not \"%s\"", expression, got.data, want);
    } else {
        return;
    }
    check_failed(file, line, what);
}

int checks_status(void) { return atomic_load(&checks_failed) == 0 ? 0 : 1; }

int checks_end(const char *program) {
    printf("%s: %u checks, %u failed\n", program, atomic_load(&checks_made), atomic_load(&checks_failed));
    fflush(stdout);
    return checks_status();
}
