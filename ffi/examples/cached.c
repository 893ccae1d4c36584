/* cached: a lookup with a cache that is kept in files: one for each policy domain, in one directory.
 *
 * Many processes may share the directory. Readers need no lock, since a file is replaced as a whole. A writer
 * holds the lock of the directory while it reads what is there now, merges, and writes.
 */
#include "blocking_io.h"
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static const char HELP[] =
    "usage: cached [OPTION...] --cache DIRECTORY DOMAIN [MX-HOST...]\n"
    "\n"
    "Looks up the MTA-STS policy of a domain, as `blocking` does, and keeps it in a file of the\n"
    "directory for the next run. Says what the cache gave and what became of it.\n"
    "\n" SETTINGS_HELP
    "  --cache DIRECTORY         where the cache is; the directory must exist\n"
    "  --refresh                 renew what the cache holds before it ends; no message waits\n"
    "\n"
    "exit codes:\n"
    "  0   decided\n"
    "  64  wrong usage\n"
    "  70  the library is not the one this program was built for\n"
    "  74  decided, but the cache could not be written\n"
    "  75  not decided, or the cache could not be read: defer the message\n";

/* More than any entry: a policy has at most 64 KiB, and a few lines stand before it. */
#define ENTRY_MAX 131072

/* Where one domain's entry is. */
struct place {
    int directory;
    const char *path;        /* of the directory, for messages */
    char name[256];          /* the policy domain in its normal form, and the name of the file */
    char temporary[256 + 1]; /* no domain begins with its "+" */
};

enum found { ENTRY, NO_ENTRY, UNREADABLE };

static int look_up(const struct settings *settings, mtasts_intent intent, const struct place *place, int hosts,
    char **host);
static int run(const struct settings *settings, mtasts_lookup *lookup, bool held, const struct place *place);
static bool open_place(struct place *place, const char *path);
static enum found read_entry(const struct place *place, mtasts_entry **entry);
static enum found decode(const struct place *place, const unsigned char *octets, size_t len, mtasts_entry **entry);
static bool update(const struct place *place, const mtasts_lookup *lookup);
static bool merge(const struct place *place, const mtasts_lookup *lookup);
static bool write_entry(const struct place *place, const mtasts_entry *entry);
static bool write_file(const struct place *place, const unsigned char *octets, size_t len);
static void show_cache(const char *used, const mtasts_lookup *lookup, const struct place *place);
static void show_time(const char *what, mtasts_result result, int64_t at);

int main(int argc, char **argv) {
    static const struct option options[] = {SETTINGS_OPTIONS, {"cache", required_argument, NULL, 'k'},
        {"refresh", no_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
    struct settings settings = SETTINGS_DEFAULT;
    mtasts_intent intent = MTASTS_INTENT_DELIVER;
    const char *cache = NULL;
    struct place place;
    size_t need = 0;
    int option = 0;

    check_library("cached");
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (option == 'k')
            cache = optarg;
        else if (option == 'r')
            intent = MTASTS_INTENT_REFRESH;
        else
            take_setting(&settings, option, optarg, HELP);
    }
    if (!cache || optind == argc)
        take_setting(&settings, '?', NULL, HELP);
    const char *domain = argv[optind];
    if (mtasts_domain_normalize(domain, strlen(domain), place.name, sizeof place.name, &need) != MTASTS_OK)
        return show_not_a_domain(domain);
    if (!open_place(&place, cache))
        return EXIT_DEFER;
    int code = look_up(&settings, intent, &place, argc - optind - 1, argv + optind + 1);
    close(place.directory);
    return code;
}

static int look_up(const struct settings *settings, mtasts_intent intent, const struct place *place, int hosts,
    char **host) {
    mtasts_entry *cached = NULL;
    int code = EXIT_DEFER;

    /* A cache that cannot be read is not an empty one: it may hold a policy that must be applied. */
    if (read_entry(place, &cached) == UNREADABLE)
        return EXIT_DEFER;
    mtasts_lookup *lookup = start_lookup(place->name, cached, intent, &code);
    if (lookup) {
        code = run(settings, lookup, cached != NULL, place);
        if (code != EXIT_DEFER && show_hosts(place->name, lookup, hosts, host) != EXIT_DECIDED)
            code = EXIT_DEFER;
    }
    mtasts_lookup_free(lookup);
    mtasts_entry_free(cached);
    return code;
}

static int run(const struct settings *settings, mtasts_lookup *lookup, bool held, const struct place *place) {
    struct blocking_io io;
    mtasts_want want = MTASTS_WANT_FAILED;
    const char *used = held ? "asked" : "empty";

    /* For a policy that was checked lately nothing is wanted, and nothing needs to be opened. */
    mtasts_result result = mtasts_lookup_want(lookup, &want);
    if (result == MTASTS_OK && want == MTASTS_WANT_NOTHING) {
        used = "used";
    } else if (result == MTASTS_OK) {
        if (!blocking_io_open(&io, settings))
            return EXIT_DEFER;
        result = blocking_io_run(&io, lookup);
        blocking_io_close(&io);
    }
    int code = show_decision(place->name, lookup, result);
    if (code != EXIT_DECIDED)
        return code;
    bool updated = update(place, lookup);
    show_cache(used, lookup, place);
    return updated ? EXIT_DECIDED : EXIT_CACHE;
}

/* Files. */

static bool open_place(struct place *place, const char *path) {
    snprintf(place->temporary, sizeof place->temporary, "+%s", place->name);
    place->path = path;
    place->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place->directory < 0)
        fprintf(stderr, "cached: cannot open the cache %s: %s; make that directory\n", path, strerror(errno));
    return place->directory >= 0;
}

