#define _GNU_SOURCE
#include "clx_signals.h"
#include <sys/signalfd.h>
#include <unistd.h>

int clx_signalfd(const sigset_t *mask) { return signalfd(-1, mask, SFD_CLOEXEC | SFD_NONBLOCK); }

int clx_signalfd_read(int fd, pid_t *sender) {
    struct signalfd_siginfo info;
    // The kernel gives whole ones, or none.
    if (read(fd, &info, sizeof info) != (ssize_t)sizeof info) return -1;
    *sender = info.ssi_code <= 0 ? (pid_t)info.ssi_pid : 0;
    return (int)info.ssi_signo;
}
