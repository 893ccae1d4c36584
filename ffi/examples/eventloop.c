/* eventloop: many lookups at once in one thread that never waits for one of them: epoll, c-ares, libcurl.
 *
 * A job is one domain. Its lookup says what it wants, the job asks c-ares or libcurl for it and returns to the
 * loop; their callbacks hand the answer in and ask the lookup again.
 */
#include "cli.h"
#include "wire.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

static const char HELP[] =
    "usage: eventloop [OPTION...] [DOMAIN...]\n"
    "\n"
    "Looks up the MTA-STS policies of many domains at once, and prints a line for each when its\n"
    "lookup has ended. Without DOMAIN they are read from standard input, one a line.\n"
    "\n" SETTINGS_HELP
    "  --at-most N               so many lookups at once; 50 unless given\n"
    "\n"
    "exit codes:\n"
    "  0   all domains were decided\n"
    "  64  wrong usage\n"
    "  70  the library is not the one this program was built for\n"
    "  75  some were not decided, or the loop broke down: defer their messages\n";

struct loop {
    struct settings settings;
    int epoll;
    ares_channel dns;
    CURLM *https;
    int64_t https_due; /* in milliseconds; negative if libcurl waits for no time */
    long at_most;
    LIST_HEAD(, job) jobs;
    long running;
    int code;
};

struct job {
    LIST_ENTRY(job) link;
    struct loop *loop;
    char *domain;
    mtasts_lookup *lookup;
    struct addresses addresses;
    struct fetch fetch;
};

/* Whose descriptor it is. */
enum owner { DNS, HTTPS };

struct domains {
    char **name;
    size_t count;
    size_t size;
};

static bool take_domains(struct domains *domains, int count, char **name);
static bool read_domains(struct domains *domains, FILE *file);
static bool add_domain(struct domains *domains, const char *name);
static void free_domains(struct domains *domains);
static bool open_loop(struct loop *loop);
static bool open_dns(struct loop *loop);
static bool open_https(struct loop *loop);
static void close_loop(struct loop *loop);
static void run(struct loop *loop, const struct domains *domains);
static bool turn(struct loop *loop);
static int wait_at_most(struct loop *loop);
static void start_job(struct loop *loop, const char *domain);
static void go_on(struct job *job, mtasts_result result);
static void end_job(struct job *job, mtasts_result result);
static void ask_txt(struct job *job);
static void on_txt(void *user, int status, int timeouts, unsigned char *answer, int len);
static void find_addresses(struct job *job);
static void on_addresses(void *user, int status, int timeouts, struct ares_addrinfo *found);
static void fetch_policy(struct job *job);
static void end_fetches(struct loop *loop);
static void on_dns_socket(void *user, ares_socket_t fd, int readable, int writable);
static int on_https_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known);
static int on_https_timer(CURLM *https, long milliseconds, void *user);
static void watch(struct loop *loop, int fd, enum owner owner, bool in, bool out);
static void serve(struct loop *loop, const struct epoll_event *event);
static int64_t milliseconds(void);

int main(int argc, char **argv) {
    static const struct option options[] = {SETTINGS_OPTIONS, {"at-most", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0}};
    struct loop loop = {.settings = SETTINGS_DEFAULT, .epoll = -1, .https_due = -1, .at_most = 50};
    struct domains domains = {0};
    int option = 0;

    check_library("eventloop");
    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (option == 'n')
            loop.at_most = take_number("--at-most", optarg);
        else
            take_setting(&loop.settings, option, optarg, HELP);
    }
    loop.code = EXIT_DEFER;
    if (take_domains(&domains, argc - optind, argv + optind) && open_loop(&loop)) {
        loop.code = EXIT_DECIDED;
        run(&loop, &domains);
    }
    close_loop(&loop);
    free_domains(&domains);
    return loop.code;
}

/* Domains. They are read to the end before the loop begins, since a read may wait. */

static bool take_domains(struct domains *domains, int count, char **name) {
    bool good = count > 0 || read_domains(domains, stdin);

    for (int i = 0; good && i < count; i++)
        good = add_domain(domains, name[i]);
    if (!good)
        fprintf(stderr, "eventloop: cannot read the domains: %s\n", strerror(errno));
    return good;
}

