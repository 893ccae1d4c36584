/* A mail server's delivery process: chrooted into an empty directory, without privileges, file
 * descriptors or environment. The library goes on, and then also under a filter that kills the
 * process for any system call that is not about memory: it has no clock, no files, no sockets, no
 * threads and no randomness. Takes the empty directory; must be root, if only in a user namespace. */
#include "filter.h"
#include "given.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(bool done, const char *what) {
    if (done) return;
    printf("privileges.c: %s: %s\n", what, strerror(errno));
    fflush(stdout);
    _exit(1);
}

/* In a user namespace there is no other user to become. */
static void drop_privileges(const char *empty, bool other_user) {
    must(chroot(empty) == 0 && chdir("/") == 0, "cannot chroot");
    must(!other_user || (setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 &&
                         setresuid(65534, 65534, 65534) == 0),
         "cannot become another user");
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "cannot set no_new_privs");
    must(clearenv() == 0, "cannot clear the environment");
    struct rlimit none = {0, 0};
    fflush(stdout);
    for (int fd = 0; fd < 1024; fd++) close(fd);
    must(setrlimit(RLIMIT_NOFILE, &none) == 0, "cannot forbid file descriptors");
    must(open("/", O_RDONLY) == -1, "a file could be opened");
}

/* What malloc and locks need, and the exit. Every other system call is the end. */
static void allow_memory_only(void) {
    struct sock_filter rules[] = MEMORY_AND(ALLOW(__NR_exit_group));
    struct sock_fprog filter = {sizeof rules / sizeof *rules, rules};
    must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0, "cannot set the filter");
}

static int status_of(pid_t child) {
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        printf("usage: privileges EMPTY-DIRECTORY root|namespace\n");
        return 64;
    }
    bool other_user = strcmp(argv[2], "root") == 0;
    /* The C library itself asks for randomness when it allocates for the first time. */
    void *volatile first = malloc(1);
    free(first);

    /* The first call of all is made without privileges: there was no warming up. */
    pid_t child = fork();
    if (child == 0) {
        drop_privileges(argv[1], other_user);
        whole_delivery("mx.example.com");
        _exit(checks_status());
    }
    int status = status_of(child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    child = fork();
    if (child == 0) {
        drop_privileges(argv[1], other_user);
        allow_memory_only();
        for (int i = 0; i < 100; i++) whole_delivery("mx.example.com");
        _exit(checks_status());
    }
    status = status_of(child);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) printf("a system call that is not about memory was made\n");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    /* The filter works: a file, a socket, randomness or the process id are the end. */
    static const long forbidden[] = {__NR_openat, __NR_socket, __NR_getrandom, __NR_getpid, __NR_clock_gettime,
                                     __NR_clone, __NR_write};
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        child = fork();
        if (child == 0) {
            must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "cannot set no_new_privs");
            allow_memory_only();
            syscall(forbidden[i], 0, 0, 0, 0, 0);
            _exit(0);
        }
        status = status_of(child);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    }
    return checks_end("privileges");
}
