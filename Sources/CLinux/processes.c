#define _GNU_SOURCE
#include "clx_processes.h"
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int clx_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int clx_pidfd_send_signal(int pidfd, int signal) { return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0); }

enum { BY_PIDFD = 3 };  // P_PIDFD, Linux 5.4

static int wait_for_end(int pidfd, int flags, struct clx_exit *out) {
    siginfo_t info;
    struct rusage usage;
    memset(&info, 0, sizeof info);
    // The raw call, since glibc's waitid does not hand over the rusage.
    int result;
    do result = (int)syscall(SYS_waitid, BY_PIDFD, pidfd, &info, WEXITED | WNOHANG | flags, &usage);
    while (result < 0 && errno == EINTR);
    if (result < 0) return -1;
    if (info.si_pid == 0) return 0;
    *out = (struct clx_exit){
        .status = info.si_status,
        .by_signal = info.si_code != CLD_EXITED,
        .user_microseconds = usage.ru_utime.tv_sec * 1000000LL + usage.ru_utime.tv_usec,
        .system_microseconds = usage.ru_stime.tv_sec * 1000000LL + usage.ru_stime.tv_usec,
        .peak_resident_kib = usage.ru_maxrss,
    };
    return 1;
}

int clx_reap(int pidfd, struct clx_exit *out) { return wait_for_end(pidfd, 0, out); }

int clx_see_end(int pidfd, struct clx_exit *out) { return wait_for_end(pidfd, WNOWAIT, out); }

int clx_leave_starter(void) {
    pid_t process = fork();
    if (process > 0) _exit(0);
    return (int)process;
}
