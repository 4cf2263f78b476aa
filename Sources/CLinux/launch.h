// What the two halves of a launch share: the parent's (launcher.c) and the child's (child.c).
#pragma once
#include "clx_launcher.h"
#include <stdatomic.h>

// It lives until the child has left this process's memory, by becoming the program or by ending.
struct clx_launch {
    struct clx_spec spec;
    int joins_group;
    int resets_all_signals;
    // Written by the child.
    volatile int is_ready;
    volatile enum clx_stage stage;
    volatile int error;
    // 1 until the child has left; the kernel clears it and wakes who waits (CLONE_CHILD_CLEARTID).
    atomic_int is_inside;
    char *stack;
    // Behind it in the same piece of memory: all that `spec` points to.
    char contents[];
};

// The child's entry, on a stack of its own. It never returns.
void clx_run_child(void *launch);
