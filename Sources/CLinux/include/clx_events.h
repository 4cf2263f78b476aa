// Readiness, signals and processes as file descriptors. Swift's Glibc module lacks <sys/epoll.h>, <sys/eventfd.h> and
// <sys/signalfd.h> (or imports their packed structs wrongly), and Debian 12's glibc lacks wrappers for pidfds' waitid.
#pragma once
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    CLX_READABLE = 1,
    CLX_WRITABLE = 2,
    // An exceptional condition: a control file of a cgroup has changed (POLLPRI).
    CLX_PRIORITY = 4,
    // The other end has gone; always reported.
    CLX_HANGUP = 8,
};

struct clx_ready {
    uint64_t token;
    uint32_t events;
};

int clx_epoll_create(void);
int clx_epoll_add(int epoll, int fd, uint32_t events, uint64_t token);
int clx_epoll_remove(int epoll, int fd);
// Waits at most `nanoseconds` (negative: without limit). At most 64 are reported at once.
int clx_epoll_wait(int epoll, struct clx_ready *ready, int capacity, int64_t nanoseconds);

int clx_eventfd(void);
// A descriptor from which the blocked signals of `mask` are read, one int a signal number by clx_signalfd_read.
int clx_signalfd(const sigset_t *mask);
// The next signal's number, and who sent it (0: the kernel); -1 with errno EAGAIN where there is none.
int clx_signalfd_read(int fd, pid_t *sender);

int clx_pidfd_open(pid_t pid);
int clx_pidfd_send_signal(int pidfd, int signal);

struct clx_exit {
    // Exit code, or the number of the signal that ended it.
    int status;
    int by_signal;
    // Microseconds of CPU time of the process and the children it waited for.
    int64_t user_microseconds, system_microseconds;
    // Peak resident set of the largest of them, in KiB.
    int64_t peak_resident_kib;
};
// Reaps the child that `pidfd` stands for: 1 reaped, 0 still running, -1 error.
int clx_reap(int pidfd, struct clx_exit *out);
// The same, but the child stays a zombie, whose process id no other gets.
int clx_see_end(int pidfd, struct clx_exit *out);
// Any child that has ended: 1 with its process id, 0 where all run, -1 with errno ECHILD where there are none.
int clx_find_ended(pid_t *pid);
// Reaps a child of which nobody holds a pidfd: an adopted orphan.
int clx_reap_process(pid_t pid);

// Names a thread for ps and top; the kernel keeps 15 bytes.
void clx_name_thread(pthread_t thread, const char *name);
