/* Servers that do what they should not, and sockets that are none: always a defined result, within the
 * deadline, and the next question is answered as if nothing had been. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

static void say(int fd, const char *octets, size_t len) {
    ssize_t sent = send(fd, octets, len, MSG_NOSIGNAL);
    (void)sent;
}

/* Until the question is there: an answer that was there before would be an older one. */
static void hear(int fd) {
    char octets[300];
    ssize_t heard = recv(fd, octets, sizeof octets, 0);
    if (heard > 0) atomic_fetch_add(&seen->octets, (unsigned)heard);
}

/* With the connection open, for ever. */
static void hold(int fd) {
    (void)fd;
    for (;;) pause();
}

#define SAYS(name, octets)          \
    static void name(int fd) {      \
        hear(fd);                   \
        say(fd, TEXT(octets));      \
        hold(fd);                   \
    }

SAYS(speaks_http, "HTTP/1.1 400 Bad Request\r\n\r\n")
SAYS(speaks_binary, "\0\xff\x80\r\n\x1b[2J")
SAYS(says_a_negative_length, "-1:OK x,")
SAYS(says_a_padded_length, "03:OK ,")
SAYS(says_an_endless_length, "99999999999999999999999999999999999:")
SAYS(says_more_than_the_limit, "100001:OK mta-sts-policy 1\n")
SAYS(says_no_comma, "3:OK x")
SAYS(says_half, "300:OK mta-sts-policy 1\ndecision no-policy\n")
SAYS(says_nothing, "")
SAYS(says_an_empty_string, "0:,")

#define REPLIES(name, payload)                               \
    static void name(int fd) {                               \
        char reply[REPLY_MAX];                               \
        hear(fd);                                            \
        say(fd, reply, framed(reply, TEXT(payload)));        \
        hold(fd);                                            \
    }

REPLIES(says_an_unknown_word, "MAYBE x")
REPLIES(says_ok_alone, "OK ")
REPLIES(says_no_domain, "NOTFOUND ")
REPLIES(says_temporary, "TEMP not\n${run{x}}\x1b[2J")
REPLIES(says_timeout, "TIMEOUT slow")
REPLIES(says_permanent, "PERM \xff\xfe\x80")
REPLIES(says_another_version, "OK mta-sts-policy 2\n")
REPLIES(says_an_unknown_decision, "OK mta-sts-policy 1\ndecision bounce\nreason x\ndomain example.com\nentry 0\n")
/* A control character where a word must be. */
REPLIES(puts_control_characters_into_the_reason,
        "OK mta-sts-policy 1\ndecision no-policy\nreason a\x1b[2J\ndomain example.com\nentry 0\n")

static void says(int fd, const char *decision, const char *domain, bool policy) {
    char reply[REPLY_MAX];
    size_t len = given_reply(reply, decision, domain, policy);
    hear(fd);
    say(fd, reply, len);
    hold(fd);
}

static void answers_for_another(int fd) { says(fd, "no-policy", "example.net", false); }
static void enforces_nothing(int fd) { says(fd, "enforce", DOMAIN, false); }
static void tests_nothing(int fd) { says(fd, "testing", DOMAIN, false); }

static void answers_twice(int fd) {
    char reply[2 * REPLY_MAX];
    size_t len = given_reply(reply, "no-policy", DOMAIN, false);
    memcpy(reply + len, reply, len);
    hear(fd);
    say(fd, reply, 2 * len);
    hold(fd);
}

/* An entry whose policy is larger than 65536 octets, in a reply that is not too large. */
static void sends_a_policy_over_the_limit(int fd) {
    enum { BODY = 70000 };
    static char reply[BODY + 1000], entry[BODY + 500];
    int head = snprintf(entry, sizeof entry,
                        "mta-sts-entry 1\ndomain example.com\nheld A1 1800000000 0\nchecked 1800000000\npolicy %d\n"
                        "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\nx: ",
                        BODY);
    size_t entry_len = (size_t)head + BODY;
    memset(entry + head, 'x', BODY);
    char start[200];
    int payload = snprintf(start, sizeof start,
                           "OK mta-sts-policy 1\ndecision enforce\nreason policy\ndomain example.com\nentry %zu\n", entry_len);
    int len = snprintf(reply, sizeof reply, "%zu:%s", (size_t)payload + entry_len, start);
    memcpy(reply + len, entry, entry_len);
    reply[(size_t)len + entry_len] = ',';
    hear(fd);
    for (size_t sent = 0, all = (size_t)len + entry_len + 1; sent < all;) {
        ssize_t octets = send(fd, reply + sent, all - sent, MSG_NOSIGNAL);
        if (octets <= 0) return;
        sent += (size_t)octets;
    }
    hold(fd);
}

