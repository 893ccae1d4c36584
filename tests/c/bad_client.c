/* Bad arguments to clients and rulings. What the daemon may do wrong is in client_*.c. */
#include "bad.h"
#include "given_client.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>

static void null_is_refused(void) {
    int other_end = -1;
    mtasts_client *client = given_client(&other_end);
    mtasts_ruling *ruling = given_ruling("enforce", true);
    REFUSED(MTASTS_E_NULL, mtasts_client_new(NULL, 1, &out.client));
    REFUSED(MTASTS_E_NULL, mtasts_client_new(TEXT("/socket"), NULL));
    REFUSED(MTASTS_E_NULL, mtasts_client_new_from_fd(other_end, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_client_set(NULL, MTASTS_CLIENT_OPTION_DEADLINE, 1));
    REFUSED(MTASTS_E_NULL, mtasts_client_connect(NULL));
    REFUSED(MTASTS_E_NULL, mtasts_client_ask(NULL, TEXT(DOMAIN), MTASTS_INTENT_DELIVER, &out.ruling));
    REFUSED(MTASTS_E_NULL, mtasts_client_ask(client, NULL, 1, MTASTS_INTENT_DELIVER, &out.ruling));
    REFUSED(MTASTS_E_NULL, mtasts_client_ask(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_client_start(NULL, TEXT(DOMAIN), MTASTS_INTENT_DELIVER));
    REFUSED(MTASTS_E_NULL, mtasts_client_start(client, NULL, 1, MTASTS_INTENT_DELIVER));
    REFUSED(MTASTS_E_NULL, mtasts_client_fd(NULL, &out.fd));
    REFUSED(MTASTS_E_NULL, mtasts_client_fd(client, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_client_events(NULL, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_client_events(client, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_client_timeout(NULL, &out.time));
    REFUSED(MTASTS_E_NULL, mtasts_client_timeout(client, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_client_continue(NULL, &out.ruling));
    REFUSED(MTASTS_E_NULL, mtasts_client_continue(client, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_client_problem(NULL, &out.str));
    REFUSED(MTASTS_E_NULL, mtasts_client_problem(client, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_ruling_decision(NULL, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_ruling_decision(ruling, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_ruling_reason(NULL, &out.str));
    REFUSED(MTASTS_E_NULL, mtasts_ruling_reason(ruling, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_ruling_policy(NULL, &out.policy));
    REFUSED(MTASTS_E_NULL, mtasts_ruling_policy(ruling, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_ruling_valid_until(NULL, &out.time));
    REFUSED(MTASTS_E_NULL, mtasts_ruling_valid_until(ruling, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_ruling_confirms_bounce(NULL, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_ruling_confirms_bounce(ruling, NULL));
    REFUSED(MTASTS_E_NULL, mtasts_ruling_permits_mx(NULL, TEXT(DOMAIN), &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_ruling_permits_mx(ruling, NULL, 1, &out.number));
    REFUSED(MTASTS_E_NULL, mtasts_ruling_permits_mx(ruling, TEXT(DOMAIN), NULL));
    REFUSED(MTASTS_E_TOO_LARGE, mtasts_client_new("/", SIZE_MAX, &out.client));
    REFUSED(MTASTS_E_TOO_LARGE,
            mtasts_client_ask(client, DOMAIN, SIZE_MAX, MTASTS_INTENT_DELIVER, &out.ruling));
    /* Nothing was asked. */
    char octet;
    CHECK(recv(other_end, &octet, 1, MSG_DONTWAIT) == -1);
    mtasts_ruling_free(ruling);
    mtasts_client_free(client);
    close(other_end);
}

static void paths_that_are_none(void) {
    char longest[128];
    mtasts_client *client = NULL;
    memset(longest, 'a', sizeof longest);
    longest[0] = '/';
    REFUSED(MTASTS_E_VALUE, mtasts_client_new(NULL, 0, &out.client));
    REFUSED(MTASTS_E_VALUE, mtasts_client_new(TEXT("mta-sts.sock"), &out.client));
    REFUSED(MTASTS_E_VALUE, mtasts_client_new(TEXT("./mta-sts.sock"), &out.client));
    REFUSED(MTASTS_E_VALUE, mtasts_client_new(TEXT("\0/mta-sts.sock"), &out.client));
    REFUSED(MTASTS_E_VALUE, mtasts_client_new(TEXT("/mta-sts.sock\0x"), &out.client));
    REFUSED(MTASTS_E_VALUE, mtasts_client_new(longest, 109, &out.client));
    CHECK_OK(mtasts_client_new(longest, 108, &client));
    mtasts_client_free(client);
}

/* The file descriptor stays the caller's, as it was. */
static void descriptors_that_are_none(void) {
    int pipes[2], datagrams[2];
    int inet = socket(AF_INET, SOCK_STREAM, 0), file = open("/dev/null", O_RDONLY), closed = dup(file);
    CHECK(pipe(pipes) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams) == 0 && close(closed) == 0);
    const int bad[] = {-1, INT32_MIN, INT32_MAX, closed, inet, file, pipes[0], datagrams[0]};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        REFUSED(MTASTS_E_VALUE, mtasts_client_new_from_fd(bad[i], &out.client));
    CHECK(fcntl(file, F_GETFD) == 0 && fcntl(inet, F_GETFD) == 0 && fcntl(pipes[0], F_GETFD) == 0);
    CHECK((fcntl(datagrams[0], F_GETFL) & O_NONBLOCK) == 0);
    for (size_t i = 4; i < sizeof bad / sizeof *bad; i++) CHECK(close(bad[i]) == 0);
    close(pipes[1]);
    close(datagrams[1]);
}

static void settings_and_intents_that_are_none(void) {
    char octet;
    int other_end = -1;
    mtasts_client *client = given_client(&other_end);
    REFUSED(MTASTS_E_VALUE, mtasts_client_set(client, 0, 1));
    REFUSED(MTASTS_E_VALUE, mtasts_client_set(client, 3, 1));
    REFUSED(MTASTS_E_VALUE, mtasts_client_set(client, MTASTS_CLIENT_OPTION_DEADLINE, 0));
    REFUSED(MTASTS_E_VALUE, mtasts_client_set(client, MTASTS_CLIENT_OPTION_DEADLINE, (uint64_t)UINT32_MAX + 1));
    /* Nobody's number, which the kernel gives where there is no process at the other end. */
    REFUSED(MTASTS_E_VALUE, mtasts_client_set(client, MTASTS_CLIENT_OPTION_PEER_UID, UINT32_MAX));
    REFUSED(MTASTS_E_VALUE, mtasts_client_set(client, MTASTS_CLIENT_OPTION_PEER_UID, UINT64_MAX));
    CHECK_OK(mtasts_client_set(client, MTASTS_CLIENT_OPTION_DEADLINE, UINT32_MAX));
    REFUSED(MTASTS_E_VALUE, mtasts_client_start(client, TEXT(DOMAIN), 0));
    REFUSED(MTASTS_E_VALUE, mtasts_client_start(client, TEXT(DOMAIN), MTASTS_INTENT_REFRESH));
    REFUSED(MTASTS_E_VALUE, mtasts_client_ask(client, TEXT(DOMAIN), 4, &out.ruling));
    CHECK(recv(other_end, &octet, 1, MSG_DONTWAIT) == -1);
    mtasts_client_free(client);
    close(other_end);
}

/* What no shell, no expansion and no netstring may ever see: it is no domain, and is not sent. */
static void names_that_are_no_domain(void) {
    static const struct {
        const char *name;
        size_t len;
    } names[] = {{TEXT("")},
                 {TEXT(".")},
                 {TEXT("a..test")},
                 {TEXT(".example.com")},
                 {TEXT("example.com\0")},
                 {TEXT("example.com\0.test")},
                 {TEXT("\0")},
                 {TEXT("example.com before-bounce")},
                 {TEXT("example .com")},
                 {TEXT(" example.com")},
                 {TEXT("example.com\n")},
                 {TEXT("example.com,19:policy example.net,")},
                 {TEXT("${run{/bin/true}}.example.com")},
                 {TEXT("$domain")},
                 {TEXT("$(id).example.com")},
                 {TEXT("`id`.example.com")},
                 {TEXT("a;b.example.com")},
                 {TEXT("a|b.example.com")},
                 {TEXT("a'b\"c\\.example.com")},
                 {TEXT("../../etc/passwd")},
                 {TEXT("%s%n.example.com")},
                 {TEXT("user@example.com")},
                 {TEXT("b\xc3\xbc" "cher.example")},
                 {TEXT("\xff\xfe.example")},
                 {TEXT("192.0.2.1")},
                 {TEXT("[192.0.2.1]")},
                 {TEXT("[IPv6:2001:db8::1]")},
                 {TEXT("example.com:25")}};
    char octet, large[300];
    int other_end = -1;
    mtasts_client *client = given_client(&other_end);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        REFUSED(MTASTS_E_DOMAIN, mtasts_client_start(client, names[i].name, names[i].len, MTASTS_INTENT_DELIVER));
        REFUSED(MTASTS_E_DOMAIN,
                mtasts_client_ask(client, names[i].name, names[i].len, MTASTS_INTENT_BEFORE_BOUNCE, &out.ruling));
    }
    memset(large, 'a', sizeof large);
    REFUSED(MTASTS_E_DOMAIN, mtasts_client_start(client, large, sizeof large, MTASTS_INTENT_DELIVER));
    CHECK(recv(other_end, &octet, 1, MSG_DONTWAIT) == -1);
    mtasts_client_free(client);
    close(other_end);
}

static void everything_out_of_turn(void) {
    int other_end = -1;
    mtasts_client *client = given_client(&other_end);
    REFUSED(MTASTS_E_OUT_OF_TURN, mtasts_client_fd(client, &out.fd));
    REFUSED(MTASTS_E_OUT_OF_TURN, mtasts_client_events(client, &out.number));
    REFUSED(MTASTS_E_OUT_OF_TURN, mtasts_client_timeout(client, &out.time));
    REFUSED(MTASTS_E_OUT_OF_TURN, mtasts_client_continue(client, &out.ruling));
    REFUSED(MTASTS_E_ABSENT, mtasts_client_problem(client, &out.str));
    mtasts_client_cancel(client);
    CHECK_OK(mtasts_client_start(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER));
    REFUSED(MTASTS_E_OUT_OF_TURN, mtasts_client_start(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER));
    REFUSED(MTASTS_E_OUT_OF_TURN, mtasts_client_ask(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER, &out.ruling));
    REFUSED(MTASTS_E_OUT_OF_TURN, mtasts_client_connect(client));
    REFUSED(MTASTS_E_AGAIN, mtasts_client_continue(client, &out.ruling));
    mtasts_client_free(client);
    close(other_end);
}

void bad_clients(void) {
    null_is_refused();
    paths_that_are_none();
    descriptors_that_are_none();
    settings_and_intents_that_are_none();
    names_that_are_no_domain();
    everything_out_of_turn();
}
