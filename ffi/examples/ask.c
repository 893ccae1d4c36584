/* ask: what does the daemon say of a domain, and may mail go to these MX hosts?
 *
 * All that a mail server needs if `mta-sts serve` runs on its machine: no DNS, no HTTPS, no cache.
 */
#include <mtasts.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALL_PERMITTED = 0, SOME_REFUSED = 1, EXIT_USAGE = 64, EXIT_LIBRARY = 70, EXIT_DEFER = 75 };

static const char HELP[] =
    "usage: ask [OPTION...] DOMAIN [MX-HOST...]\n"
    "\n"
    "Asks mta-sts serve what is decided for a domain, and says for each MX host whether\n"
    "mail may go there.\n"
    "\n"
    "  --socket PATH      the daemon's socket; /run/mta-sts/mta-sts.sock unless given\n"
    "  --peer-uid UID     the user id that the daemon may have besides root's\n"
    "  --deadline MS      milliseconds to wait for the answer; 5000 unless given\n"
    "  --before-bounce    the message would otherwise be returned to its sender\n"
    "  --help             show this\n"
    "\n"
    "exit codes:\n"
    "  0   decided, and mail may go to all the hosts\n"
    "  1   decided, and mail may not go to some\n"
    "  64  wrong usage\n"
    "  70  the library failed, or is not the one this program was built for\n"
    "  75  not decided: defer the message\n";

struct settings {
    const char *socket;
    mtasts_intent intent;
    uint64_t deadline, peer_uid;
    bool has_peer_uid;
};

static void take_settings(struct settings *settings, int argc, char **argv);
static uint64_t number(const char *name, const char *argument);
static mtasts_client *client_for(const struct settings *settings);
static int ask(mtasts_client *client, mtasts_intent intent, int names, char **name);
static int show(const char *domain, const mtasts_ruling *ruling, int hosts, char **host);
static const char *verdict(mtasts_decision decision, mtasts_answer permitted);

int main(int argc, char **argv) {
    struct settings settings = {"/run/mta-sts/mta-sts.sock", MTASTS_INTENT_DELIVER, 5000, 0, false};

    if (mtasts_abi() != MTASTS_ABI || !mtasts_version_check(MTASTS_VERSION_MAJOR, MTASTS_VERSION_MINOR)) {
        fprintf(stderr, "ask: libmtasts %s is loaded, which is not the one for this program\n", mtasts_version().data);
        return EXIT_LIBRARY;
    }
    take_settings(&settings, argc, argv);
    mtasts_client *client = client_for(&settings);
    int code = ask(client, settings.intent, argc - optind, argv + optind);
    mtasts_client_free(client);
    return code;
}

static int ask(mtasts_client *client, mtasts_intent intent, int names, char **name) {
    mtasts_ruling *ruling = NULL;
    mtasts_str problem;

    mtasts_result result = mtasts_client_ask(client, name[0], strlen(name[0]), intent, &ruling);
    if (result == MTASTS_E_DOMAIN) {
        printf("%s decision=no-policy reason=no-domain\n", name[0]);
        return ALL_PERMITTED;
    }
    if (result != MTASTS_OK) {
        printf("%s decision=unknown (%s)", name[0], mtasts_result_name(result).data);
        if (mtasts_client_problem(client, &problem) == MTASTS_OK)
            printf(" %s", problem.data);
        puts(": defer");
        return EXIT_DEFER;
    }
    int code = show(name[0], ruling, names - 1, name + 1);
    mtasts_ruling_free(ruling);
    return code;
}

