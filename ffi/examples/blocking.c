/* blocking: one lookup by the system's resolver and libcurl, in a process that may wait, such as one that
 * delivers a single message.
 */
#include "blocking_io.h"
#include "cli.h"

#include <getopt.h>
#include <stdio.h>

static const char HELP[] =
    "usage: blocking [OPTION...] DOMAIN [MX-HOST...]\n"
    "\n"
    "Looks up the MTA-STS policy of a domain and says what to do with mail for it, and for\n"
    "each MX host whether it may be delivered to.\n"
    "\n" SETTINGS_HELP
    "\n"
    "exit codes:\n"
    "  0   decided; the line says what, and what could not be learnt\n"
    "  64  wrong usage\n"
    "  70  the library is not the one this program was built for\n"
    "  75  not decided: defer the message\n";

static int look_up(const struct settings *settings, const char *domain, int hosts, char **host);

int main(int argc, char **argv) {
    static const struct option options[] = {SETTINGS_OPTIONS, {NULL, 0, NULL, 0}};
    struct settings settings = SETTINGS_DEFAULT;
    int option = 0;

    check_library("blocking");
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1)
        take_setting(&settings, option, optarg, HELP);
    if (optind == argc)
        take_setting(&settings, '?', NULL, HELP);
    return look_up(&settings, argv[optind], argc - optind - 1, argv + optind + 1);
}

static int look_up(const struct settings *settings, const char *domain, int hosts, char **host) {
    struct blocking_io io;
    int code = EXIT_DEFER;
    mtasts_lookup *lookup = start_lookup(domain, NULL, MTASTS_INTENT_DELIVER, &code);

    if (!lookup)
        return code;
    if (blocking_io_open(&io, settings)) {
        code = show_decision(domain, lookup, blocking_io_run(&io, lookup));
        if (code == EXIT_DECIDED)
            code = show_hosts(domain, lookup, hosts, host);
        blocking_io_close(&io);
    }
    mtasts_lookup_free(lookup);
    return code;
}
