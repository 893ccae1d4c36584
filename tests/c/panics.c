/* A panic inside the library, forced in every function that takes an object or octets. Needs a
 * library that was built with --cfg mtasts_forced_panic. */
#include "given_client.h"
#include "outs.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* The next call of this thread that takes an object or octets panics. Only a test build has it. */
extern void mtasts_test_panic_next(void);

#define PANICS(call)                     \
    do {                                 \
        mtasts_test_panic_next();        \
        REFUSED(MTASTS_E_PANIC, call);   \
    } while (0)

/* No function has this number. */
static const mtasts_result NO_SUCH_CALL = INT32_MAX;

/* The functions on an object, by number. The first one shows whether the object works. */

static mtasts_result on_config(void *config, int number) {
    switch (number) {
    case 0: return mtasts_config_get(config, MTASTS_OPTION_BACKOFF, &out.large);
    case 1: return mtasts_config_set(config, MTASTS_OPTION_BACKOFF, 1);
    case 2: return mtasts_lookup_new(TEXT(DOMAIN), NULL, MTASTS_INTENT_DELIVER, config, NOW, &out.lookup);
    default: return NO_SUCH_CALL;
    }
}

static mtasts_result on_txt(void *txt, int number) {
    switch (number) {
    case 0: return mtasts_txt_sts_id(txt, out.chars, sizeof out.chars, &out.need);
    case 1: return mtasts_txt_add(txt, TEXT("x"));
    case 2: return mtasts_txt_add_rdata(txt, OCTETS("\x01x"));
    case 3: return mtasts_txt_sts_problem(txt, &out.number, &out.size);
    case 4: return mtasts_txt_tlsrpt_problem(txt, &out.number, &out.size);
    case 5: return mtasts_tlsrpt_parse(txt, &out.tlsrpt);
    default: return NO_SUCH_CALL;
    }
}

static mtasts_result on_tlsrpt(void *tlsrpt, int number) {
    switch (number) {
    case 0: return mtasts_tlsrpt_record(tlsrpt, &out.str);
    case 1: return mtasts_tlsrpt_rua_count(tlsrpt, &out.size);
    case 2: return mtasts_tlsrpt_rua(tlsrpt, 0, &out.str);
    default: return NO_SUCH_CALL;
    }
}

static mtasts_result on_policy(void *policy, int number) {
    switch (number) {
    case 0: return mtasts_policy_mode(policy, &out.number);
    case 1: return mtasts_policy_max_age(policy, &out.number);
    case 2: return mtasts_policy_permits_mx(policy, TEXT("mx.example.com"), &out.number);
    case 3: return mtasts_policy_mx_count(policy, &out.size);
    case 4: return mtasts_policy_mx(policy, 0, &out.str);
    case 5: return mtasts_policy_line_count(policy, &out.size);
    case 6: return mtasts_policy_line(policy, 0, &out.str);
    case 7: return mtasts_policy_body(policy, NULL, 0, &out.need);
    case 8: return mtasts_entry_import(TEXT(DOMAIN), TEXT("A"), policy, NOW, NOW, &out.entry);
    default: return NO_SUCH_CALL;
    }
}

static mtasts_result on_problems(void *problems, int number) {
    switch (number) {
    case 0: return mtasts_problems_count(problems, &out.size);
    case 1: return mtasts_problems_valid(problems, &out.number);
    case 2: return mtasts_problems_omitted(problems, &out.size);
    case 3: return mtasts_problems_get(problems, 0, &out.problem);
    default: return NO_SUCH_CALL;
    }
}

static mtasts_result on_entry(void *entry, int number) {
    switch (number) {
    case 0: return mtasts_entry_domain(entry, &out.str);
    case 1: return mtasts_entry_id(entry, &out.str);
    case 2: return mtasts_entry_policy(entry, &out.policy);
    case 3: return mtasts_entry_fetched_at(entry, &out.time);
    case 4: return mtasts_entry_checked_at(entry, &out.time);
    case 5: return mtasts_entry_expires_at(entry, &out.time);
    case 6: return mtasts_entry_refresh_at(entry, NOW, &out.time);
    case 7: return mtasts_entry_encode(entry, NULL, 0, &out.need);
    default: return NO_SUCH_CALL;
    }
}

