#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void check_library(const char *program) {
    if (mtasts_abi() == MTASTS_ABI && mtasts_version_check(MTASTS_VERSION_MAJOR, MTASTS_VERSION_MINOR))
        return;
    fprintf(stderr, "%s: libmtasts %s is loaded, and %d.%d was built for; install that or build %s again\n", program,
        mtasts_version().data, MTASTS_VERSION_MAJOR, MTASTS_VERSION_MINOR, program);
    exit(EXIT_LIBRARY);
}

void take_setting(struct settings *settings, int option, const char *argument, const char *help) {
    switch (option) {
    case 'd':
        settings->dns = argument;
        return;
    case 'c':
        settings->ca = argument;
        /* Not found out later, when every policy host would look like an impostor. */
        if (access(argument, R_OK) == 0)
            return;
        fprintf(stderr, "--ca %s: cannot be read: %s\n", argument, strerror(errno));
        exit(EXIT_USAGE);
    case 't':
        settings->connect_to = argument;
        return;
    case 'l':
        settings->allow_loopback = true;
        return;
    case 's':
        settings->timeout = take_number("--timeout", argument);
        return;
    case 'h':
        fputs(help, stdout);
        exit(0);
    default:
        fputs(help, stderr);
        exit(EXIT_USAGE);
    }
}

long take_number(const char *name, const char *argument) {
    char *end = NULL;
    long number = strtol(argument, &end, 10);

    if (end == argument || *end != '\0' || number < 1 || number > 3600) {
        fprintf(stderr, "%s %s: give a number from 1 to 3600\n", name, argument);
        exit(EXIT_USAGE);
    }
    return number;
}

mtasts_lookup *start_lookup(const char *domain, const mtasts_entry *cached, mtasts_intent intent, int *code) {
    mtasts_lookup *lookup = NULL;
    mtasts_result result = mtasts_lookup_new(domain, strlen(domain), cached, intent, NULL, now(), &lookup);

    if (result == MTASTS_E_DOMAIN)
        *code = show_not_a_domain(domain);
    else if (result != MTASTS_OK)
        *code = show_decision(domain, NULL, result);
    return lookup;
}

int show_not_a_domain(const char *name) {
    mtasts_name_problem problem = 0;
    size_t at = 0;

    mtasts_domain_problem(name, strlen(name), &problem, &at);
    printf("%s decision=no-policy failure=none tlsrpt=none (not a policy domain: %s at octet %zu)\n", name,
        mtasts_name_problem_name(problem).data, at);
    return EXIT_DECIDED;
}

int show_decision(const char *domain, const mtasts_lookup *lookup, mtasts_result done) {
    mtasts_decision decision = MTASTS_DECISION_UNKNOWN;
    mtasts_failure failure = 0;
    mtasts_tlsrpt_result tlsrpt = 0;
    mtasts_str text;

    if (done == MTASTS_OK)
        done = mtasts_lookup_decision(lookup, &decision);
    if (done != MTASTS_OK) {
        printf("%s decision=unknown (%s): defer\n", domain, mtasts_result_name(done).data);
        return EXIT_DEFER;
    }
    /* What was missed does not change the decision: it is for the log and the report. */
    bool failed = mtasts_lookup_failure(lookup, &failure) == MTASTS_OK;
    bool report = mtasts_lookup_tlsrpt_result(lookup, &tlsrpt) == MTASTS_OK;
    printf("%s decision=%s failure=%s tlsrpt=%s", domain, mtasts_decision_name(decision).data,
        failed ? mtasts_failure_name(failure).data : "none", report ? mtasts_tlsrpt_result_name(tlsrpt).data : "none");
    if (failed && mtasts_lookup_failure_text(lookup, &text) == MTASTS_OK)
        printf(" (%s)", text.data);
    putchar('\n');
    return EXIT_DECIDED;
}

static const char *verdict(mtasts_decision decision, const mtasts_policy *policy, const char *host) {
    mtasts_answer permitted = MTASTS_UNKNOWN;

    if (decision == MTASTS_DECISION_NO_POLICY)
        return "permitted";
    if (mtasts_policy_permits_mx(policy, host, strlen(host), &permitted) == MTASTS_OK && permitted == MTASTS_YES)
        return "permitted";
    /* A decision that this program does not know is taken for the strictest. */
    return decision == MTASTS_DECISION_TESTING ? "permitted (testing: a failure to report)" : "refused";
}

int show_hosts(const char *domain, const mtasts_lookup *lookup, int hosts, char **host) {
    mtasts_decision decision = MTASTS_DECISION_UNKNOWN;
    mtasts_policy *policy = NULL;

    if (mtasts_lookup_decision(lookup, &decision) != MTASTS_OK)
        return EXIT_DEFER;
    /* Without a policy `policy` stays NULL, which permits nothing. */
    mtasts_result result = mtasts_lookup_policy(lookup, &policy);
    if (result != MTASTS_OK && result != MTASTS_E_ABSENT)
        return EXIT_DEFER;
    for (int i = 0; i < hosts; i++)
        printf("%s mx=%s %s\n", domain, host[i], verdict(decision, policy, host[i]));
    mtasts_policy_free(policy);
    return EXIT_DECIDED;
}
