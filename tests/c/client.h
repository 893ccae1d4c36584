/* The client against servers of our own, good and bad ones. */
#ifndef CLIENT_H
#define CLIENT_H

#include "given_client.h"

#include <stdatomic.h>
#include <sys/types.h>
#include <sys/un.h>

/* So many milliseconds a question may take, and as many more on a machine that is busy. */
extern int deadline;
enum { SLACK = 1000 };

/* What a server does with a connection; at the end it is closed. */
typedef void behaviour(int fd);

/* Answers every question: the policy of given_policy(), enforced. */
behaviour answers;

/* What all processes of a test see. */
struct seen {
    atomic_uint connections, octets;
};
extern struct seen *seen;

/* Listens at `path` in another process, as `user`. The first connection gets `first`, all others `later`. */
pid_t server_start(const char *path, behaviour *first, behaviour *later, uid_t user);
void server_stop(pid_t server, const char *path);

struct sockaddr_un address_of(const char *path);

/* A socket of this process that listens and does not accept. */
int listening(const char *path, int queue);

mtasts_client *client_at(const char *path);

/* Asks, waiting in the library or here, and checks how long it took. */
mtasts_result ask(mtasts_client *client, const char *domain, bool blocking, mtasts_ruling **ruling);
void is_answered(mtasts_client *client, const char *domain, bool blocking);
/* The problem must hold these words. */
void has_no_ruling(mtasts_client *client, const char *domain, bool blocking, mtasts_result result, const char *problem);
void is_unavailable(mtasts_client *client, const char *domain, bool blocking, const char *problem);

/* In client_bad.c: servers that do what they should not, and sockets that are none. */
void bad_servers(const char *directory);
/* In client_life.c: fork(), chroot(), signals, threads, a full queue, a daemon that ends. `filtered`: also with no
 * system call but those of a question, which checkers of memory do not live with. */
void lives(const char *directory, bool filtered);
/* In client_lab.c: the real daemon, by commands on standard input. */
void obey(const char *socket);

#endif