/* Never more than the limit is read. */
static void never_ends(int fd) {
    static char junk[65536];
    memset(junk, 'x', sizeof junk);
    hear(fd);
    say(fd, TEXT("100000:"));
    while (send(fd, junk, sizeof junk, MSG_NOSIGNAL) > 0) {}
}

/* The right answer, an octet at a time: the deadline does not start again with each. */
static void dribbles(int fd) {
    char reply[REPLY_MAX];
    size_t len = given_reply(reply, "enforce", DOMAIN, true);
    hear(fd);
    for (size_t i = 0; i < len; i++) {
        say(fd, reply + i, 1);
        usleep(20000);
    }
}

static void closes_at_once(int fd) { (void)fd; }
static void closes_when_asked(int fd) { hear(fd); }

static void closes_in_the_middle(int fd) {
    hear(fd);
    say(fd, TEXT("300:OK mta-sts"));
}

/* The answer, and something that nobody asked for later. */
static void goes_on_talking(int fd) {
    char reply[REPLY_MAX];
    hear(fd);
    say(fd, reply, given_reply(reply, "enforce", DOMAIN, true));
    usleep(50000);
    say(fd, reply, given_reply(reply, "no-policy", "example.net", false));
    hold(fd);
}

static void answers_once(int fd) {
    char reply[REPLY_MAX];
    hear(fd);
    say(fd, reply, given_reply(reply, "enforce", DOMAIN, true));
}

static const struct {
    behaviour *act;
    const char *problem;
} BAD[] = {
    {speaks_http, "garbled"},
    {speaks_binary, "garbled"},
    {says_a_negative_length, "garbled"},
    {says_a_padded_length, "garbled"},
    {says_an_endless_length, "garbled"},
    {says_more_than_the_limit, "garbled"},
    {says_no_comma, "garbled"},
    {says_half, "no answer in time"},
    {says_nothing, "no answer in time"},
    {says_an_empty_string, "garbled"},
    {says_an_unknown_word, "garbled"},
    {says_ok_alone, "garbled"},
    {says_no_domain, "takes this name for no domain"},
    {says_temporary, "the daemon reports a temporary failure: not?${run{x}}?[2J"},
    {says_timeout, "the daemon reports that it takes too long: slow"},
    {says_permanent, "the daemon reports a permanent failure: ???"},
    {says_another_version, "garbled"},
    {says_an_unknown_decision, "garbled"},
    {answers_for_another, "another domain"},
    {enforces_nothing, "no policy with its decision"},
    {tests_nothing, "no policy with its decision"},
    {answers_twice, "garbled"},
    {puts_control_characters_into_the_reason, "garbled"},
    {sends_a_policy_over_the_limit, "garbled"},
    {never_ends, "garbled"},
    {dribbles, "no answer in time"},
    {closes_at_once, "the daemon closed the connection"},
    {closes_when_asked, "the daemon closed the connection"},
    {closes_in_the_middle, "the daemon closed the connection"},
};

static void each_bad_server(const char *path) {
    for (size_t i = 0; i < 2 * (sizeof BAD / sizeof *BAD); i++) {
        bool blocking = i % 2;
        pid_t server = server_start(path, BAD[i / 2].act, answers, geteuid());
        mtasts_client *client = client_at(path);
        const char *problem = BAD[i / 2].problem;
        bool says_to_wait = strstr(problem, "the daemon reports ");
        has_no_ruling(client, DOMAIN, blocking, says_to_wait ? MTASTS_E_WAIT : MTASTS_E_UNAVAILABLE, problem);
        /* What refuses in the words of the protocol is in step, and stays connected. */
        bool in_step = says_to_wait || strstr(problem, "takes this name");
        mtasts_client_cancel(client);
        if (in_step) {
            CHECK_OK(mtasts_client_start(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER));
            mtasts_client_cancel(client);
            CHECK_NUMBER(atomic_load(&seen->connections), 1);
        }
        is_answered(client, DOMAIN, blocking);
        is_answered(client, "example.net", !blocking);
        CHECK_NUMBER(atomic_load(&seen->connections), 2);
        mtasts_client_free(client);
        server_stop(server, path);
    }
}

