/* The command lines of the examples, and what they print. */
#ifndef EXAMPLE_CLI_H
#define EXAMPLE_CLI_H

#include "wire.h"

#include <mtasts.h>

#include <stdbool.h>

enum {
    EXIT_DECIDED = 0,
    EXIT_USAGE = 64,   /* EX_USAGE of sysexits.h */
    EXIT_LIBRARY = 70, /* EX_SOFTWARE */
    EXIT_CACHE = 74,   /* EX_IOERR */
    EXIT_DEFER = 75    /* EX_TEMPFAIL */
};

/* Ends the program if the library loaded is not the one that it was built for. */
void check_library(const char *program);

/* For getopt_long(), in front of a program's own options. */
#define SETTINGS_OPTIONS \
    {"dns", required_argument, NULL, 'd'}, {"ca", required_argument, NULL, 'c'}, \
    {"connect-to", required_argument, NULL, 't'}, {"allow-loopback", no_argument, NULL, 'l'}, \
    {"timeout", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}

#define SETTINGS_HELP \
    "  --dns ADDRESS:PORT        ask this name server (IPv4), not those of /etc/resolv.conf\n" \
    "  --ca FILE                 trust the CAs in this PEM file, not those of the system\n" \
    "  --connect-to [HOST]:PORT  where policy hosts are reached, instead of their port 443\n" \
    "  --allow-loopback          policy hosts may have loopback addresses\n" \
    "  --timeout SECONDS         for DNS, and for HTTPS, each; 60 unless given\n"

/* Takes one option of SETTINGS_OPTIONS; ends the program at --help, and at what is wrong. */
void take_setting(struct settings *settings, int option, const char *argument, const char *help);

/* A number of at least 1 on the command line; ends the program if it is none. */
long take_number(const char *name, const char *argument);

/* Starts a lookup. Where none is needed or possible, says so and gives the exit code in *code. */
mtasts_lookup *start_lookup(const char *domain, const mtasts_entry *cached, mtasts_intent intent, int *code);

/* Prints the line of a name that is no policy domain: no policy applies to it, and nothing is looked up. */
int show_not_a_domain(const char *name);

/* Prints the line of a domain. `done` is what became of the lookup: if it is not MTASTS_OK, or the lookup
 * has no answer, the line says "defer". Returns the exit code. */
int show_decision(const char *domain, const mtasts_lookup *lookup, mtasts_result done);

/* Prints a line for each MX host: may it be delivered to? */
int show_hosts(const char *domain, const mtasts_lookup *lookup, int hosts, char **host);

#endif
