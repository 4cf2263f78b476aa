#define _GNU_SOURCE
#include "clx_guardian.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int clx_close_from(int first) { return (int)syscall(SYS_close_range, (unsigned)first, ~0U, 0U); }

int clx_reserve(int fd, off_t bytes) { return fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, bytes); }

_Noreturn void clx_end_by_signal(int signal_number) {
    // RLIMIT_CORE is not asked where core_pattern is a pipe; a process that is not dumpable never dumps.
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    signal(signal_number, SIG_DFL);
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, signal_number);
    // Raised while it is still blocked: it is delivered by the call that unblocks it, before that returns.
    raise(signal_number);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    _exit(128 + signal_number);
}
