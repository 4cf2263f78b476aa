// Threads that sleep in clone3 for others. The kernel spares a child that shares our memory when its group runs out of memory,
// and keeps its oom_score_adj to itself, only while its parent sleeps until it has left (CLONE_VFORK). Who launches must not
// sleep so long: the child may be starved, or frozen by its group.
#define _GNU_SOURCE
#include "launch.h"
#include "clx_system.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 16, STACK_BYTES = 128 * 1024 };

struct launching_thread {
    struct clx_launch *launch;
    atomic_int has_work;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct launching_thread threads[THREADS_MAX];
static int thread_count;
static struct launching_thread *idle[THREADS_MAX];
static int idle_count;

static void *launch_for_others(void *context) {
    struct launching_thread *self = context;
    for (;;) {
        while (!self->has_work) syscall(SYS_futex, &self->has_work, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
        self->has_work = 0;
        struct clx_launch *launch = self->launch;
        long result = clx_clone_modern(launch);
        // Otherwise the kernel has written it, and the launch may be gone by now.
        if (result < 0) launch->pid = (int)result;
        pthread_mutex_lock(&mutex);
        idle[idle_count++] = self;
        pthread_mutex_unlock(&mutex);
    }
}

static int start_thread(struct launching_thread *thread) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return 0;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    // Signals are for threads that know what to do with them.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t handle;
    int failure = pthread_create(&handle, &attributes, launch_for_others, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (failure != 0) return 0;
    pthread_setname_np(handle, "launch");
    return 1;
}

static struct launching_thread *take_thread(void) {
    struct launching_thread *thread = NULL;
    pthread_mutex_lock(&mutex);
    if (idle_count > 0)
        thread = idle[--idle_count];
    else if (thread_count < THREADS_MAX && start_thread(&threads[thread_count]))
        thread = &threads[thread_count++];
    pthread_mutex_unlock(&mutex);
    return thread;
}

static int is_known(const struct clx_launch *launch) {
    return launch->pid < 0 || (launch->pid > 0 && launch->pidfd >= 0);
}

// With one CPU the child needs the one that its parent sleeps on, and to switch between threads takes longer than it.
static int has_one_cpu(void) {
    static atomic_int usable;
    if (usable == 0) usable = clx_usable_cpus();
    return usable == 1;
}

int clx_launch_elsewhere(struct clx_launch *launch) {
    struct launching_thread *thread = has_one_cpu() ? NULL : take_thread();
    if (!thread) return 0;
    thread->launch = launch;
    thread->has_work = 1;
    syscall(SYS_futex, &thread->has_work, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    // The kernel writes it as soon as there is a child and wakes nobody for it. That takes as long as if we did it ourselves.
    enum { YIELDS = 200 };
    struct timespec pause = {0, 100 * 1000};
    for (int i = 0; !is_known(launch); i++) {
        if (i < YIELDS)
            sched_yield();
        else
            syscall(SYS_futex, &launch->pid, FUTEX_WAIT, 0, &pause, NULL, 0);
    }
    return 1;
}
