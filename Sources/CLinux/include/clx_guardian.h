// What the guardian, its client and its witnesses need: fallocate and close_range are not in Swift's Glibc module, and
// prctl is variadic, which Swift cannot call.
#pragma once
#include <sys/types.h>

// Closes every descriptor from `first` up. 0, or -1 with errno ENOSYS before Linux 5.9.
int clx_close_from(int first);

// Reserves room for `bytes` from the file's beginning without changing its size. 0, or -1 with errno EOPNOTSUPP where
// the file system cannot.
int clx_reserve(int fd, off_t bytes);

// Ends the calling process by `signal`, as its default action would, but never with a core dump; by _exit(128 + signal)
// where that signal does not end a process.
_Noreturn void clx_end_by_signal(int signal);
