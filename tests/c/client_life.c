/* What happens to a mail server's process while it has a client: fork(), chroot() and no privileges, signals,
 * threads, a daemon that ends or takes no more connections. */
#include "client.h"
#include "filter.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>

static void child_ended_well(pid_t child) {
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A connection that the parent has used is not the child's; the parent goes on with it. */
static void used_before_fork(const char *path) {
    pid_t server = server_start(path, answers, answers, geteuid());
    mtasts_client *client = client_at(path);
    is_answered(client, DOMAIN, true);
    pid_t child = fork();
    if (child == 0) {
        is_answered(client, "child.example.com", true);
        is_answered(client, "child.example.com", false);
        mtasts_client_free(client);
        _exit(checks_status());
    }
    child_ended_well(child);
    is_answered(client, "parent.example.com", false);
    CHECK_NUMBER(atomic_load(&seen->connections), 2);
    mtasts_client_free(client);
    server_stop(server, path);
}

/* A question of the parent's is the parent's; in the child it is asked anew. */
static void asked_before_fork(const char *path) {
    pid_t server = server_start(path, answers, answers, geteuid());
    mtasts_client *client = client_at(path);
    mtasts_ruling *ruling = NULL;
    CHECK_OK(mtasts_client_start(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER));
    pid_t child = fork();
    mtasts_result result;
    while ((result = mtasts_client_continue(client, &ruling)) == MTASTS_E_AGAIN) usleep(1000);
    CHECK_OK(result);
    mtasts_ruling_free(ruling);
    mtasts_client_free(client);
    if (child == 0) _exit(checks_status());
    child_ended_well(child);
    CHECK_NUMBER(atomic_load(&seen->connections), 2);
    server_stop(server, path);
}

/* Without a path there is nothing that the child could do. */
static void handed_in_before_fork(void) {
    int other_end = -1;
    mtasts_ruling *ruling = NULL;
    mtasts_client *client = given_client(&other_end);
    CHECK_OK(mtasts_client_start(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER));
    pid_t child = fork();
    if (child == 0) {
        CHECK_RESULT(mtasts_client_continue(client, &ruling), MTASTS_E_UNAVAILABLE);
        is_unavailable(client, DOMAIN, true, "the connection is lost");
        mtasts_client_free(client);
        _exit(checks_status());
    }
    child_ended_well(child);
    char reply[REPLY_MAX];
    answer_question(other_end, DOMAIN, reply, given_reply(reply, "enforce", DOMAIN, true));
    CHECK_OK(mtasts_client_continue(client, &ruling));
    mtasts_ruling_free(ruling);
    mtasts_client_free(client);
    close(other_end);
}

/* What a question needs over a connection that is there. */
static void allow_questions_only(void) {
    struct sock_filter rules[] =
        MEMORY_AND(ALLOW(__NR_getpid), ALLOW(__NR_clock_gettime), ALLOW(__NR_ppoll), ALLOW(__NR_sendto),
                   ALLOW(__NR_recvfrom), ALLOW(__NR_close), ALLOW(__NR_write), ALLOW(__NR_exit_group));
    struct sock_fprog filter = {sizeof rules / sizeof *rules, rules};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

static int connected(const char *path) {
    struct sockaddr_un address = address_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

/* The connection is made before, by the client or by the mail server; nobody has asked over it. */
static void without_privileges(const char *path, const char *empty, bool handed_in, bool filtered) {
    pid_t server = server_start(path, answers, answers, geteuid());
    mtasts_client *client = NULL;
    if (handed_in) {
        CHECK_OK(mtasts_client_new_from_fd(connected(path), &client));
        trust_this_user(client);
    } else {
        client = client_at(path);
        CHECK_OK(mtasts_client_connect(client));
    }
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0) {
            CHECK(chroot(empty) == 0 && chdir("/") == 0);
            CHECK(setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0);
            CHECK(setresuid(65534, 65534, 65534) == 0);
        }
        if (filtered) allow_questions_only();
        is_answered(client, DOMAIN, true);
        for (int i = 0; i < 10; i++) is_answered(client, "example.net", true);
        mtasts_client_free(client);
        _exit(checks_status());
    }
    child_ended_well(child);
    CHECK_NUMBER(atomic_load(&seen->connections), 1);
    mtasts_client_free(client);
    server_stop(server, path);
}

/* A daemon that ends between the connection and the question, and between two questions. Nothing raises SIGPIPE,
 * which would end this program. */
static void the_daemon_ends(const char *path) {
    for (int i = 0; i < 4; i++) {
        bool blocking = i % 2;
        int listener = listening(path, 1);
        mtasts_client *client = client_at(path), *handed_in = NULL;
        if (i < 2) CHECK_OK(mtasts_client_connect(client));
        CHECK_OK(mtasts_client_new_from_fd(connected(path), &handed_in));
        trust_this_user(handed_in);
        CHECK_OK(mtasts_client_connect(handed_in));
        close(listener);
        is_unavailable(client, DOMAIN, blocking, "connection refused: is mta-sts serve running?");
        is_unavailable(handed_in, DOMAIN, blocking, "the connection is lost");
        pid_t server = server_start(path, answers, answers, geteuid());
        is_answered(client, DOMAIN, blocking);
        is_unavailable(handed_in, DOMAIN, blocking, "the connection is lost");
        server_stop(server, path);
        is_unavailable(client, DOMAIN, blocking, "no such file");
        server = server_start(path, answers, answers, geteuid());
        is_answered(client, DOMAIN, blocking);
        is_answered(client, DOMAIN, !blocking);
        server_stop(server, path);
        mtasts_client_free(client);
        mtasts_client_free(handed_in);
    }
}

/* The question is on its way when the daemon ends. */
static void the_daemon_ends_while_it_is_asked(const char *path) {
    int listener = listening(path, 1);
    mtasts_client *client = client_at(path);
    mtasts_ruling *ruling = NULL;
    CHECK_OK(mtasts_client_start(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER));
    close(listener);
    mtasts_result result;
    while ((result = mtasts_client_continue(client, &ruling)) == MTASTS_E_AGAIN) usleep(1000);
    CHECK_RESULT(result, MTASTS_E_UNAVAILABLE);
    mtasts_client_free(client);
    unlink(path);
}

/* A daemon that takes no connections: the kernel says so at once, and never when it is over. */
static void the_queue_is_full(const char *path) {
    struct sockaddr_un address = address_of(path);
    int listener = listening(path, 0), waiting[16], count = 0, fd = -1;
    for (; count < 16; count++) {
        waiting[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(waiting[count], (struct sockaddr *)&address, sizeof address) != 0) break;
    }
    CHECK(count < 16 && errno == EAGAIN);
    close(waiting[count]);
    mtasts_client *client = client_at(path);
    is_unavailable(client, DOMAIN, true, "more connections wait there already than the daemon accepts");
    is_unavailable(client, DOMAIN, false, "more connections wait there already than the daemon accepts");
    CHECK_RESULT(mtasts_client_connect(client), MTASTS_E_UNAVAILABLE);

    /* It takes them again while the client waits. */
    mtasts_events events = 0;
    int64_t timeout = -1;
    mtasts_ruling *ruling = NULL;
    CHECK_OK(mtasts_client_set(client, MTASTS_CLIENT_OPTION_DEADLINE, 10000));
    CHECK_OK(mtasts_client_start(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER));
    CHECK_RESULT(mtasts_client_fd(client, &fd), MTASTS_E_ABSENT);
    CHECK_RESULT(mtasts_client_events(client, &events), MTASTS_E_ABSENT);
    CHECK_OK(mtasts_client_timeout(client, &timeout));
    CHECK(timeout > 0 && timeout <= 10);
    CHECK_RESULT(mtasts_client_continue(client, &ruling), MTASTS_E_AGAIN);
    for (int i = 0; i < count; i++) close(accept(listener, NULL, NULL));
    CHECK_RESULT(mtasts_client_continue(client, &ruling), MTASTS_E_AGAIN);
    CHECK_OK(mtasts_client_fd(client, &fd));
    int accepted = accept(listener, NULL, NULL);
    char reply[REPLY_MAX];
    answer_question(accepted, DOMAIN, reply, given_reply(reply, "enforce", DOMAIN, true));
    CHECK_OK(mtasts_client_continue(client, &ruling));
    mtasts_ruling_free(ruling);
    mtasts_client_free(client);
    close(accepted);
    for (int i = 0; i < count; i++) close(waiting[i]);
    close(listener);
    unlink(path);
}

static void on_alarm(int signal) { (void)signal; }

static void never(int fd) {
    (void)fd;
    for (;;) pause();
}

/* Signals end no wait, and make none longer. */
static void signals_all_the_time(const char *path) {
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{0, 3000}, {0, 3000}}, off = {{0, 0}, {0, 0}};
    pid_t server = server_start(path, never, answers, geteuid());
    mtasts_client *client = client_at(path);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    is_unavailable(client, DOMAIN, true, "no answer in time");
    for (int i = 0; i < 100; i++) is_answered(client, DOMAIN, true);
    setitimer(ITIMER_REAL, &off, NULL);
    /* One may still be on its way; by default it would end the process. */
    signal(SIGALRM, SIG_IGN);
    mtasts_client_free(client);
    server_stop(server, path);
}

