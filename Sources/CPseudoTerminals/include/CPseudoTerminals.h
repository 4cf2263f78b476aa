// Pseudo-terminals: Swift's Glibc module lacks the ioctls of ioctl_tty(2) that open them. One prefix (clx_), no policy.
#pragma once

// Opens a pseudo-terminal of that size; both ends close on exec, neither becomes anybody's controlling terminal. 0, or -1 with
// errno.
int clx_terminal_open(int *controller, int *peer, unsigned short rows, unsigned short columns);
