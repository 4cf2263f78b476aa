// Pipes and pseudo-terminals, which Swift's Glibc module lacks: pipe2, and the ioctls of ioctl_tty(2). One prefix (clx_), no
// policy.
#pragma once

// pipe2 with O_CLOEXEC; the read end does not block. 0, or -1 with errno.
int clx_pipe(int *read_end, int *write_end);

// Opens a pseudo-terminal of that size; both ends close on exec, neither becomes anybody's controlling terminal. 0, or -1 with
// errno.
int clx_terminal_open(int *controller, int *peer, unsigned short rows, unsigned short columns);
