// The one way a process is started: into its control group, with its privileges, or not at all. In C, since between
// clone3 and execve no Swift may run: the child shares its parent's memory.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Where starting failed. The order is the order of the work.
enum clx_stage {
    CLX_STAGE_NONE,
    CLX_STAGE_PREPARE,
    CLX_STAGE_CLONE,
    CLX_STAGE_CGROUP,
    CLX_STAGE_SIGNALS,
    CLX_STAGE_SESSION,
    CLX_STAGE_DESCRIPTORS,
    CLX_STAGE_TERMINAL,
    CLX_STAGE_OOM_SCORE,
    CLX_STAGE_RESOURCE_LIMITS,
    CLX_STAGE_NICE,
    CLX_STAGE_SCHEDULING,
    CLX_STAGE_IO_PRIORITY,
    CLX_STAGE_BOUNDING_SET,
    CLX_STAGE_GROUPS,
    CLX_STAGE_GROUP_ID,
    CLX_STAGE_KEEP_CAPABILITIES,
    CLX_STAGE_USER_ID,
    CLX_STAGE_CAPABILITIES,
    CLX_STAGE_AMBIENT_SET,
    CLX_STAGE_NO_NEW_PRIVILEGES,
    CLX_STAGE_VERIFY,
    CLX_STAGE_DEATH_SIGNAL,
    CLX_STAGE_DIRECTORY,
    CLX_STAGE_CLOSE,
    CLX_STAGE_EXECUTE,
    // A signal ended the child before it was the program; `error` is 0, `signal` says which.
    CLX_STAGE_KILLED,
};

// Which of the fields of `clx_spec` count; what is not asked for costs no system call.
enum clx_setting {
    CLX_SET_TERMINAL = 1 << 0,
    CLX_SET_OOM_SCORE = 1 << 1,
    CLX_SET_NICE = 1 << 2,
    CLX_SET_SCHEDULING = 1 << 3,
    CLX_SET_IO_PRIORITY = 1 << 4,
    CLX_SET_UMASK = 1 << 5,
    CLX_SET_IDENTITY = 1 << 6,
    CLX_SET_CAPABILITIES = 1 << 7,
    CLX_SET_NO_NEW_PRIVILEGES = 1 << 8,
    CLX_SET_DEATH_SIGNAL = 1 << 9,
    // The kernel may kill in the child's group for memory: it is not to take the caller with it.
    CLX_MAY_RUN_OUT_OF_MEMORY = 1 << 10,
    // What is executed is the open file `program`, whatever `path` leads to by now.
    CLX_SET_PROGRAM = 1 << 11,
    // Its interpreter opens it by its number: it stays open in the child.
    CLX_PROGRAM_IS_SCRIPT = 1 << 12,
};

// How a child gets into its group, in the order in which it is tried. What the kernel refuses for a reason that will
// not go away (too old, a seccomp filter) is remembered for the rest of the process.
enum clx_method {
    // clone3 with CLONE_INTO_CGROUP: the child is never elsewhere. Linux 5.7.
    CLX_CLONE_INTO_GROUP,
    // clone3; the child writes itself into cgroup.procs before anything else.
    CLX_CLONE_THEN_MOVE,
    // clone, where clone3 is not to be had (containers whose seccomp filter does not know it). Linux 5.2.
    CLX_OLD_CLONE_THEN_MOVE,
};

// Policies of sched_setscheduler(2), which Swift's Glibc module lacks.
enum clx_scheduling {
    CLX_SCHEDULING_BATCH = 3,
    CLX_SCHEDULING_IDLE = 5,
};

struct clx_handed {
    int source, target;
};

struct clx_resource_limit {
    int resource;
    uint64_t soft, hard;
};

enum { CLX_HANDED_MAX = 16 };

struct clx_spec {
    const char *path;
    // The number that the program has in the child, where it is one of `handed`.
    int program;
    char *const *arguments;
    char *const *environment;
    // NULL: the caller's.
    const char *directory;
    // Directory of the control group; -1: the caller's group.
    int group;
    // Descriptors of the child, at most CLX_HANDED_MAX; all others are closed.
    const struct clx_handed *handed;
    size_t handed_count;
    uint32_t settings;
    enum clx_method first_method;
    // Signals whose disposition is not the default in this process though no handler is set: bit N-1 for signal N.
    uint64_t ignored_signals;
    int oom_score_adjust;
    int nice;
    // `enum clx_scheduling`.
    int scheduling_policy;
    // As ioprio_set(2) wants it: class << 13 | level.
    int io_priority;
    mode_t umask;
    const struct clx_resource_limit *limits;
    size_t limit_count;
    uid_t user;
    gid_t group_id;
    const gid_t *groups;
    size_t group_count;
    // Capability masks, bit N for capability N. `bounding_drop` counts without CLX_SET_CAPABILITIES too.
    uint64_t bounding_drop;
    uint64_t permitted, effective, inheritable, ambient;
    int death_signal;
};

struct clx_spawned {
    pid_t pid;
    int pidfd;
    enum clx_method method;
    // Where it failed.
    enum clx_stage stage;
    int error;
    int signal;
};

// A child on its way to its program: what it reads meanwhile, and its stack.
struct clx_launch;

// Starts a program in a session of its own, with default signal dispositions and no signal blocked. Returns as soon as there
// is a process: 0; or -1 with `stage` and `error`, and there is none. The child makes its way by itself, since it may be
// starved or frozen by its group; only one that changes its user or its oom_score_adj, or may run out of memory, is waited
// for. The descriptors that are handed to it may be closed, `spec` and all that it points to may be changed at once.
int clx_begin(const struct clx_spec *spec, struct clx_spawned *out, struct clx_launch **begun);

// Whether the child ended before it was the program: 1, and then `stage` and `error` say where. 0 while it is not known;
// it is known when the child has ended.
int clx_has_failed(const struct clx_launch *launch, struct clx_spawned *out);

// Waits until the child is the program: 0; or has failed to be: -1 with `stage`, `error` and `signal`, and it is reaped.
int clx_wait(struct clx_launch *launch, struct clx_spawned *out);

// Gives back the memory of a launch whose child has left it; keeps it for ever otherwise.
void clx_release(struct clx_launch *launch);

// The signals that this process ignores, as in `ignored_signals`. The launcher does not ask each time: 64 system calls.
uint64_t clx_ignored_signals(void);

// The calling thread's capability bounding set; and its other sets. -1 with errno.
int clx_bounding_set(uint64_t *mask);
int clx_capability_sets(uint64_t *permitted, uint64_t *effective, uint64_t *inheritable);

// Limits the calling thread's sets, and what it starts; its inheritable set becomes empty. 0, or -1 with errno.
int clx_limit_capabilities(uint64_t permitted, uint64_t effective, uint64_t bounding);

// No other process without CAP_SYS_PTRACE can trace this one from now on, or read its memory. 0, or -1 with errno.
int clx_forbid_tracing(void);