static mtasts_result on_lookup(void *lookup, int number) {
    switch (number) {
    case 0: return mtasts_lookup_want(lookup, &out.number);
    case 1: return mtasts_lookup_txt_name(lookup, &out.str);
    case 2: return mtasts_lookup_txt_record(lookup, TEXT(RECORD));
    case 3: return mtasts_lookup_txt_rdata(lookup, OCTETS("\x01x"));
    case 4: return mtasts_lookup_txt_end(lookup, MTASTS_TXT_ABSENT, NOW);
    case 5: return mtasts_lookup_https_host(lookup, &out.str);
    case 6: return mtasts_lookup_https_url(lookup, &out.str);
    case 7: return mtasts_lookup_https_field(lookup, TEXT("Content-Type"), TEXT("text/plain"));
    case 8: return mtasts_lookup_https_head(lookup, 200, NOW, &out.number);
    case 9: return mtasts_lookup_https_body(lookup, OCTETS(POLICY), NOW, &out.number);
    case 10: return mtasts_lookup_https_end(lookup, NOW);
    case 11: return mtasts_lookup_https_failed(lookup, MTASTS_FAILURE_TLS, NOW);
    case 12: return mtasts_lookup_decision(lookup, &out.number);
    case 13: return mtasts_lookup_policy(lookup, &out.policy);
    case 14: return mtasts_lookup_cache(lookup, &out.number);
    case 15: return mtasts_lookup_apply(lookup, NULL, NOW, &out.entry);
    case 16: return mtasts_lookup_failure(lookup, &out.number);
    case 17: return mtasts_lookup_failure_text(lookup, &out.str);
    case 18: return mtasts_lookup_tlsrpt_result(lookup, &out.number);
    case 19: return mtasts_lookup_next_check(lookup, &out.time);
    case 20: return mtasts_lookup_alert(lookup, &out.large);
    case 21: return mtasts_lookup_confirms_bounce(lookup, &out.number);
    default: return NO_SUCH_CALL;
    }
}

static mtasts_result on_client(void *client, int number) {
    switch (number) {
    case 0: return mtasts_client_timeout(client, &out.time);
    case 1: return mtasts_client_set(client, MTASTS_CLIENT_OPTION_DEADLINE, 1000);
    case 2: return mtasts_client_connect(client);
    case 3: return mtasts_client_ask(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER, &out.ruling);
    case 4: return mtasts_client_start(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER);
    case 5: return mtasts_client_fd(client, &out.fd);
    case 6: return mtasts_client_events(client, &out.number);
    case 7: return mtasts_client_continue(client, &out.ruling);
    case 8: return mtasts_client_problem(client, &out.str);
    default: return NO_SUCH_CALL;
    }
}

static mtasts_result on_ruling(void *ruling, int number) {
    switch (number) {
    case 0: return mtasts_ruling_decision(ruling, &out.number);
    case 1: return mtasts_ruling_reason(ruling, &out.str);
    case 2: return mtasts_ruling_policy(ruling, &out.policy);
    case 3: return mtasts_ruling_valid_until(ruling, &out.time);
    case 4: return mtasts_ruling_confirms_bounce(ruling, &out.number);
    case 5: return mtasts_ruling_permits_mx(ruling, TEXT("mx.example.com"), &out.number);
    default: return NO_SUCH_CALL;
    }
}

static void *make_config(void) { return given_config(); }
static void *make_txt(void) { return given_txt(RECORD); }
static void *make_tlsrpt(void) { return given_tlsrpt("v=TLSRPTv1; rua=mailto:tls@example.com"); }
static void *make_policy(void) { return given_policy(POLICY); }
static void *make_problems(void) { return given_problems("mode: x"); }
static void *make_entry(void) { return given_entry(); }
static void *make_asking(void) { return given_lookup(NULL, MTASTS_INTENT_DELIVER, NOW); }
static void *make_fetching(void) { return given_fetching(false); }
static void *make_reading(void) { return given_fetching(true); }
static void *make_ended(void) { return given_ended(); }

/* Under way: nobody answers, and the other end stays open until the program ends. */
static void *make_client(void) {
    int other_end = -1;
    mtasts_client *client = given_client(&other_end);
    CHECK_OK(mtasts_client_start(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER));
    return client;
}

static void *make_ruling(void) { return given_ruling("enforce", true); }

