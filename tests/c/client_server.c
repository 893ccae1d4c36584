/* A server in a process of its own, and how it is asked. */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

struct seen *seen;
int deadline = 400;

struct sockaddr_un address_of(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    CHECK(len < sizeof address.sun_path);
    memcpy(address.sun_path, path, len);
    return address;
}

static int bound(const char *path) {
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    unlink(path);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

int listening(const char *path, int queue) {
    int fd = bound(path);
    CHECK(listen(fd, queue) == 0);
    return fd;
}

/* Each connection in a process of its own, which the end of the server ends, too. */
static void serve(int listener, behaviour *first, behaviour *later) {
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) continue;
        behaviour *act = atomic_fetch_add(&seen->connections, 1) == 0 ? first : later;
        if (fork() == 0) {
            close(listener);
            act(fd);
            _exit(0);
        }
        close(fd);
    }
}

pid_t server_start(const char *path, behaviour *first, behaviour *later, uid_t user) {
    int ready[2];
    char octet = 0;
    if (!seen)
        seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    atomic_store(&seen->connections, 0);
    atomic_store(&seen->octets, 0);
    CHECK(pipe(ready) == 0);
    pid_t server = fork();
    if (server == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* The kernel remembers who listens, not who made the socket. */
        int listener = bound(path);
        if (user != geteuid() && setresuid(user, user, user) != 0) _exit(1);
        if (listen(listener, 64) == 0 && write(ready[1], &octet, 1) == 1) serve(listener, first, later);
        _exit(1);
    }
    setpgid(server, server);
    close(ready[1]);
    CHECK(read(ready[0], &octet, 1) == 1);
    close(ready[0]);
    return server;
}

void server_stop(pid_t server, const char *path) {
    CHECK(kill(-server, SIGKILL) == 0);
    CHECK(waitpid(server, NULL, 0) == server);
    unlink(path);
}

/* The domain that is asked for, as long as questions come. */
static const char *question(int fd) {
    static char octets[300];
    size_t len = 0;
    while (len == 0 || octets[len - 1] != ',') {
        if (len == sizeof octets || recv(fd, octets + len, 1, 0) != 1) _exit(0);
        atomic_fetch_add(&seen->octets, 1);
        len++;
    }
    octets[len - 1] = '\0';
    const char *domain = strstr(octets, ":policy ");
    return domain ? domain + strlen(":policy ") : "";
}

void answers(int fd) {
    char reply[REPLY_MAX];
    for (;;) {
        const char *domain = question(fd);
        size_t len = given_reply(reply, "enforce", domain, true);
        if (send(fd, reply, len, MSG_NOSIGNAL) != (ssize_t)len) _exit(0);
    }
}

mtasts_client *client_at(const char *path) {
    mtasts_client *client = NULL;
    CHECK_OK(mtasts_client_new(path, strlen(path), &client));
    CHECK_OK(mtasts_client_set(client, MTASTS_CLIENT_OPTION_DEADLINE, (uint64_t)deadline));
    trust_this_user(client);
    return client;
}

static int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* An event loop of one question. */
static mtasts_result loop(mtasts_client *client, mtasts_ruling **ruling) {
    for (;;) {
        struct pollfd wanted = {-1, 0, 0};
        mtasts_events events = 0;
        int64_t timeout = -1;
        if (mtasts_client_fd(client, &wanted.fd) == MTASTS_OK) CHECK_OK(mtasts_client_events(client, &events));
        if (events & MTASTS_EVENT_READ) wanted.events |= POLLIN;
        if (events & MTASTS_EVENT_WRITE) wanted.events |= POLLOUT;
        CHECK_OK(mtasts_client_timeout(client, &timeout));
        CHECK(timeout >= 0 && timeout <= deadline);
        poll(&wanted, 1, (int)timeout);
        mtasts_result result = mtasts_client_continue(client, ruling);
        if (result != MTASTS_E_AGAIN) return result;
    }
}

mtasts_result ask(mtasts_client *client, const char *domain, bool blocking, mtasts_ruling **ruling) {
    int64_t begin = milliseconds();
    mtasts_result result;
    if (blocking) {
        result = mtasts_client_ask(client, domain, strlen(domain), MTASTS_INTENT_DELIVER, ruling);
    } else {
        CHECK_OK(mtasts_client_start(client, domain, strlen(domain), MTASTS_INTENT_DELIVER));
        CHECK(milliseconds() - begin < SLACK);
        result = loop(client, ruling);
    }
    CHECK(milliseconds() - begin < deadline + SLACK);
    return result;
}

void is_answered(mtasts_client *client, const char *domain, bool blocking) {
    mtasts_ruling *ruling = NULL;
    mtasts_str problem = {NULL, 0};
    CHECK_OK(ask(client, domain, blocking, &ruling));
    CHECK_RESULT(mtasts_client_problem(client, &problem), MTASTS_E_ABSENT);
    if (!ruling) return;
    CHECK_NUMBER(ruled(ruling), MTASTS_DECISION_ENFORCE);
    mtasts_ruling_free(ruling);
}

void has_no_ruling(mtasts_client *client, const char *domain, bool blocking, mtasts_result result, const char *words) {
    mtasts_ruling *ruling = NULL;
    mtasts_str problem = {NULL, 0};
    CHECK_RESULT(ask(client, domain, blocking, &ruling), result);
    CHECK(ruling == NULL);
    CHECK_OK(mtasts_client_problem(client, &problem));
    CHECK(is_safe_text(problem));
    if (strstr(problem.data, words)) return;
    CHECK(!"the problem does not hold these words");
    printf("    %s: not \"%s\"\n", problem.data, words);
}

void is_unavailable(mtasts_client *client, const char *domain, bool blocking, const char *words) {
    has_no_ruling(client, domain, blocking, MTASTS_E_UNAVAILABLE, words);
}