static int show(const char *domain, const mtasts_ruling *ruling, int hosts, char **host) {
    mtasts_decision decision = MTASTS_DECISION_UNKNOWN;
    mtasts_answer confirms = MTASTS_UNKNOWN;
    mtasts_str reason;
    int code = ALL_PERMITTED;

    if (mtasts_ruling_decision(ruling, &decision) != MTASTS_OK || mtasts_ruling_reason(ruling, &reason) != MTASTS_OK
        || mtasts_ruling_confirms_bounce(ruling, &confirms) != MTASTS_OK)
        return EXIT_LIBRARY;
    printf("%s decision=%s reason=%s%s\n", domain, mtasts_decision_name(decision).data, reason.data,
        confirms == MTASTS_YES ? " bounce=confirmed" : "");
    for (int i = 0; i < hosts; i++) {
        mtasts_answer permitted = MTASTS_UNKNOWN;
        if (mtasts_ruling_permits_mx(ruling, host[i], strlen(host[i]), &permitted) != MTASTS_OK)
            return EXIT_LIBRARY;
        const char *said = verdict(decision, permitted);
        printf("%s mx=%s %s\n", domain, host[i], said);
        if (strncmp(said, "permitted", 9) != 0)
            code = SOME_REFUSED;
    }
    return code;
}

/* What the mail server has to do for the host. */
static const char *verdict(mtasts_decision decision, mtasts_answer permitted) {
    switch (decision) {
    case MTASTS_DECISION_NO_POLICY:
        return "permitted";
    case MTASTS_DECISION_TESTING:
        return permitted == MTASTS_YES ? "permitted" : "permitted (testing: a failure to report)";
    case MTASTS_DECISION_ENFORCE:
        return permitted == MTASTS_YES ? "permitted with a certificate that is valid for it" : "refused";
    case MTASTS_DECISION_DANE:
        return "permitted as its TLSA records say, if it has some";
    case MTASTS_DECISION_DANE_ONLY:
        return "permitted as its TLSA records say, and only then";
    default: /* a decision that this program does not know is taken for the strictest */
        return "refused";
    }
}

static mtasts_client *client_for(const struct settings *settings) {
    mtasts_client *client = NULL;

    if (mtasts_client_new(settings->socket, strlen(settings->socket), &client) != MTASTS_OK) {
        fprintf(stderr, "--socket %s: give an absolute path of less than 108 octets\n", settings->socket);
        exit(EXIT_USAGE);
    }
    if (mtasts_client_set(client, MTASTS_CLIENT_OPTION_DEADLINE, settings->deadline) != MTASTS_OK
        || (settings->has_peer_uid
            && mtasts_client_set(client, MTASTS_CLIENT_OPTION_PEER_UID, settings->peer_uid) != MTASTS_OK)) {
        fprintf(stderr, "ask: a number is out of range\n\n%s", HELP);
        exit(EXIT_USAGE);
    }
    return client;
}

static void take_settings(struct settings *settings, int argc, char **argv) {
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'}, {"peer-uid", required_argument, NULL, 'u'},
        {"deadline", required_argument, NULL, 'd'}, {"before-bounce", no_argument, NULL, 'b'},
        {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            settings->socket = optarg;
            break;
        case 'u':
            settings->peer_uid = number("--peer-uid", optarg);
            settings->has_peer_uid = true;
            break;
        case 'd':
            settings->deadline = number("--deadline", optarg);
            break;
        case 'b':
            settings->intent = MTASTS_INTENT_BEFORE_BOUNCE;
            break;
        case 'h':
            fputs(HELP, stdout);
            exit(0);
        default:
            fputs(HELP, stderr);
            exit(EXIT_USAGE);
        }
    }
    if (optind == argc) {
        fputs(HELP, stderr);
        exit(EXIT_USAGE);
    }
}

static uint64_t number(const char *name, const char *argument) {
    char *end = NULL;
    unsigned long long number = strtoull(argument, &end, 10);

    /* strtoull() takes white space and signs, too. */
    if (argument[0] < '0' || argument[0] > '9' || *end != '\0') {
        fprintf(stderr, "%s %s: give a number\n", name, argument);
        exit(EXIT_USAGE);
    }
    return number;
}
