/* What clients answer in the ordinary case, and their rulings; this process is the daemon. What goes
 * wrong is in bad_client.c and client_*.c. */
#include "api.h"
#include "given_client.h"

#include <fcntl.h>
#include <poll.h>

static mtasts_answer permits(const mtasts_ruling *ruling, const char *host) {
    mtasts_answer permitted = MTASTS_UNKNOWN;
    CHECK_OK(mtasts_ruling_permits_mx(ruling, host, strlen(host), &permitted));
    return permitted;
}

static void a_ruling_with_a_policy(void) {
    mtasts_ruling *ruling = given_ruling("enforce", true);
    mtasts_policy *policy = NULL;
    mtasts_str text = {NULL, 0};
    mtasts_answer confirms = MTASTS_UNKNOWN;
    int64_t at = 0;
    CHECK_NUMBER(ruled(ruling), MTASTS_DECISION_ENFORCE);
    CHECK_OK(mtasts_ruling_reason(ruling, &text));
    CHECK_TEXT(text, "policy");
    CHECK_OK(mtasts_ruling_valid_until(ruling, &at));
    CHECK_NUMBER(at, 1800604800);
    CHECK_OK(mtasts_ruling_confirms_bounce(ruling, &confirms));
    CHECK_NUMBER(confirms, MTASTS_NO);
    CHECK_NUMBER(permits(ruling, "MX.example.com."), MTASTS_YES);
    CHECK_NUMBER(permits(ruling, "mx.example.net"), MTASTS_NO);
    CHECK_NUMBER(permits(ruling, ""), MTASTS_NO);

    /* The policy outlives the ruling. */
    CHECK_OK(mtasts_ruling_policy(ruling, &policy));
    mtasts_ruling_free(ruling);
    CHECK_OK(mtasts_policy_mx(policy, 1, &text));
    CHECK_TEXT(text, "*.mail.example.com");
    mtasts_policy_free(policy);
}

static void each_decision(void) {
    static const struct {
        const char *word;
        mtasts_decision decision;
        bool sent, given;
    } rulings[] = {{"no-policy", MTASTS_DECISION_NO_POLICY, false, false},
                   {"no-policy", MTASTS_DECISION_NO_POLICY, true, false},
                   {"testing", MTASTS_DECISION_TESTING, true, true},
                   {"enforce", MTASTS_DECISION_ENFORCE, true, true},
                   {"dane", MTASTS_DECISION_DANE, false, false},
                   {"dane", MTASTS_DECISION_DANE, true, true},
                   {"dane-only", MTASTS_DECISION_DANE_ONLY, true, true}};
    for (size_t i = 0; i < sizeof rulings / sizeof *rulings; i++) {
        mtasts_ruling *ruling = given_ruling(rulings[i].word, rulings[i].sent);
        mtasts_policy *policy = NULL;
        CHECK_NUMBER(ruled(ruling), rulings[i].decision);
        CHECK_RESULT(mtasts_ruling_policy(ruling, &policy), rulings[i].given ? MTASTS_OK : MTASTS_E_ABSENT);
        CHECK_NUMBER(permits(ruling, "mx.example.com"), MTASTS_YES);
        CHECK_NUMBER(permits(ruling, "mx.example.net"), rulings[i].given ? MTASTS_NO : MTASTS_YES);
        mtasts_policy_free(policy);
        mtasts_ruling_free(ruling);
    }
}