static void free_config(void *config) { mtasts_config_free(config); }
static void free_txt(void *txt) { mtasts_txt_free(txt); }
static void free_tlsrpt(void *tlsrpt) { mtasts_tlsrpt_free(tlsrpt); }
static void free_policy(void *policy) { mtasts_policy_free(policy); }
static void free_problems(void *problems) { mtasts_problems_free(problems); }
static void free_entry(void *entry) { mtasts_entry_free(entry); }
static void free_lookup(void *lookup) { mtasts_lookup_free(lookup); }
static void free_client(void *client) { mtasts_client_free(client); }
static void free_ruling(void *ruling) { mtasts_ruling_free(ruling); }

/* A panic in any function poisons the object for all of them, and no other object. */
static void objects_stay_poisoned(int functions, mtasts_result (*on)(void *, int), void *(*make)(void),
                                  void (*release)(void *)) {
    void *bystander = make();
    for (int first = 0; first < functions; first++) {
        void *object = make();
        PANICS(on(object, first));
        for (int later = 0; later < functions; later++) REFUSED(MTASTS_E_PANIC, on(object, later));
        CHECK_OK(on(bystander, 0));
        release(object);
    }
    CHECK_RESULT(on(bystander, functions), NO_SUCH_CALL);
    release(bystander);
}

static void functions_on_octets_answer_nothing(void) {
    PANICS(mtasts_domain_normalize(TEXT(DOMAIN), out.chars, 64, &out.need));
    PANICS(mtasts_domain_problem(TEXT("-"), &out.number, &out.size));
    PANICS(mtasts_pattern_match(TEXT(DOMAIN), TEXT(DOMAIN), &out.number));
    PANICS(mtasts_pattern_problem(TEXT("-"), &out.number, &out.size));
    PANICS(mtasts_policy_parse(OCTETS(POLICY), &out.policy));
    PANICS(mtasts_problems_new(OCTETS(POLICY), &out.problems));
    PANICS(mtasts_client_new(TEXT("/socket"), &out.client));
    PANICS(mtasts_entry_decode(OCTETS("x"), TEXT(DOMAIN), &out.entry));
    PANICS(mtasts_lookup_new(TEXT(DOMAIN), NULL, MTASTS_INTENT_DELIVER, NULL, NOW, &out.lookup));
    /* The same calls work afterwards. */
    CHECK_OK(mtasts_domain_normalize(TEXT(DOMAIN), out.chars, 64, &out.need));
    whole_delivery("mx.example.com");
}