/* A connection that was good, and no longer is: there is another, within the same question. */
static void a_kept_connection_that_ends(const char *path) {
    static behaviour *const acts[] = {answers_once, goes_on_talking};
    for (int i = 0; i < 4; i++) {
        pid_t server = server_start(path, acts[i / 2], answers, geteuid());
        mtasts_client *client = client_at(path);
        is_answered(client, DOMAIN, i % 2);
        usleep(200000);
        is_answered(client, DOMAIN, i % 2);
        CHECK_NUMBER(atomic_load(&seen->connections), 2);
        mtasts_client_free(client);
        server_stop(server, path);
    }
}

/* Whoever has the socket must be root or the user that was named; else nothing is sent. */
static void a_server_of_another_user(const char *path) {
    uid_t stranger = geteuid() == 0 ? 65534 : geteuid();
    mtasts_client *client = NULL;
    pid_t server = server_start(path, answers, answers, stranger);
    CHECK_OK(mtasts_client_new(path, strlen(path), &client));
    CHECK_OK(mtasts_client_set(client, MTASTS_CLIENT_OPTION_DEADLINE, (uint64_t)deadline));
    is_unavailable(client, DOMAIN, true, "neither root nor the user id that was set has opened this socket");
    CHECK_OK(mtasts_client_set(client, MTASTS_CLIENT_OPTION_PEER_UID, stranger + 1));
    is_unavailable(client, DOMAIN, false, "neither root nor the user id");
    CHECK_RESULT(mtasts_client_connect(client), MTASTS_E_UNAVAILABLE);
    CHECK_NUMBER(atomic_load(&seen->octets), 0);
    CHECK_OK(mtasts_client_set(client, MTASTS_CLIENT_OPTION_PEER_UID, stranger));
    is_answered(client, DOMAIN, true);
    mtasts_client_free(client);
    server_stop(server, path);
}

static void sockets_that_are_none(const char *directory) {
    static const struct {
        const char *name, *problem;
    } none[] = {{"missing", "no such file: is mta-sts serve running?"},
                {"file", "connection refused: is mta-sts serve running?"},
                {"file/socket", "a part of the path is no directory"},
                {".", "connection refused"},
                {"null", "connection refused"},
                {"abandoned", "connection refused: is mta-sts serve running?"},
                {"datagrams", "it is no stream socket"},
                {"loop", "system error 40"}};
    char path[200];
    struct sockaddr_un address = address_of("datagrams");
    int datagrams = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK(chdir(directory) == 0);
    CHECK(close(open("file", O_CREAT | O_WRONLY, 0666)) == 0 && symlink("loop", "loop") == 0);
    CHECK(symlink("/dev/null", "null") == 0 && close(listening("abandoned", 1)) == 0);
    CHECK(bind(datagrams, (struct sockaddr *)&address, sizeof address) == 0);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, none[i].name);
        mtasts_client *client = client_at(path);
        is_unavailable(client, DOMAIN, true, none[i].problem);
        is_unavailable(client, DOMAIN, true, path);
        is_unavailable(client, DOMAIN, false, none[i].problem);
        mtasts_client_free(client);
    }
    close(datagrams);

    /* One that has no other end. */
    mtasts_client *client = NULL;
    CHECK_OK(mtasts_client_new_from_fd(socket(AF_UNIX, SOCK_STREAM, 0), &client));
    trust_this_user(client);
    is_unavailable(client, DOMAIN, true, "the socket handed in: the connection is lost");
    mtasts_client_free(client);

    /* Control characters of a path do not get into a log. */
    client = client_at("/no\x1b[2J\n/\xff");
    is_unavailable(client, DOMAIN, true, "no such file");
    mtasts_client_free(client);
}

static void a_socket_that_may_not_be_used(const char *path) {
    int listener = listening(path, 1);
    CHECK(chmod(path, 0) == 0);
    if (geteuid() == 0) CHECK(seteuid(65534) == 0);
    mtasts_client *client = client_at(path);
    is_unavailable(client, DOMAIN, true, "permission denied");
    mtasts_client_free(client);
    if (getuid() == 0) CHECK(seteuid(0) == 0);
    close(listener);
    unlink(path);
}

void bad_servers(const char *directory) {
    char path[200];
    snprintf(path, sizeof path, "%s/socket", directory);
    each_bad_server(path);
    a_kept_connection_that_ends(path);
    a_server_of_another_user(path);
    sockets_that_are_none(directory);
    a_socket_that_may_not_be_used(path);
}
