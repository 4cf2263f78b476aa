#define _GNU_SOURCE
#include "clx_events.h"
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clx_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int clx_epoll_add(int epoll, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.data.u64 = token};
    if (events & CLX_READABLE) event.events |= EPOLLIN;
    if (events & CLX_WRITABLE) event.events |= EPOLLOUT;
    if (events & CLX_PRIORITY) event.events |= EPOLLPRI;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int clx_epoll_remove(int epoll, int fd) { return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); }

int clx_epoll_wait(int epoll, struct clx_ready *ready, int capacity, int64_t nanoseconds) {
    struct epoll_event events[64];
    if (capacity > 64) capacity = 64;
    struct timespec limit = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    // epoll_pwait2 is younger (5.11) than what else we need; without it, milliseconds rounded up must do.
    int n = (int)syscall(SYS_epoll_pwait2, epoll, events, capacity, nanoseconds < 0 ? NULL : &limit, NULL, (size_t)0);
    if (n < 0 && errno == ENOSYS) {
        int64_t milliseconds = nanoseconds < 0 ? -1 : (nanoseconds + 999999) / 1000000;
        n = epoll_wait(epoll, events, capacity, milliseconds > 86400000 ? 86400000 : (int)milliseconds);
    }
    for (int i = 0; i < n; i++) {
        uint32_t seen = events[i].events, out = 0;
        if (seen & EPOLLIN) out |= CLX_READABLE;
        if (seen & EPOLLOUT) out |= CLX_WRITABLE;
        if (seen & EPOLLPRI) out |= CLX_PRIORITY;
        if (seen & (EPOLLHUP | EPOLLERR)) out |= CLX_HANGUP;
        ready[i] = (struct clx_ready){.token = events[i].data.u64, .events = out};
    }
    return n;
}

int clx_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void clx_name_thread(pthread_t thread, const char *name) {
    char kept[16];
    snprintf(kept, sizeof kept, "%s", name);
    pthread_setname_np(thread, kept);
}