/* Without waiting: what the client wants, and that it is heard. */
static void a_question_step_by_step(void) {
    char reply[REPLY_MAX];
    int other_end = -1, fd = -1;
    mtasts_events events = 0;
    int64_t timeout = -1;
    mtasts_ruling *ruling = NULL;
    mtasts_str problem = {NULL, 0};
    mtasts_client *client = given_client(&other_end);
    CHECK_OK(mtasts_client_set(client, MTASTS_CLIENT_OPTION_DEADLINE, 60000));
    CHECK_OK(mtasts_client_connect(client));
    CHECK_OK(mtasts_client_start(client, TEXT("Example.COM."), MTASTS_INTENT_BEFORE_BOUNCE));
    CHECK_OK(mtasts_client_fd(client, &fd));
    CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    CHECK_OK(mtasts_client_events(client, &events));
    CHECK_NUMBER(events, MTASTS_EVENT_READ);
    CHECK_OK(mtasts_client_timeout(client, &timeout));
    CHECK(timeout > 0 && timeout <= 60000);
    CHECK_RESULT(mtasts_client_continue(client, &ruling), MTASTS_E_AGAIN);

    /* In two pieces. */
    size_t len = given_reply(reply, "enforce", DOMAIN, true);
    answer_question(other_end, DOMAIN " before-bounce", reply, 100);
    CHECK_RESULT(mtasts_client_continue(client, &ruling), MTASTS_E_AGAIN);
    CHECK(ruling == NULL);
    CHECK(send(other_end, reply + 100, len - 100, 0) == (ssize_t)len - 100);
    struct pollfd wanted = {fd, POLLIN, 0};
    CHECK(poll(&wanted, 1, 1000) == 1);
    CHECK_OK(mtasts_client_continue(client, &ruling));
    CHECK_NUMBER(ruled(ruling), MTASTS_DECISION_ENFORCE);
    mtasts_ruling_free(ruling);
    CHECK_RESULT(mtasts_client_problem(client, &problem), MTASTS_E_ABSENT);

    /* The connection is kept for the next one. */
    CHECK_OK(mtasts_client_start(client, TEXT("example.net"), MTASTS_INTENT_DELIVER));
    answer_question(other_end, "example.net", reply, given_reply(reply, "no-policy", "example.net", false));
    CHECK_OK(mtasts_client_continue(client, &ruling));
    CHECK_NUMBER(ruled(ruling), MTASTS_DECISION_NO_POLICY);
    mtasts_ruling_free(ruling);

    /* Until a question is forgotten. */
    CHECK_OK(mtasts_client_start(client, TEXT("example.net"), MTASTS_INTENT_DELIVER));
    mtasts_client_cancel(client);
    CHECK(recv(other_end, reply, sizeof reply, 0) > 0 && recv(other_end, reply, sizeof reply, 0) == 0);
    CHECK_RESULT(mtasts_client_connect(client), MTASTS_E_UNAVAILABLE);
    CHECK_OK(mtasts_client_problem(client, &problem));
    CHECK_TEXT(problem, "the socket handed in: the connection is lost, and there is no path to connect again");
    mtasts_client_free(client);
    close(other_end);
}

static void a_bounce_is_confirmed(void) {
    static const char confirmed[] =
        "OK mta-sts-policy 1\ndecision no-policy\nreason no-record\ndomain example.com\nbounce confirmed\nentry 0\n";
    char reply[REPLY_MAX];
    int other_end = -1;
    mtasts_answer confirms = MTASTS_UNKNOWN;
    mtasts_ruling *ruling = NULL;
    int64_t at = 0;
    mtasts_client *client = given_client(&other_end);
    CHECK_OK(mtasts_client_start(client, TEXT(DOMAIN), MTASTS_INTENT_BEFORE_BOUNCE));
    answer_question(other_end, DOMAIN " before-bounce", reply, framed(reply, TEXT(confirmed)));
    CHECK_OK(mtasts_client_continue(client, &ruling));
    CHECK_OK(mtasts_ruling_confirms_bounce(ruling, &confirms));
    CHECK_NUMBER(confirms, MTASTS_YES);
    CHECK_RESULT(mtasts_ruling_valid_until(ruling, &at), MTASTS_E_ABSENT);
    mtasts_ruling_free(ruling);
    mtasts_client_free(client);
    close(other_end);
}

/* A daemon that reads nothing for now. */
static void a_question_that_has_to_wait_before_it_is_sent(void) {
    static char junk[4096];
    char reply[REPLY_MAX];
    int ends[2] = {-1, -1}, small = 4096;
    size_t sent = 0;
    ssize_t octets;
    mtasts_client *client = NULL;
    mtasts_ruling *ruling = NULL;
    mtasts_events events = 0;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    while ((octets = send(ends[0], junk, sizeof junk, MSG_DONTWAIT)) > 0) sent += (size_t)octets;
    CHECK_OK(mtasts_client_new_from_fd(ends[0], &client));
    trust_this_user(client);
    CHECK_OK(mtasts_client_start(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER));
    CHECK_OK(mtasts_client_events(client, &events));
    CHECK_NUMBER(events, MTASTS_EVENT_WRITE);
    CHECK_RESULT(mtasts_client_continue(client, &ruling), MTASTS_E_AGAIN);
    while (sent > 0) {
        octets = recv(ends[1], junk, sent < sizeof junk ? sent : sizeof junk, 0);
        CHECK(octets > 0);
        sent -= (size_t)octets;
    }
    CHECK_RESULT(mtasts_client_continue(client, &ruling), MTASTS_E_AGAIN);
    CHECK_OK(mtasts_client_events(client, &events));
    CHECK_NUMBER(events, MTASTS_EVENT_READ);
    answer_question(ends[1], DOMAIN, reply, given_reply(reply, "enforce", DOMAIN, true));
    CHECK_OK(mtasts_client_continue(client, &ruling));
    mtasts_ruling_free(ruling);
    mtasts_client_free(client);
    close(ends[1]);
}

void clients(void) {
    a_ruling_with_a_policy();
    each_decision();
    a_question_step_by_step();
    a_bounce_is_confirmed();
    a_question_that_has_to_wait_before_it_is_sent();
}
