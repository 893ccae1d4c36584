/* MTA-STS (RFC 8461) for an unmodified Exim: functions for ${dlfunc}, which ask `mta-sts serve`.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 *   ${dlfunc{MODULE}{mta_sts_ask}{DOMAIN}{OPTIONS}}
 *       decision=enforce reason=policy ignore=LIST      LIST is for ignore_target_hosts
 *       decision=dane-only reason=dane ignore=LIST      likewise; Exim does DANE by itself
 *       decision=testing reason=policy                  likewise no-policy and dane
 *       decision=unavailable problem="TEXT"             the message has to wait
 *       decision=no-policy reason=failed-open problem="TEXT"
 *   ${dlfunc{MODULE}{mta_sts_testing}{DOMAIN}{HOST}{CIPHER}{VERIFIED}{OPTIONS}}
 *       what enforcement would have refused, for the log; nothing if the policy is not in testing
 *
 * OPTIONS are words: socket=PATH, uid=NUMBER-OR-NAME, deadline=SECONDS, fail_open. They may be left out.
 *
 * A function always returns text and never fails: Exim would write to its panic log, and what fails in a host
 * list of a transport it takes for "no host". So a router keeps the answer, and the configuration
 * takes a decision that it does not know for unavailable.
 */

#include <mtasts.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Exim's own number for it, in local_scan.h. No header of Exim is needed. */
#define EXIM_OK 0

/* Twice what the largest policy needs: of a policy of 64 KiB the list has less than 128 KiB. */
#define TEXT_SIZE (256 * 1024)
/* PCRE compiles expressions into at most 64 KiB, and an octet of ours into three. */
#define EXPRESSION_SIZE (8 * 1024)
/* Of a problem. */
#define LINE_SIZE 400

/* Exim copies what it is given at once. It has one thread. */
static struct {
    char data[TEXT_SIZE];
    size_t len;
    bool is_cut;
} text;

static void start_text(void) {
    text.len = 0;
    text.data[0] = '\0';
    text.is_cut = false;
}

static void add(const char *more, size_t len) {
    if (len >= sizeof text.data - text.len) {
        text.is_cut = true;
        return;
    }
    memcpy(text.data + text.len, more, len);
    text.len += len;
    text.data[text.len] = '\0';
}

static void add_word(const char *word) { add(word, strlen(word)); }

/* What came from outside, for a log line and between quotes: printable, and at most LINE_SIZE. */
static void add_printable(const char *line, size_t len) {
    for (size_t at = 0; at < len && at < LINE_SIZE; at++) {
        char c = line[at];
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            c = '?';
        add(&c, 1);
    }
}

static int give(unsigned char **yield) {
    *yield = (unsigned char *)text.data;
    return EXIM_OK;
}

struct options {
    const char *socket;
    size_t socket_len;
    uint64_t milliseconds;
    uint64_t uid;
    bool has_uid;
    bool fails_open;
};

static bool read_number(const char *digits, size_t len, uint64_t max, uint64_t *number) {
    uint64_t value = 0;
    for (size_t at = 0; at < len; at++) {
        if (digits[at] < '0' || digits[at] > '9' || value > max)
            return false;
        value = value * 10 + (uint64_t)(digits[at] - '0');
    }
    *number = value;
    return len > 0 && value <= max;
}

static bool read_user(const char *user, size_t len, uint64_t *uid) {
    char name[64];
    if (read_number(user, len, UINT32_MAX - 1, uid))
        return true;
    if (len == 0 || len >= sizeof name)
        return false;
    memcpy(name, user, len);
    name[len] = '\0';
    const struct passwd *entry = getpwnam(name);
    if (entry)
        *uid = entry->pw_uid;
    return entry != NULL;
}

/* The rest of `word` after "name=", or NULL. */
static const char *value_of(const char *word, size_t len, const char *name, size_t *value_len) {
    size_t name_len = strlen(name);
    if (len <= name_len || memcmp(word, name, name_len) != 0)
        return NULL;
    *value_len = len - name_len;
    return word + name_len;
}

static bool read_option(struct options *options, const char *word, size_t len) {
    const char *value;
    size_t value_len = 0;
    if ((value = value_of(word, len, "socket=", &value_len))) {
        options->socket = value;
        options->socket_len = value_len;
        return *value == '/';
    }
    if ((value = value_of(word, len, "deadline=", &value_len))) {
        bool is_number = read_number(value, value_len, 60, &options->milliseconds);
        options->milliseconds *= 1000;
        return is_number && options->milliseconds > 0;
    }
    if ((value = value_of(word, len, "uid=", &value_len)))
        return options->has_uid = read_user(value, value_len, &options->uid);
    return options->fails_open = len == strlen("fail_open") && memcmp(word, "fail_open", len) == 0;
}