/* What has no result to give does nothing. */
static void a_poisoned_client_is_not_cancelled(void) {
    int other_end = -1;
    char octet;
    mtasts_client *client = given_client(&other_end);
    CHECK_OK(mtasts_client_start(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER));
    mtasts_test_panic_next();
    mtasts_client_cancel(client);
    mtasts_client_cancel(client);
    while (recv(other_end, &octet, 1, MSG_DONTWAIT) == 1) {}
    CHECK(recv(other_end, &octet, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    /* To free it closes the connection all the same. */
    mtasts_client_free(client);
    CHECK(recv(other_end, &octet, 1, MSG_DONTWAIT) == 0);
    close(other_end);
}

/* What reads a poisoned object gives MTASTS_E_PANIC, and is not poisoned by that. */
static void poison_does_not_spread(void) {
    mtasts_entry *entry = given_entry(), *made = NULL;
    mtasts_config *config = given_config();
    mtasts_policy *policy = given_policy(POLICY);
    mtasts_txt *txt = given_txt("v=TLSRPTv1; rua=mailto:tls@example.com");
    mtasts_lookup *ended = given_ended(), *lookup = NULL;
    PANICS(mtasts_entry_domain(entry, &out.str));
    PANICS(mtasts_config_get(config, MTASTS_OPTION_BACKOFF, &out.large));
    PANICS(mtasts_policy_mode(policy, &out.number));
    PANICS(mtasts_txt_add(txt, TEXT("x")));
    REFUSED(MTASTS_E_PANIC,
            mtasts_lookup_new(TEXT(DOMAIN), entry, MTASTS_INTENT_DELIVER, NULL, NOW, &out.lookup));
    REFUSED(MTASTS_E_PANIC,
            mtasts_lookup_new(TEXT(DOMAIN), NULL, MTASTS_INTENT_DELIVER, config, NOW, &out.lookup));
    REFUSED(MTASTS_E_PANIC, mtasts_lookup_apply(ended, entry, NOW, &out.entry));
    REFUSED(MTASTS_E_PANIC, mtasts_entry_import(TEXT(DOMAIN), TEXT("A"), policy, NOW, NOW, &out.entry));
    REFUSED(MTASTS_E_PANIC, mtasts_tlsrpt_parse(txt, &out.tlsrpt));
    CHECK_OK(mtasts_lookup_apply(ended, NULL, NOW, &made));
    CHECK_OK(mtasts_lookup_new(TEXT(DOMAIN), made, MTASTS_INTENT_DELIVER, NULL, NOW, &lookup));
    mtasts_lookup_free(lookup);
    mtasts_lookup_free(ended);
    mtasts_entry_free(made);
    mtasts_entry_free(entry);
    mtasts_config_free(config);
    mtasts_policy_free(policy);
    mtasts_txt_free(txt);
}

/* A mail server that looks at the number only, and not at the result, defers. */
static void zero_is_never_an_answer(void) {
    mtasts_lookup *lookup = given_ended();
    mtasts_decision decision = MTASTS_DECISION_UNKNOWN;
    mtasts_want want = MTASTS_WANT_FAILED;
    mtasts_answer confirms = MTASTS_UNKNOWN;
    mtasts_test_panic_next();
    CHECK_RESULT(mtasts_lookup_decision(lookup, &decision), MTASTS_E_PANIC);
    CHECK_RESULT(mtasts_lookup_want(lookup, &want), MTASTS_E_PANIC);
    CHECK_RESULT(mtasts_lookup_confirms_bounce(lookup, &confirms), MTASTS_E_PANIC);
    CHECK(decision == MTASTS_DECISION_UNKNOWN && want == MTASTS_WANT_FAILED && confirms == MTASTS_UNKNOWN);
    mtasts_lookup_free(lookup);
}

/* A standard stream that is a mail connection, as a mail server has it: what is written to the file
 * descriptor can be read from the other end. */
struct stream {
    int fd, saved, other_end;
};

static struct stream stream_open(int fd) {
    int ends[2];
    char octet = 'x';
    struct stream stream = {fd, dup(fd), -1};
    CHECK(stream.saved >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    CHECK(dup2(ends[0], fd) == fd);
    close(ends[0]);
    stream.other_end = ends[1];
    CHECK(write(fd, &octet, 1) == 1 && recv(stream.other_end, &octet, 1, MSG_DONTWAIT) == 1);
    return stream;
}

/* Nothing may have been written. If it was, as by a check that failed, it is shown. */
static void stream_was_silent(struct stream stream) {
    char written[4096];
    ssize_t len = recv(stream.other_end, written, sizeof written, MSG_DONTWAIT);
    bool silent = len == -1 && errno == EAGAIN;
    dup2(stream.saved, stream.fd);
    CHECK(silent);
    for (; len > 0; len = recv(stream.other_end, written, sizeof written, MSG_DONTWAIT))
        printf("  on file descriptor %d: %.*s\n", stream.fd, (int)len, written);
}

int main(void) {
    struct stream output = stream_open(STDOUT_FILENO), errors = stream_open(STDERR_FILENO);
    objects_stay_poisoned(3, on_config, make_config, free_config);
    objects_stay_poisoned(6, on_txt, make_txt, free_txt);
    objects_stay_poisoned(3, on_tlsrpt, make_tlsrpt, free_tlsrpt);
    objects_stay_poisoned(9, on_policy, make_policy, free_policy);
    objects_stay_poisoned(4, on_problems, make_problems, free_problems);
    objects_stay_poisoned(8, on_entry, make_entry, free_entry);
    objects_stay_poisoned(22, on_lookup, make_asking, free_lookup);
    objects_stay_poisoned(22, on_lookup, make_fetching, free_lookup);
    objects_stay_poisoned(22, on_lookup, make_reading, free_lookup);
    objects_stay_poisoned(22, on_lookup, make_ended, free_lookup);
    objects_stay_poisoned(9, on_client, make_client, free_client);
    objects_stay_poisoned(6, on_ruling, make_ruling, free_ruling);
    functions_on_octets_answer_nothing();
    a_poisoned_client_is_not_cancelled();
    poison_does_not_spread();
    zero_is_never_an_answer();
    stream_was_silent(output);
    stream_was_silent(errors);
    return checks_end("panics");
}
