/* The version macros, in the preprocessor, at compile time and at run time; the layout of the two
 * structs, which never changes; read as C11 and as C++11. */
#include <assert.h>
#include <mtasts.h>
#include <mtasts.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#if MTASTS_VERSION_NUMBER < 0x000100
#error "the version number cannot be compared in the preprocessor"
#endif

static_assert(MTASTS_VERSION_NUMBER ==
                  ((MTASTS_VERSION_MAJOR << 24) | (MTASTS_VERSION_MINOR << 16) | (MTASTS_VERSION_PATCH << 8)),
              "the version number is that of its parts");
static_assert(sizeof(mtasts_result) == 4 && sizeof(mtasts_answer) == 4 && sizeof(mtasts_problem_kind) == 4,
              "numbers have 32 bits");
static_assert((mtasts_result)-1 < 0 && (mtasts_want)-1 > 0, "results are signed, the other numbers are not");
static_assert(offsetof(mtasts_str, data) == 0 && offsetof(mtasts_str, len) == sizeof(char *) &&
                  sizeof(mtasts_str) == sizeof(char *) + sizeof(size_t),
              "mtasts_str is a pointer and a length");
static_assert(offsetof(mtasts_problem, kind) == 0 && offsetof(mtasts_problem, detail) == 4 &&
                  offsetof(mtasts_problem, line) == 8 && offsetof(mtasts_problem, column) == 12 &&
                  offsetof(mtasts_problem, start) == 16 && offsetof(mtasts_problem, end) == 16 + sizeof(size_t) &&
                  sizeof(mtasts_problem) == 16 + 2 * sizeof(size_t),
              "mtasts_problem never changes");

static int fail(const char *what) {
    printf("version.c: %s\n", what);
    return 1;
}

int main(void) {
    char macros[32];
    if (mtasts_abi() != MTASTS_ABI) return fail("mtasts_abi() is not MTASTS_ABI");

    snprintf(macros, sizeof macros, "%d.%d.%d", MTASTS_VERSION_MAJOR, MTASTS_VERSION_MINOR, MTASTS_VERSION_PATCH);
    mtasts_str version = mtasts_version();
    if (version.len != strlen(version.data) || strcmp(version.data, macros) != 0)
        return fail("mtasts_version() is not what the macros say");

    if (!mtasts_version_check(MTASTS_VERSION_MAJOR, MTASTS_VERSION_MINOR)) return fail("its own version is refused");
    if (!mtasts_version_check(MTASTS_VERSION_MAJOR, 0)) return fail("an older minor version is refused");
    if (mtasts_version_check(MTASTS_VERSION_MAJOR, MTASTS_VERSION_MINOR + 1)) return fail("a newer one is not refused");
    if (mtasts_version_check(MTASTS_VERSION_MAJOR + 1, 0)) return fail("another major version is not refused");
    if (mtasts_version_check(UINT32_MAX, UINT32_MAX)) return fail("the largest numbers are not refused");
    return 0;
}
