// Signals as something to read: Swift's Glibc module lacks <sys/signalfd.h>.
#pragma once
#include <signal.h>
#include <sys/types.h>

// A descriptor from which the blocked signals of `mask` are read by clx_signalfd_read; close-on-exec, does not block.
int clx_signalfd(const sigset_t *mask);
// The next signal's number, and who sent it (0: the kernel); -1 with errno EAGAIN where there is none.
int clx_signalfd_read(int fd, pid_t *sender);
