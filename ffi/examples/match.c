/* match: reads a policy file, says what is wrong with it, and which MX hosts it permits.
 *
 * No DNS, no HTTPS: the part of the library that works on a text alone.
 */
#include <mtasts.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ALL_PERMITTED = 0, SOME_REFUSED = 1, NOT_VALID = 2, EXIT_USAGE = 64, EXIT_LIBRARY = 70 };

static const char HELP[] =
    "usage: match POLICY-FILE [MX-HOST...]\n"
    "\n"
    "Lists the problems of a policy, then its mode and max_age, then for each MX host\n"
    "whether the policy permits it.\n"
    "\n"
    "exit codes:\n"
    "  0   the policy is valid and permits all the hosts\n"
    "  1   the policy is valid and refuses some\n"
    "  2   the policy is not valid\n"
    "  64  wrong usage, or the file cannot be read\n"
    "  70  the library failed, or is not the one this program was built for\n";

/* One octet more than a policy may have, so that a larger file is refused by the library. */
#define BODY_MAX 65537

struct body {
    unsigned char octets[BODY_MAX];
    size_t len;
};

static int examine(const char *path, const struct body *body, int hosts, char **host);
static bool show_problems(const char *path, const struct body *body);
static void show_problem(const char *path, const mtasts_problem *problem);
static bool show_policy(const mtasts_policy *policy);
static int match_hosts(const mtasts_policy *policy, int hosts, char **host);
static bool read_body(const char *path, struct body *body);

int main(int argc, char **argv) {
    static struct body body;

    if (mtasts_abi() != MTASTS_ABI || !mtasts_version_check(MTASTS_VERSION_MAJOR, MTASTS_VERSION_MINOR)) {
        fprintf(stderr, "match: libmtasts %s is loaded, which is not the one for this program\n",
            mtasts_version().data);
        return EXIT_LIBRARY;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(HELP, stdout);
        return 0;
    }
    if (argc < 2) {
        fputs(HELP, stderr);
        return EXIT_USAGE;
    }
    if (!read_body(argv[1], &body))
        return EXIT_USAGE;
    return examine(argv[1], &body, argc - 2, argv + 2);
}

static int examine(const char *path, const struct body *body, int hosts, char **host) {
    mtasts_policy *policy = NULL;

    if (!show_problems(path, body))
        return EXIT_LIBRARY;
    mtasts_result result = mtasts_policy_parse(body->octets, body->len, &policy);
    if (result == MTASTS_E_POLICY || result == MTASTS_E_TOO_LARGE) {
        printf("%s: not a valid policy; senders act as if there were none\n", path);
        return NOT_VALID;
    }
    int code = EXIT_LIBRARY;
    if (result == MTASTS_OK && show_policy(policy))
        code = match_hosts(policy, hosts, host);
    mtasts_policy_free(policy);
    return code;
}

static bool show_problems(const char *path, const struct body *body) {
    mtasts_problems *problems = NULL;
    mtasts_problem problem;
    size_t count = 0, omitted = 0;

    if (mtasts_problems_new(body->octets, body->len, &problems) != MTASTS_OK)
        return false;
    bool good = mtasts_problems_count(problems, &count) == MTASTS_OK
        && mtasts_problems_omitted(problems, &omitted) == MTASTS_OK;
    for (size_t i = 0; good && i < count; i++) {
        good = mtasts_problems_get(problems, i, &problem) == MTASTS_OK;
        if (good)
            show_problem(path, &problem);
    }
    if (good && omitted > 0)
        printf("%s: %zu more problems\n", path, omitted);
    mtasts_problems_free(problems);
    return good;
}

static void show_problem(const char *path, const mtasts_problem *problem) {
    printf("%s:%u:%u: %s: %s", path, (unsigned)problem->line, (unsigned)problem->column,
        problem->kind < 100 ? "error" : "warning", mtasts_problem_kind_name(problem->kind).data);
    if (problem->kind == MTASTS_PROBLEM_BAD_MX)
        printf(" (%s)", mtasts_name_problem_name(problem->detail).data);
    putchar('\n');
}

static bool show_policy(const mtasts_policy *policy) {
    mtasts_mode mode = 0;
    uint32_t max_age = 0;

    if (mtasts_policy_mode(policy, &mode) != MTASTS_OK || mtasts_policy_max_age(policy, &max_age) != MTASTS_OK)
        return false;
    printf("mode %s, max_age %lu\n", mtasts_mode_name(mode).data, (unsigned long)max_age);
    return true;
}

static int match_hosts(const mtasts_policy *policy, int hosts, char **host) {
    int code = ALL_PERMITTED;

    for (int i = 0; i < hosts; i++) {
        mtasts_answer permitted = MTASTS_UNKNOWN;
        if (mtasts_policy_permits_mx(policy, host[i], strlen(host[i]), &permitted) != MTASTS_OK)
            return EXIT_LIBRARY;
        printf("%s %s\n", host[i], permitted == MTASTS_YES ? "permitted" : "refused");
        if (permitted != MTASTS_YES)
            code = SOME_REFUSED;
    }
    return code;
}

static bool read_body(const char *path, struct body *body) {
    FILE *file = fopen(path, "rb");
    bool good = false;

    if (file) {
        body->len = fread(body->octets, 1, sizeof body->octets, file);
        good = !ferror(file);
    }
    if (!good)
        fprintf(stderr, "match: cannot read the policy %s: %s\n", path, strerror(errno));
    if (file)
        fclose(file);
    return good;
}