static bool read_domains(struct domains *domains, FILE *file) {
    char *line = NULL;
    size_t size = 0;
    bool good = true;

    while (good && getline(&line, &size, file) >= 0) {
        line[strcspn(line, "\r\n")] = '\0';
        good = line[0] == '\0' || add_domain(domains, line);
    }
    free(line);
    return good && !ferror(file);
}

static bool add_domain(struct domains *domains, const char *name) {
    if (domains->count == domains->size) {
        size_t size = domains->size ? 2 * domains->size : 64;
        char **larger = realloc(domains->name, size * sizeof *larger);
        if (!larger)
            return false;
        domains->name = larger;
        domains->size = size;
    }
    domains->name[domains->count] = strdup(name);
    return domains->name[domains->count] != NULL && ++domains->count;
}

static void free_domains(struct domains *domains) {
    for (size_t i = 0; i < domains->count; i++)
        free(domains->name[i]);
    free(domains->name);
}

/* The loop. */

static bool open_loop(struct loop *loop) {
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll >= 0 && open_dns(loop) && open_https(loop))
        return true;
    fputs("eventloop: cannot start epoll, c-ares or libcurl; is --dns an address and a port?\n", stderr);
    return false;
}

static bool open_dns(struct loop *loop) {
    struct ares_options options = {
        /* No search list, no aliases, no hosts file: the name asked for is the name meant. */
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
        .lookups = (char[]){"b"},
        .timeout = (int)(loop->settings.timeout < 10 ? loop->settings.timeout * 500 : 5000),
        .tries = 2,
        .sock_state_cb = on_dns_socket,
        .sock_state_cb_data = loop,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_LOOKUPS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB
        | ARES_OPT_DOMAINS;

    return ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS
        && ares_init_options(&loop->dns, &options, mask) == ARES_SUCCESS
        && (!loop->settings.dns || ares_set_servers_ports_csv(loop->dns, loop->settings.dns) == ARES_SUCCESS);
}

static bool open_https(struct loop *loop) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return false;
    loop->https = curl_multi_init();
    return loop->https && curl_multi_setopt(loop->https, CURLMOPT_SOCKETFUNCTION, on_https_socket) == CURLM_OK
        && curl_multi_setopt(loop->https, CURLMOPT_SOCKETDATA, loop) == CURLM_OK
        && curl_multi_setopt(loop->https, CURLMOPT_TIMERFUNCTION, on_https_timer) == CURLM_OK
        && curl_multi_setopt(loop->https, CURLMOPT_TIMERDATA, loop) == CURLM_OK;
}

/* What has not ended ends here, undecided. */
static void close_loop(struct loop *loop) {
    if (loop->dns)
        ares_destroy(loop->dns);
    while (!LIST_EMPTY(&loop->jobs)) {
        struct job *job = LIST_FIRST(&loop->jobs);
        curl_multi_remove_handle(loop->https, job->fetch.easy);
        fetch_drop(&job->fetch);
        end_job(job, MTASTS_OK);
    }
    curl_multi_cleanup(loop->https);
    if (loop->epoll >= 0)
        close(loop->epoll);
    curl_global_cleanup();
    ares_library_cleanup();
}

static void run(struct loop *loop, const struct domains *domains) {
    size_t next = 0;

    while (next < domains->count || loop->running > 0) {
        /* Started here and not by a job that ends, so that jobs do not pile up on the stack. */
        while (next < domains->count && loop->running < loop->at_most)
            start_job(loop, domains->name[next++]);
        if (loop->running > 0 && !turn(loop)) {
            fprintf(stderr, "eventloop: epoll failed: %s; defer what is not decided\n", strerror(errno));
            loop->code = EXIT_DEFER;
            return;
        }
    }
}