/* The first word of `words` that is no option, or NULL if all are. */
static const char *read_options(struct options *options, const char *words) {
    static const char socket[] = "/run/mta-sts/mta-sts.sock";
    *options = (struct options){.socket = socket, .socket_len = sizeof socket - 1};
    for (;;) {
        words += strspn(words, " \t\n");
        size_t len = strcspn(words, " \t\n");
        if (len == 0)
            return NULL;
        if (!read_option(options, words, len))
            return words;
        words += len;
    }
}

/* There is no ruling, and why. */
static int unavailable(unsigned char **yield, bool fails_open, const char *problem, size_t len, const char *word) {
    start_text();
    add_word(fails_open ? "decision=no-policy reason=failed-open problem=\"" : "decision=unavailable problem=\"");
    add_printable(problem, len);
    add_printable(word, strcspn(word, " \t\n"));
    add_word("\"");
    return give(yield);
}

/* The daemon's ruling; MTASTS_E_DOMAIN for what is no domain. A client that could not answer is kept, for its
 * problem. */
static mtasts_result ask(const struct options *options, const char *domain, mtasts_client **client,
                         mtasts_ruling **ruling) {
    mtasts_result result = mtasts_client_new(options->socket, options->socket_len, client);
    if (result == MTASTS_OK && options->milliseconds > 0)
        result = mtasts_client_set(*client, MTASTS_CLIENT_OPTION_DEADLINE, options->milliseconds);
    if (result == MTASTS_OK && options->has_uid)
        result = mtasts_client_set(*client, MTASTS_CLIENT_OPTION_PEER_UID, options->uid);
    if (result == MTASTS_OK)
        result = mtasts_client_ask(*client, domain, strlen(domain), MTASTS_INTENT_DELIVER, ruling);
    return result;
}

/* A pattern as an alternative of a regular expression. It is a host name or "*." and a host name, and what is not
 * does not get in: it would mean something to Exim. RFC 8461 section 4.1: "*" stands for one label. */
static bool add_pattern(mtasts_str pattern) {
    size_t at = 0;
    if (pattern.len > 2 && memcmp(pattern.data, "*.", 2) == 0) {
        add_word("[^.]+[.]");
        at = 2;
    }
    for (; at < pattern.len; at++) {
        char c = pattern.data[at];
        if (c == '.')
            add_word("[.]");
        else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
            add(&c, 1);
        else
            return false;
    }
    return pattern.len > 0;
}

/* A list for ignore_target_hosts: all hosts but ourselves and those that the policy names. Exim cuts the MX
 * hosts off at ourselves, which RFC 8461 section 8.4 wants to happen before the policy is applied. Expressions, since
 * a plain name in a host list is compared by address. */
static bool add_list(const mtasts_policy *policy) {
    size_t count = 0, start = 0;
    mtasts_str pattern;
    if (mtasts_policy_mx_count(policy, &count) != MTASTS_OK)
        return false;
    add_word("!@[]");
    for (size_t index = 0; index < count; index++) {
        bool is_first = start == 0 || text.len - start > EXPRESSION_SIZE;
        if (mtasts_policy_mx(policy, index, &pattern) != MTASTS_OK)
            return false;
        if (is_first) {
            add_word(start == 0 ? ":!^(?i)(" : ")$:!^(?i)(");
            start = text.len;
        } else {
            add_word("|");
        }
        if (!add_pattern(pattern))
            return false;
    }
    add_word(start == 0 ? ":*" : ")$:*");
    return !text.is_cut;
}

/* Whether the ruling could be put in words. */
static bool add_ruling(const mtasts_ruling *ruling) {
    mtasts_decision decision = MTASTS_DECISION_UNKNOWN;
    mtasts_str reason;
    if (mtasts_ruling_decision(ruling, &decision) != MTASTS_OK || mtasts_ruling_reason(ruling, &reason) != MTASTS_OK)
        return false;
    mtasts_str name = mtasts_decision_name(decision);
    switch (decision) {
    case MTASTS_DECISION_ENFORCE:
    case MTASTS_DECISION_TESTING:
    case MTASTS_DECISION_NO_POLICY:
    case MTASTS_DECISION_DANE:
    case MTASTS_DECISION_DANE_ONLY:
        break;
    default:
        return false;
    }
    add_word("decision=");
    add(name.data, name.len);
    add_word(" reason=");
    add_printable(reason.data, reason.len);
    if (decision == MTASTS_DECISION_ENFORCE || decision == MTASTS_DECISION_DANE_ONLY) {
        mtasts_policy *policy = NULL;
        if (mtasts_ruling_policy(ruling, &policy) != MTASTS_OK)
            return false;
        add_word(" ignore=");
        bool is_whole = add_list(policy);
        mtasts_policy_free(policy);
        return is_whole;
    }
    return !text.is_cut;
}