static bool complain(const struct place *place, const char *what, const char *why) {
    fprintf(stderr, "cached: %s/%s: %s: %s\n", place->path, place->name, what, why);
    return false;
}

static enum found read_entry(const struct place *place, mtasts_entry **entry) {
    unsigned char octets[ENTRY_MAX];
    size_t len = 0;
    ssize_t got = 1;

    int fd = openat(place->directory, place->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return NO_ENTRY;
    while (fd >= 0 && got > 0 && len < sizeof octets) {
        got = read(fd, octets + len, sizeof octets - len);
        if (got > 0)
            len += (size_t)got;
    }
    if (fd < 0 || got < 0) {
        complain(place, "cannot be read; mail for the domain waits", strerror(errno));
        if (fd >= 0)
            close(fd);
        return UNREADABLE;
    }
    close(fd);
    return decode(place, octets, len, entry);
}

static enum found decode(const struct place *place, const unsigned char *octets, size_t len, mtasts_entry **entry) {
    mtasts_result result = mtasts_entry_decode(octets, len, place->name, strlen(place->name), entry);

    switch (result) {
    case MTASTS_OK:
        return ENTRY;
    case MTASTS_E_FORMAT:
    case MTASTS_E_POLICY:
    case MTASTS_E_OTHER_DOMAIN:
        complain(place, "not an entry for this domain; it is looked up afresh", mtasts_result_name(result).data);
        return NO_ENTRY;
    default:
        complain(place, "cannot be read; mail for the domain waits", mtasts_result_name(result).data);
        return UNREADABLE;
    }
}

static bool update(const struct place *place, const mtasts_lookup *lookup) {
    mtasts_cache effect = 0;

    if (mtasts_lookup_cache(lookup, &effect) != MTASTS_OK)
        return complain(place, "not written", "the lookup does not say what to write");
    if (effect == MTASTS_CACHE_KEEP)
        return true;
    if (flock(place->directory, LOCK_EX) != 0)
        return complain(place, "not written, since the directory cannot be locked", strerror(errno));
    bool good = merge(place, lookup);
    flock(place->directory, LOCK_UN);
    return good;
}

/* With what is there now, which another process may have written since this lookup began. */
static bool merge(const struct place *place, const mtasts_lookup *lookup) {
    mtasts_entry *current = NULL, *next = NULL;
    bool good = false;

    if (read_entry(place, &current) == UNREADABLE)
        return false;
    mtasts_result result = mtasts_lookup_apply(lookup, current, now(), &next);
    if (result == MTASTS_OK)
        good = write_entry(place, next);
    else if (result == MTASTS_E_ABSENT) /* nothing to hold */
        good = unlinkat(place->directory, place->name, 0) == 0 || errno == ENOENT;
    else
        complain(place, "not written", mtasts_result_name(result).data);
    mtasts_entry_free(next);
    mtasts_entry_free(current);
    return good;
}

static bool write_entry(const struct place *place, const mtasts_entry *entry) {
    unsigned char octets[ENTRY_MAX];
    size_t len = 0;

    mtasts_result result = mtasts_entry_encode(entry, octets, sizeof octets, &len);
    if (result != MTASTS_OK)
        return complain(place, "not written", mtasts_result_name(result).data);
    if (!write_file(place, octets, len))
        return complain(place, "not written", strerror(errno));
    return true;
}

/* Whoever reads, now or after a power failure, finds the old file or the new one. */
static bool write_file(const struct place *place, const unsigned char *octets, size_t len) {
    int fd = openat(place->directory, place->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    errno = ENOSPC; /* a short write says nothing itself */
    bool good = write(fd, octets, len) == (ssize_t)len && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    return good && renameat(place->directory, place->temporary, place->directory, place->name) == 0
        && fsync(place->directory) == 0;
}

/* What is said. */

static void show_cache(const char *used, const mtasts_lookup *lookup, const struct place *place) {
    mtasts_entry *entry = NULL;
    mtasts_cache effect = 0;
    uint64_t ends_in = 0;
    int64_t at = 0;

    mtasts_lookup_cache(lookup, &effect);
    printf("%s cache=%s effect=%s", place->name, used, mtasts_cache_name(effect).data);
    mtasts_result result = mtasts_lookup_next_check(lookup, &at);
    show_time("next-check", result, at);
    if (read_entry(place, &entry) == ENTRY) {
        result = mtasts_entry_refresh_at(entry, now(), &at);
        show_time("refresh", result, at);
    }
    putchar('\n');
    if (mtasts_lookup_alert(lookup, &ends_in) == MTASTS_OK)
        fprintf(stderr, "cached: %s cannot be refreshed, and its policy ends in %llu seconds\n", place->name,
            (unsigned long long)ends_in);
    mtasts_entry_free(entry);
}

static void show_time(const char *what, mtasts_result result, int64_t at) {
    char text[32] = "none";
    time_t seconds = (time_t)at;
    struct tm utc;

    if (result == MTASTS_OK && gmtime_r(&seconds, &utc))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    printf(" %s=%s", what, text);
}
