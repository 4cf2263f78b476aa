// Processes as file descriptors: Swift cannot call the raw waitid that tells of a pidfd's process and of what it used, and
// Debian 12's glibc lacks wrappers for pidfds.
#pragma once
#include <stdint.h>
#include <sys/types.h>

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
// Goes on as a process of its own: whoever started this one sees it end, with 0. For a process of one thread, which Swift
// will not have fork. -1: it goes on as it was.
int clx_leave_starter(void);
