// Sockets with a name in the file system (unix(7)): Swift's Glibc module lacks struct ucred and accept4.
#pragma once
#include <sys/types.h>

// Sockets are found by `directory` and `name`, through /proc/self/fd: the 108 bytes of sun_path then suffice however long
// the path is. `name` is short.

// A listening socket that does not block, close-on-exec: of a stream, or of packets. The descriptor, or -1 with errno.
int clx_local_listen(int directory, const char *name, int backlog, int keeps_packets);

// A connected socket of the same kind, close-on-exec, on which every operation, connecting too, waits at most `milliseconds`
// (0: without limit) and then fails with EAGAIN. The descriptor, or -1 with errno: ECONNREFUSED where nobody listens any
// more.
int clx_local_connect(int directory, const char *name, int milliseconds, int keeps_packets);

// The next connection, which does not block, close-on-exec. The descriptor, or -1 with errno EAGAIN where there is none.
int clx_local_accept(int listener);

// Who is at the other end: of a connection that was accepted the process that connected, of one that was made the process
// that listens (SO_PEERCRED). 0, or -1 with errno.
int clx_local_peer(int socket, pid_t *process, uid_t *user);
