/* fork(): objects are used on in the parent and the child, also while another thread is inside the
 * library, and in a child without any file descriptor. */
#include "given.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

/* Nothing here takes long: a process that waits for a lock that nobody holds is ended. */
enum { SECONDS_AT_MOST = 60, FORKS = 200 };

static void child_ended_well(pid_t child) {
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* The child goes on to a policy, the parent to a failure; each has its own end. */
static void a_lookup_goes_on_in_both(bool head) {
    mtasts_lookup *lookup = given_fetching(head);
    mtasts_str url = {NULL, 0};
    CHECK_OK(mtasts_lookup_https_url(lookup, &url));
    pid_t child = fork();
    CHECK(child >= 0);
    CHECK_TEXT(url, "https://mta-sts." DOMAIN "/.well-known/mta-sts.txt");
    if (child == 0) {
        mtasts_answer more = MTASTS_UNKNOWN;
        if (!head) answer_head(lookup, NOW);
        CHECK_OK(mtasts_lookup_https_body(lookup, OCTETS(POLICY), NOW, &more));
        CHECK_OK(mtasts_lookup_https_end(lookup, NOW));
        CHECK_NUMBER(decision_of(lookup), MTASTS_DECISION_ENFORCE);
        mtasts_entry_free(entry_after(lookup));
        _exit(checks_status());
    }
    child_ended_well(child);
    CHECK_NUMBER(want_of(lookup), MTASTS_WANT_HTTPS);
    CHECK_OK(mtasts_lookup_https_failed(lookup, MTASTS_FAILURE_TIMEOUT, NOW));
    CHECK_NUMBER(decision_of(lookup), MTASTS_DECISION_NO_POLICY);
    mtasts_lookup_free(lookup);
}

/* What was made before is freed in both. */
static void objects_are_freed_in_both(void) {
    mtasts_policy *policy = given_policy(POLICY);
    mtasts_entry *entry = given_entry();
    mtasts_config *config = given_config();
    mtasts_str text = {NULL, 0};
    CHECK_OK(mtasts_policy_line(policy, 0, &text));
    pid_t child = fork();
    CHECK(child >= 0);
    CHECK_TEXT(text, "version: STSv1");
    CHECK_OK(mtasts_policy_mx(policy, 0, &text));
    CHECK_TEXT(text, "mx.example.com");
    CHECK_OK(mtasts_config_set(config, MTASTS_OPTION_BACKOFF, child == 0 ? 1 : 2));
    uint64_t value = 0;
    CHECK_OK(mtasts_config_get(config, MTASTS_OPTION_BACKOFF, &value));
    CHECK_NUMBER(value, child == 0 ? 1 : 2);
    mtasts_policy_free(policy);
    mtasts_entry_free(entry);
    mtasts_config_free(config);
    if (child == 0) _exit(checks_status());
    child_ended_well(child);
}

static atomic_bool stop;

static void *use_the_library(void *unused) {
    (void)unused;
    while (!atomic_load(&stop)) whole_delivery("thread.example.com");
    return NULL;
}

static void forks_while_a_thread_is_inside(void) {
    pthread_t thread;
    mtasts_policy *policy = given_policy(POLICY);
    CHECK(pthread_create(&thread, NULL, use_the_library, NULL) == 0);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(SECONDS_AT_MOST);
            /* Every other child has no file descriptor at all. */
            if (i % 2) for (int fd = 0; fd < 1024; fd++) close(fd);
            mtasts_answer permitted = MTASTS_UNKNOWN;
            CHECK_OK(mtasts_policy_permits_mx(policy, TEXT("mx.example.com"), &permitted));
            CHECK_NUMBER(permitted, MTASTS_YES);
            whole_delivery("child.example.com");
            _exit(checks_status());
        }
        whole_delivery("parent.example.com");
        child_ended_well(child);
    }
    atomic_store(&stop, true);
    CHECK(pthread_join(thread, NULL) == 0);
    mtasts_policy_free(policy);
}

int main(void) {
    alarm(SECONDS_AT_MOST);
    a_lookup_goes_on_in_both(false);
    a_lookup_goes_on_in_both(true);
    objects_are_freed_in_both();
    forks_while_a_thread_is_inside();
    return checks_end("fork");
}
