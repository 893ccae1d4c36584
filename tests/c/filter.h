/* Rules for the kernel: a process that makes a system call which they do not name is killed. */
#ifndef FILTER_H
#define FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define ALLOW(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* An array of struct sock_filter: what malloc and locks need, and what is given here by ALLOW(). */
#define MEMORY_AND(...)                                                                                                \
    {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),                                            \
     ALLOW(__NR_brk),                                                                                                  \
     ALLOW(__NR_mmap),                                                                                                 \
     ALLOW(__NR_munmap),                                                                                               \
     ALLOW(__NR_mremap),                                                                                               \
     ALLOW(__NR_madvise),                                                                                              \
     ALLOW(__NR_futex),                                                                                                \
     __VA_ARGS__,                                                                                                      \
     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)}

#endif
