// Readiness as file descriptors. Swift's Glibc module lacks <sys/epoll.h> and <sys/eventfd.h>, or imports their packed
// structs wrongly.
#pragma once
#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    CLX_READABLE = 1,
    CLX_WRITABLE = 2,
    // An exceptional condition: a control file of a cgroup has changed (POLLPRI).
    CLX_PRIORITY = 4,
    // The other end has gone; always reported.
    CLX_HANGUP = 8,
};

struct clx_ready {
    uint64_t token;
    uint32_t events;
};

int clx_epoll_create(void);
int clx_epoll_add(int epoll, int fd, uint32_t events, uint64_t token);
int clx_epoll_remove(int epoll, int fd);
// Waits at most `nanoseconds` (negative: without limit). At most 64 are reported at once.
int clx_epoll_wait(int epoll, struct clx_ready *ready, int capacity, int64_t nanoseconds);

int clx_eventfd(void);

// Names a thread for ps and top; the kernel keeps 15 bytes.
void clx_name_thread(pthread_t thread, const char *name);
