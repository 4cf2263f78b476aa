#define _GNU_SOURCE
#include "clx_local_sockets.h"
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int make_address(struct sockaddr_un *address, int directory, const char *name) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", directory, name);
    if (length > 0 && (size_t)length < sizeof address->sun_path) return 0;
    errno = ENAMETOOLONG;
    return -1;
}

static int kind(int keeps_packets) { return keeps_packets ? SOCK_SEQPACKET : SOCK_STREAM; }

// Closes `socket` and fails with the errno of what went wrong before.
static int fail(int socket) {
    int failure = errno;
    close(socket);
    errno = failure;
    return -1;
}

int clx_local_listen(int directory, const char *name, int backlog, int keeps_packets) {
    struct sockaddr_un address;
    if (make_address(&address, directory, name) < 0) return -1;
    int made = socket(AF_UNIX, kind(keeps_packets) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0) return -1;
    if (bind(made, (struct sockaddr *)&address, sizeof address) < 0 || listen(made, backlog) < 0) return fail(made);
    return made;
}

int clx_local_connect(int directory, const char *name, int milliseconds, int keeps_packets) {
    struct sockaddr_un address;
    if (make_address(&address, directory, name) < 0) return -1;
    int made = socket(AF_UNIX, kind(keeps_packets) | SOCK_CLOEXEC, 0);
    if (made < 0) return -1;
    struct timeval limit = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    if (setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
        setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
        connect(made, (struct sockaddr *)&address, sizeof address) < 0)
        return fail(made);
    return made;
}

int clx_local_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int clx_local_peer(int socket, pid_t *process, uid_t *user) {
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0) return -1;
    *process = credentials.pid;
    *user = credentials.uid;
    return 0;
}