enum { THREADS = 8 };

static void *own_client(void *path) {
    mtasts_client *client = client_at(path);
    for (int i = 0; i < 50; i++) is_answered(client, i % 3 ? "example.net" : DOMAIN, i % 2);
    mtasts_client_free(client);
    return NULL;
}

static void a_client_for_each_thread(char *path) {
    pthread_t threads[THREADS];
    pid_t server = server_start(path, answers, answers, geteuid());
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, own_client, path) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK_NUMBER(atomic_load(&seen->connections), THREADS);
    server_stop(server, path);
}

/* No descriptor is left open, and none gets into a program that is started. */
static void descriptors_are_closed(const char *path) {
    pid_t server = server_start(path, answers, answers, geteuid());
    mtasts_client *client = client_at(path);
    int fd = -1, next = dup(0);
    close(next);
    is_answered(client, DOMAIN, true);
    CHECK_OK(mtasts_client_start(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER));
    CHECK_OK(mtasts_client_fd(client, &fd));
    CHECK(fd == next && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    mtasts_client_cancel(client);
    CHECK(fcntl(next, F_GETFD) == -1);
    is_answered(client, DOMAIN, true);
    CHECK(fcntl(next, F_GETFD) != -1);
    mtasts_client_free(client);
    CHECK(fcntl(next, F_GETFD) == -1);
    server_stop(server, path);
}

void lives(const char *directory, bool filtered) {
    char path[200], empty[200];
    snprintf(path, sizeof path, "%s/socket", directory);
    snprintf(empty, sizeof empty, "%s/empty", directory);
    descriptors_are_closed(path);
    used_before_fork(path);
    asked_before_fork(path);
    handed_in_before_fork();
    without_privileges(path, empty, false, filtered);
    without_privileges(path, empty, true, filtered);
    the_daemon_ends(path);
    the_daemon_ends_while_it_is_asked(path);
    the_queue_is_full(path);
    signals_all_the_time(path);
    a_client_for_each_thread(path);
}
