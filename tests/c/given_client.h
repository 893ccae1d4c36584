/* Clients and rulings that the tests start from, and what is at the other end of their connections. */
#ifndef GIVEN_CLIENT_H
#define GIVEN_CLIENT_H

#include "given.h"

#include <sys/socket.h>
#include <unistd.h>

enum { REPLY_MAX = 2048 };

/* Puts a reply into its frame; returns its length. */
static inline size_t framed(char *reply, const char *payload, size_t len) {
    int head = snprintf(reply, REPLY_MAX, "%zu:", len);
    memcpy(reply + head, payload, len);
    reply[(size_t)head + len] = ',';
    return (size_t)head + len + 1;
}

/* What the daemon replies for a domain; with `policy` it holds the one of given_policy(). */
static inline size_t given_reply(char *reply, const char *decision, const char *domain, bool policy) {
    char payload[REPLY_MAX - 16];
    uint8_t entry[1024];
    size_t need = 0;
    if (policy) {
        mtasts_entry *imported = NULL;
        mtasts_policy *given = given_policy(POLICY);
        CHECK_OK(mtasts_entry_import(domain, strlen(domain), TEXT("A1"), given, NOW, NOW, &imported));
        CHECK_OK(mtasts_entry_encode(imported, entry, sizeof entry, &need));
        mtasts_policy_free(given);
        mtasts_entry_free(imported);
    }
    int head = snprintf(payload, sizeof payload,
                        "OK mta-sts-policy 1\ndecision %s\nreason policy\ndomain %s\nvalid-until 1800604800\nentry %zu\n",
                        decision, domain, need);
    memcpy(payload + head, entry, need);
    return framed(reply, payload, (size_t)head + need);
}

/* This process is at the other end, too, and it need not be root's. */
static inline void trust_this_user(mtasts_client *client) {
    CHECK_OK(mtasts_client_set(client, MTASTS_CLIENT_OPTION_PEER_UID, geteuid()));
}

/* A client whose connection ends in `other_end`. */
static inline mtasts_client *given_client(int *other_end) {
    mtasts_client *client = NULL;
    int ends[2] = {-1, -1};
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK_OK(mtasts_client_new_from_fd(ends[0], &client));
    trust_this_user(client);
    *other_end = ends[1];
    return client;
}

/* Reads the question for `domain` at the other end, and sends an answer. */
static inline void answer_question(int other_end, const char *domain, const char *reply, size_t len) {
    char question[300], expected[300];
    ssize_t got = recv(other_end, question, sizeof question - 1, 0);
    question[got > 0 ? got : 0] = '\0';
    snprintf(expected, sizeof expected, "%zu:policy %s,", strlen("policy ") + strlen(domain), domain);
    CHECK(strcmp(question, expected) == 0);
    CHECK(send(other_end, reply, len, MSG_NOSIGNAL) == (ssize_t)len);
}

static inline mtasts_ruling *given_ruling(const char *decision, bool policy) {
    char reply[REPLY_MAX];
    int other_end = -1;
    mtasts_ruling *ruling = NULL;
    mtasts_client *client = given_client(&other_end);
    CHECK_OK(mtasts_client_start(client, TEXT(DOMAIN), MTASTS_INTENT_DELIVER));
    answer_question(other_end, DOMAIN, reply, given_reply(reply, decision, DOMAIN, policy));
    CHECK_OK(mtasts_client_continue(client, &ruling));
    mtasts_client_free(client);
    close(other_end);
    return ruling;
}

static inline mtasts_decision ruled(const mtasts_ruling *ruling) {
    mtasts_decision decision = MTASTS_DECISION_UNKNOWN;
    CHECK_OK(mtasts_ruling_decision(ruling, &decision));
    return decision;
}

#endif
