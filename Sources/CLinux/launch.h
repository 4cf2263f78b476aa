// What the two halves of a launch share: the parent's (launcher.c) and the child's (child.c).
#pragma once
#include "clx_launcher.h"
#include <stdatomic.h>

// It lives until the child has left this process's memory, by becoming the program or by ending.
struct clx_launch {
    struct clx_spec spec;
    enum clx_method method;
    int joins_group;
    int resets_all_signals;
    // Written by the child.
    volatile int is_ready;
    volatile enum clx_stage stage;
    volatile int error;
    // Written by the kernel once there is a child: 0 before, a negated errno where there will be none.
    atomic_int pid;
    // -1 before.
    atomic_int pidfd;
    // 1 until the child has left; the kernel clears it and wakes who waits (CLONE_CHILD_CLEARTID).
    atomic_int is_inside;
    char *stack;
    // Behind it in the same piece of memory: all that `spec` points to.
    char contents[];
};

// The child's entry, on a stack of its own. It never returns.
void clx_run_child(void *launch);

// clone3, by `method`. Sleeps until the child has left, where it must. A negated errno on failure.
long clx_clone_modern(struct clx_launch *launch);

// `clx_clone_modern` on a thread of its own. Returns as soon as `pid` is known: 1; or 0, and nothing was done, where no thread
// is to be had, or there is but one CPU.
int clx_launch_elsewhere(struct clx_launch *launch);