int mta_sts_ask(unsigned char **yield, int argc, unsigned char *argv[]) {
    struct options options;
    const char *wrong = read_options(&options, argc > 1 ? (const char *)argv[1] : "");
    if (wrong) {
        static const char problem[] = "mta_sts_ask does not know the option ";
        return unavailable(yield, false, problem, sizeof problem - 1, wrong);
    }
    if (argc < 1)
        return unavailable(yield, false, "", 0, "mta_sts_ask needs a domain");

    /* Exim looks up the A-labels of such a name, and so has to ask for them. */
    for (const unsigned char *octet = argv[0]; *octet; octet++) {
        if (*octet & 0x80) {
            static const char problem[] = "the domain is not in A-labels, see utf8_domain_to_alabel";
            return unavailable(yield, false, problem, sizeof problem - 1, "");
        }
    }

    mtasts_client *client = NULL;
    mtasts_ruling *ruling = NULL;
    mtasts_result result = ask(&options, (const char *)argv[0], &client, &ruling);
    int status;
    start_text();
    if (result == MTASTS_E_DOMAIN) {
        /* RFC 8461 has policies for domains only. */
        add_word("decision=no-policy reason=no-domain");
        status = give(yield);
    } else if (result == MTASTS_OK && add_ruling(ruling)) {
        status = give(yield);
    } else if (result == MTASTS_OK) {
        static const char problem[] = "the answer cannot be used";
        status = unavailable(yield, false, problem, sizeof problem - 1, "");
    } else {
        mtasts_str problem;
        if (mtasts_client_problem(client, &problem) != MTASTS_OK)
            problem = mtasts_result_name(result);
        /* Without an answer only: one that says to wait, or cannot be used, is not what the option is for. */
        bool fails_open = options.fails_open && result == MTASTS_E_UNAVAILABLE;
        status = unavailable(yield, fails_open, problem.data, problem.len, "");
    }
    mtasts_ruling_free(ruling);
    mtasts_client_free(client);
    return status;
}

/* Why enforcement would have refused the host, or NULL. */
static const char *refusal(const mtasts_ruling *ruling, const char *host, const char *cipher, const char *verified) {
    mtasts_decision decision = MTASTS_DECISION_UNKNOWN;
    mtasts_policy *policy = NULL;
    mtasts_answer permitted = MTASTS_UNKNOWN;
    if (mtasts_ruling_decision(ruling, &decision) != MTASTS_OK || decision != MTASTS_DECISION_TESTING)
        return NULL;
    if (mtasts_ruling_policy(ruling, &policy) == MTASTS_OK)
        (void)mtasts_policy_permits_mx(policy, host, strlen(host), &permitted);
    mtasts_policy_free(policy);
    if (permitted != MTASTS_YES)
        return "the host is not in the policy";
    if (*cipher == '\0')
        return "there is no TLS";
    if (strcmp(verified, "1") != 0)
        return "the certificate is not valid";
    return NULL;
}

int mta_sts_testing(unsigned char **yield, int argc, unsigned char *argv[]) {
    struct options options;
    mtasts_client *client = NULL;
    mtasts_ruling *ruling = NULL;
    start_text();
    if (argc < 4 || read_options(&options, argc > 4 ? (const char *)argv[4] : ""))
        return give(yield);
    const char *domain = (const char *)argv[0], *host = (const char *)argv[1];
    if (ask(&options, domain, &client, &ruling) == MTASTS_OK) {
        const char *why = refusal(ruling, host, (const char *)argv[2], (const char *)argv[3]);
        if (why) {
            add_word("domain=");
            add_printable(domain, strlen(domain));
            add_word(" host=");
            add_printable(host, strlen(host));
            add_word(" would be refused: ");
            add_word(why);
        }
    }
    mtasts_ruling_free(ruling);
    mtasts_client_free(client);
    return give(yield);
}