/* Waits for sockets and times once, and serves those that are ready. */
static bool turn(struct loop *loop) {
    struct epoll_event events[64];
    int running = 0;

    int count = epoll_wait(loop->epoll, events, 64, wait_at_most(loop));
    if (count < 0)
        return errno == EINTR;
    for (int i = 0; i < count; i++)
        serve(loop, &events[i]);
    ares_process_fd(loop->dns, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    if (loop->https_due >= 0 && loop->https_due <= milliseconds()) {
        loop->https_due = -1;
        curl_multi_socket_action(loop->https, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    end_fetches(loop);
    return true;
}

/* In milliseconds, for epoll_wait(): until libcurl or c-ares has a time to keep; -1 if neither has. */
static int wait_at_most(struct loop *loop) {
    struct timeval due;
    int wait = -1;

    if (ares_timeout(loop->dns, NULL, &due))
        wait = (int)(due.tv_sec * 1000 + due.tv_usec / 1000) + 1;
    if (loop->https_due >= 0) {
        int64_t left = loop->https_due - milliseconds();
        int https = left > 0 ? (int)left : 0;
        wait = wait < 0 || https < wait ? https : wait;
    }
    return wait;
}

static void serve(struct loop *loop, const struct epoll_event *event) {
    int fd = (int)(event->data.u64 & 0xffffffff);
    enum owner owner = (enum owner)(event->data.u64 >> 32);
    bool in = event->events & (EPOLLIN | EPOLLERR | EPOLLHUP);
    bool out = event->events & (EPOLLOUT | EPOLLERR | EPOLLHUP);
    int running = 0;

    /* Both ignore a descriptor that is no longer theirs. */
    if (owner == DNS)
        ares_process_fd(loop->dns, in ? fd : ARES_SOCKET_BAD, out ? fd : ARES_SOCKET_BAD);
    else
        curl_multi_socket_action(loop->https, fd, (in ? CURL_CSELECT_IN : 0) | (out ? CURL_CSELECT_OUT : 0), &running);
}

/* Jobs. */

static void start_job(struct loop *loop, const char *domain) {
    int code = EXIT_DEFER;
    struct job *job = calloc(1, sizeof *job);
    mtasts_lookup *lookup = start_lookup(domain, NULL, MTASTS_INTENT_DELIVER, &code);

    if (job && lookup && (job->domain = strdup(domain))) {
        job->loop = loop;
        job->lookup = lookup;
        loop->running++;
        LIST_INSERT_HEAD(&loop->jobs, job, link);
        go_on(job, MTASTS_OK);
        return;
    }
    if (lookup) { /* no memory */
        code = show_decision(domain, NULL, MTASTS_E_PANIC);
        mtasts_lookup_free(lookup);
    }
    free(job);
    if (code != EXIT_DECIDED)
        loop->code = code;
}

/* Asks for what the lookup wants. The job may be gone when this returns, as c-ares may answer at once. */
static void go_on(struct job *job, mtasts_result result) {
    mtasts_want want = MTASTS_WANT_FAILED;

    if (result == MTASTS_OK)
        result = mtasts_lookup_want(job->lookup, &want);
    if (result != MTASTS_OK)
        end_job(job, result);
    else if (want == MTASTS_WANT_TXT)
        ask_txt(job);
    else if (want == MTASTS_WANT_HTTPS)
        find_addresses(job);
    else /* it has ended; or it is broken, or wants what this program does not know: then it is not decided */
        end_job(job, want == MTASTS_WANT_NOTHING ? MTASTS_OK : MTASTS_E_PANIC);
}

static void end_job(struct job *job, mtasts_result result) {
    int code = show_decision(job->domain, job->lookup, result);

    fflush(stdout);
    if (code != EXIT_DECIDED)
        job->loop->code = code;
    LIST_REMOVE(job, link);
    job->loop->running--;
    mtasts_lookup_free(job->lookup);
    free(job->domain);
    free(job);
}

/* DNS. */

static void ask_txt(struct job *job) {
    mtasts_str name;
    mtasts_result result = mtasts_lookup_txt_name(job->lookup, &name);

    if (result != MTASTS_OK)
        end_job(job, result);
    else /* never ares_search(): it would also ask for the name below the domains of this machine */
        ares_query(job->loop->dns, name.data, ns_c_in, ns_t_txt, on_txt, job);
}

static void on_txt(void *user, int status, int timeouts, unsigned char *answer, int len) {
    struct job *job = user;
    mtasts_txt_status ended = MTASTS_TXT_TEMPFAIL;

    (void)timeouts;
    if (status == ARES_EDESTRUCTION) { /* by close_loop() */
        end_job(job, MTASTS_OK);
        return;
    }
    if (status == ARES_SUCCESS && answer && len >= 0)
        ended = take_txt(job->lookup, answer, (size_t)len);
    else if (status == ARES_ENOTFOUND || status == ARES_ENODATA)
        ended = MTASTS_TXT_ABSENT;
    go_on(job, mtasts_lookup_txt_end(job->lookup, ended, now()));
}

/* libcurl would resolve names in threads, and wait for these when a fetch is given up; c-ares does not. */
static void find_addresses(struct job *job) {
    struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC};
    mtasts_str host;
    mtasts_result result = mtasts_lookup_https_host(job->lookup, &host);

    if (result != MTASTS_OK)
        end_job(job, result);
    else if (needs_addresses(&job->loop->settings))
        ares_getaddrinfo(job->loop->dns, host.data, NULL, &hints, on_addresses, job);
    else
        fetch_policy(job);
}

static void on_addresses(void *user, int status, int timeouts, struct ares_addrinfo *found) {
    struct job *job = user;
    const struct settings *settings = &job->loop->settings;

    (void)timeouts;
    if (status == ARES_EDESTRUCTION) {
        end_job(job, MTASTS_OK);
        return;
    }
    for (struct ares_addrinfo_node *node = found ? found->nodes : NULL; node; node = node->ai_next) {
        const void *address = node->ai_addr;
        if (node->ai_family == AF_INET)
            add_address(&job->addresses, settings, AF_INET, &((const struct sockaddr_in *)address)->sin_addr);
        else if (node->ai_family == AF_INET6)
            add_address(&job->addresses, settings, AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr);
    }
    ares_freeaddrinfo(found);
    fetch_policy(job);
}

static void on_dns_socket(void *user, ares_socket_t fd, int readable, int writable) {
    watch(user, fd, DNS, readable, writable);
}

/* HTTPS. */

static void fetch_policy(struct job *job) {
    struct loop *loop = job->loop;
    mtasts_result result = fetch_begin(&job->fetch, job->lookup, &loop->settings, &job->addresses);

    if (result != MTASTS_OK || !job->fetch.easy) {
        go_on(job, result);
        return;
    }
    if (curl_easy_setopt(job->fetch.easy, CURLOPT_PRIVATE, job) != CURLE_OK
        || curl_multi_add_handle(loop->https, job->fetch.easy) != CURLM_OK)
        go_on(job, fetch_end(&job->fetch, CURLE_FAILED_INIT));
}

static void end_fetches(struct loop *loop) {
    CURLMsg *message = NULL;
    int left = 0;

    while ((message = curl_multi_info_read(loop->https, &left))) {
        struct job *job = NULL;
        CURLcode code = message->data.result; /* the message ends with the handle */

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job);
        curl_multi_remove_handle(loop->https, message->easy_handle);
        go_on(job, fetch_end(&job->fetch, code));
    }
}

static int on_https_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known) {
    (void)easy;
    (void)known;
    watch(user, fd, HTTPS, what == CURL_POLL_IN || what == CURL_POLL_INOUT,
        what == CURL_POLL_OUT || what == CURL_POLL_INOUT);
    return 0;
}

/* libcurl must not be called back from here: the loop does that. */
static int on_https_timer(CURLM *https, long wait, void *user) {
    struct loop *loop = user;

    (void)https;
    loop->https_due = wait < 0 ? -1 : milliseconds() + wait;
    return 0;
}

/* Both. */

/* If a descriptor cannot be watched, its lookup ends by a time-out. */
static void watch(struct loop *loop, int fd, enum owner owner, bool in, bool out) {
    struct epoll_event event = {
        .events = (in ? EPOLLIN : 0u) | (out ? EPOLLOUT : 0u),
        .data.u64 = (uint64_t)owner << 32 | (uint32_t)fd,
    };

    if (!in && !out)
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &event) != 0)
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int64_t milliseconds(void) {
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}
