/* Threads: many with objects of their own, and many that read the same objects. Takes the number of
 * rounds, which a slow checker may want to be small. Not for Helgrind or DRD: they do not see the
 * atomic operations by which a text is made once, and take the reading of it for a race. */
#include "given.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS = 16 };

static int rounds = 2000;
static pthread_barrier_t together;

static void run_all(void *(*body)(void *)) {
    pthread_t threads[THREADS];
    static size_t numbers[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, body, &numbers[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

/* Each thread has its own policy; none sees another's. */
static void *whole_lookups(void *number) {
    char host[64];
    snprintf(host, sizeof host, "mx%zu.example.com", *(size_t *)number);
    pthread_barrier_wait(&together);
    for (int i = 0; i < rounds; i++) whole_delivery(host);
    return NULL;
}

/* Objects that all threads read, new in each round, so that their texts are made while all ask. */
static struct {
    mtasts_policy *policy;
    mtasts_entry *entry;
    mtasts_lookup *asking, *fetching, *failed;
} shared;

enum { TEXTS = 8 };

/* Where each thread was told that the texts are. */
static const char *seen[THREADS][TEXTS];

static void read_shared(const char **texts) {
    mtasts_str text[TEXTS];
    mtasts_answer permitted = MTASTS_UNKNOWN;
    int64_t at = 0;
    size_t need = 0;
    mtasts_lookup *mine = NULL;
    CHECK_OK(mtasts_policy_line(shared.policy, 1, &text[0]));
    CHECK_TEXT(text[0], "mode: enforce");
    CHECK_OK(mtasts_policy_mx(shared.policy, 1, &text[1]));
    CHECK_TEXT(text[1], "*.mail.example.com");
    CHECK_OK(mtasts_entry_domain(shared.entry, &text[2]));
    CHECK_TEXT(text[2], DOMAIN);
    CHECK_OK(mtasts_entry_id(shared.entry, &text[3]));
    CHECK_TEXT(text[3], "20270115A");
    CHECK_OK(mtasts_lookup_txt_name(shared.asking, &text[4]));
    CHECK_TEXT(text[4], "_mta-sts.example.com.");
    CHECK_OK(mtasts_lookup_https_host(shared.fetching, &text[5]));
    CHECK_TEXT(text[5], "mta-sts.example.com");
    CHECK_OK(mtasts_lookup_https_url(shared.fetching, &text[6]));
    CHECK_TEXT(text[6], "https://mta-sts.example.com/.well-known/mta-sts.txt");
    CHECK_OK(mtasts_lookup_failure_text(shared.failed, &text[7]));
    CHECK_OK(mtasts_policy_permits_mx(shared.policy, TEXT("a.mail.example.com"), &permitted));
    CHECK_NUMBER(permitted, MTASTS_YES);
    CHECK_OK(mtasts_entry_expires_at(shared.entry, &at));
    CHECK_OK(mtasts_entry_encode(shared.entry, NULL, 0, &need));
    CHECK_OK(mtasts_lookup_new(TEXT(DOMAIN), shared.entry, MTASTS_INTENT_DELIVER, NULL, NOW, &mine));
    CHECK_NUMBER(decision_of(mine), MTASTS_DECISION_ENFORCE);
    mtasts_lookup_free(mine);
    for (int i = 0; i < TEXTS; i++) texts[i] = text[i].data;
}

static void *read_together(void *argument) {
    size_t number = *(size_t *)argument;
    for (int i = 0; i < rounds; i++) {
        if (pthread_barrier_wait(&together) == PTHREAD_BARRIER_SERIAL_THREAD) {
            shared.policy = given_policy(POLICY);
            shared.entry = given_entry();
            shared.asking = given_lookup(NULL, MTASTS_INTENT_DELIVER, NOW);
            shared.fetching = given_fetching(false);
            shared.failed = given_failed(MTASTS_FAILURE_TLS);
        }
        pthread_barrier_wait(&together);
        read_shared(seen[number]);
        if (pthread_barrier_wait(&together) == PTHREAD_BARRIER_SERIAL_THREAD) {
            for (size_t j = 1; j < THREADS; j++) CHECK(memcmp(seen[j], seen[0], sizeof *seen) == 0);
            mtasts_policy_free(shared.policy);
            mtasts_entry_free(shared.entry);
            mtasts_lookup_free(shared.asking);
            mtasts_lookup_free(shared.fetching);
            mtasts_lookup_free(shared.failed);
        }
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc > 1) rounds = atoi(argv[1]);
    pthread_barrier_init(&together, NULL, THREADS);
    run_all(whole_lookups);
    run_all(read_together);
    pthread_barrier_destroy(&together);
    return checks_end("threads");
}
