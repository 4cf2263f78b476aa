// File descriptors over a Unix socket (SCM_RIGHTS): Swift imports neither the CMSG_* macros nor their alignment rules.
#pragma once
#include <stddef.h>
#include <sys/types.h>

// As many descriptors as one message may carry; the kernel would take 253.
enum { CLX_DESCRIPTORS_AT_MOST = 16 };

// Both ends of a SOCK_SEQPACKET pair, close-on-exec. 0, or -1 with errno.
int clx_packet_socket_pair(int ends[2]);

// Sends one packet without blocking and without SIGPIPE. The packet's length, or -1 with errno.
ssize_t clx_send_packet(int socket, const void *bytes, size_t count, const int *fds, int fd_count);

// Receives one packet without blocking; its descriptors are close-on-exec. The packet's length, 0 when the other end is
// closed, or -1 with errno: EMSGSIZE where the packet or its descriptors did not fit (none is then left open).
// `fds` has room for CLX_DESCRIPTORS_AT_MOST.
ssize_t clx_receive_packet(int socket, void *bytes, size_t capacity, int *fds, int *fd_count);
