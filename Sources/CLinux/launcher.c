#define _GNU_SOURCE
#include "launch.h"
#include <errno.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Debian 12's headers lack what is younger than Linux 5.19, older ones more.
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
enum { SIGNAL_SET_BYTES = 8, LAST_SIGNAL = 64 };

// clone3 or clone; the child calls `entry(context)` on the new stack and never returns here. Written out, since a libc
// function that returned in the child would do so on a stack without a return address.
static long clone_onto(long number, long a, long b, long c, int *child_tid, void (*entry)(void *), void *context) {
#if defined(__x86_64__)
    long result = number;
    register long r10 __asm__("r10") = (long)child_tid;
    register long r8 __asm__("r8") = 0;
    register void (*function)(void *) __asm__("r12") = entry;
    register void *argument __asm__("r13") = context;
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "mov %%r13, %%rdi\n\t"
        "call *%%r12\n\t"
        "ud2\n"
        "1:"
        : "+a"(result)
        : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(function), "r"(argument)
        : "rcx", "r11", "memory", "cc");
    return result;
#else
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = 0;
    register long x4 __asm__("x4") = (long)child_tid;
    register long x8 __asm__("x8") = number;
    register void (*function)(void *) __asm__("x20") = entry;
    register void *argument __asm__("x21") = context;
    __asm__ volatile(
        "svc #0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x29, xzr\n\t"
        "mov x30, xzr\n\t"
        "mov x0, x21\n\t"
        "blr x20\n\t"
        "brk #1\n"
        "1:"
        : "+r"(x0)
        : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x8), "r"(function), "r"(argument)
        : "memory", "cc");
    return x0;
#endif
}

// ---- stacks ---------------------------------------------------------------------------------------------------

enum { STACK_BYTES = 64 * 1024, GUARD_BYTES = 64 * 1024, SPARE_STACKS = 16 };  // a guard of the largest page size

static pthread_mutex_t stack_mutex = PTHREAD_MUTEX_INITIALIZER;
static char *spare_stacks[SPARE_STACKS];
static int spare_count;

static char *take_stack(void) {
    char *stack = NULL;
    pthread_mutex_lock(&stack_mutex);
    if (spare_count > 0) stack = spare_stacks[--spare_count];
    pthread_mutex_unlock(&stack_mutex);
    if (stack) return stack;
    char *area = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (area == MAP_FAILED) return NULL;
    if (mprotect(area + GUARD_BYTES, STACK_BYTES, PROT_READ | PROT_WRITE) == 0) return area + GUARD_BYTES;
    munmap(area, GUARD_BYTES + STACK_BYTES);
    return NULL;
}

static void give_stack_back(char *stack) {
    pthread_mutex_lock(&stack_mutex);
    int is_kept = spare_count < SPARE_STACKS;
    if (is_kept) spare_stacks[spare_count++] = stack;
    pthread_mutex_unlock(&stack_mutex);
    if (!is_kept) munmap(stack - GUARD_BYTES, GUARD_BYTES + STACK_BYTES);
}

// ---- what the child reads --------------------------------------------------------------------------------------

static size_t size_of_strings(char *const *strings) {
    size_t size = sizeof(char *);
    for (size_t i = 0; strings[i]; i++) size += sizeof(char *) + strlen(strings[i]) + 1;
    return size;
}

// Where the next copies go: pointers and records from the front, text behind them, since only the former need alignment.
struct shelf {
    char *records, *text;
};

static void *copy_records(struct shelf *shelf, const void *source, size_t size) {
    void *copy = shelf->records;
    if (size > 0) memcpy(copy, source, size);
    shelf->records += (size + 7) & ~(size_t)7;
    return copy;
}

static char *copy_text(struct shelf *shelf, const char *source) {
    size_t size = strlen(source) + 1;
    char *copy = memcpy(shelf->text, source, size);
    shelf->text += size;
    return copy;
}

static char *const *copy_strings(struct shelf *shelf, char *const *source) {
    size_t count = 0;
    while (source[count]) count++;
    char **copy = copy_records(shelf, source, (count + 1) * sizeof *source);
    for (size_t i = 0; i < count; i++) copy[i] = copy_text(shelf, source[i]);
    return copy;
}

// The caller's memory is its own again when `clx_begin` returns: all of it is copied.
static struct clx_launch *copy_spec(const struct clx_spec *spec) {
    enum { LOST_TO_ALIGNMENT = 8 * 8 };
    size_t strings = size_of_strings(spec->arguments) + size_of_strings(spec->environment);
    size_t records = spec->handed_count * sizeof *spec->handed + spec->limit_count * sizeof *spec->limits +
                     spec->group_count * sizeof *spec->groups + LOST_TO_ALIGNMENT;
    size_t paths = strlen(spec->path) + (spec->directory ? strlen(spec->directory) : 0) + 2;
    struct clx_launch *launch = malloc(sizeof *launch + strings + records + paths);
    if (!launch) return NULL;
    *launch = (struct clx_launch){.spec = *spec};
    size_t pointers = 2;
    for (char *const *next = spec->arguments; *next; next++) pointers++;
    for (char *const *next = spec->environment; *next; next++) pointers++;
    struct shelf shelf = {launch->contents, launch->contents + records + pointers * sizeof(char *)};
    launch->spec.handed = copy_records(&shelf, spec->handed, spec->handed_count * sizeof *spec->handed);
    launch->spec.limits = copy_records(&shelf, spec->limits, spec->limit_count * sizeof *spec->limits);
    launch->spec.groups = copy_records(&shelf, spec->groups, spec->group_count * sizeof *spec->groups);
    launch->spec.arguments = copy_strings(&shelf, spec->arguments);
    launch->spec.environment = copy_strings(&shelf, spec->environment);
    launch->spec.path = copy_text(&shelf, spec->path);
    if (spec->directory) launch->spec.directory = copy_text(&shelf, spec->directory);
    return launch;
}

// ---- clone -----------------------------------------------------------------------------------------------------

static atomic_int remembered_method = CLX_CLONE_INTO_GROUP;

// What happens to all that share the child's memory, unless its parent sleeps until it has left: a change of its user clears
// the dumpable flag; its oom_score_adj becomes everybody's (__set_oom_adj in the kernel's fs/proc/base.c); and when its group
// is out of memory, the kernel kills all that share the memory of its victim (__oom_kill_process in mm/oom_kill.c), of which
// it takes none whose parent sleeps (in_vfork there).
static int must_sleep(const struct clx_spec *spec) {
    return (spec->settings & (CLX_SET_IDENTITY | CLX_SET_OOM_SCORE | CLX_MAY_RUN_OUT_OF_MEMORY)) != 0;
}

long clx_clone_modern(struct clx_launch *launch) {
    int into_group = launch->method == CLX_CLONE_INTO_GROUP;
    struct clone_args arguments = {
        .flags = CLONE_VM | CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CLEAR_SIGHAND | CLONE_CHILD_CLEARTID |
                 (must_sleep(&launch->spec) ? CLONE_VFORK : 0) | (into_group ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uintptr_t)&launch->pidfd,
        .parent_tid = (uintptr_t)&launch->pid,
        .child_tid = (uintptr_t)&launch->is_inside,
        .exit_signal = SIGCHLD,
        .stack = (uintptr_t)launch->stack,
        .stack_size = STACK_BYTES,
        .cgroup = into_group ? (uint64_t)launch->spec.group : 0,
    };
    // Kernels before 5.7 know a shorter struct and take a longer one only if the rest is zero.
    return clone_onto(SYS_clone3, (long)&arguments, sizeof arguments, 0, NULL, clx_run_child, launch);
}

static long clone_old(struct clx_launch *launch) {
    // Handlers are inherited here and would run in this process's memory: no signal may arrive until they are reset.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    launch->resets_all_signals = 1;
    int pidfd = -1;
    long flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CHILD_CLEARTID | SIGCHLD;
    long result = clone_onto(
        SYS_clone, flags, (long)(launch->stack + STACK_BYTES), (long)&pidfd, (int *)&launch->is_inside, clx_run_child,
        launch);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    launch->pidfd = pidfd;
    return result;
}

// Refusals that say "not this way", as opposed to "not this group".
static int is_refusal(long result) {
    return result == -ENOSYS || result == -EINVAL || result == -E2BIG || result == -EOPNOTSUPP || result == -EPERM;
}

// The ways in which a child has come into its group before: bit N for method N.
static atomic_int proven_methods;

static void prepare(struct clx_launch *launch, int method) {
    launch->method = (enum clx_method)method;
    launch->joins_group = launch->spec.group >= 0 && method != CLX_CLONE_INTO_GROUP;
    launch->is_inside = 1;
    launch->pid = 0;
    launch->pidfd = -1;
}

static long clone_child(struct clx_launch *launch, int *was_refused) {
    int first = (int)launch->spec.first_method;
    if (first < remembered_method) first = remembered_method;
    if (first == CLX_CLONE_INTO_GROUP && launch->spec.group < 0) first = CLX_CLONE_THEN_MOVE;
    int is_alone = must_sleep(&launch->spec) && !(launch->spec.settings & CLX_SET_IDENTITY);
    if (is_alone && first != CLX_OLD_CLONE_THEN_MOVE && proven_methods & 1 << first) {
        prepare(launch, first);
        if (clx_launch_elsewhere(launch)) return launch->pid;
    }
    long result = -ENOSYS;
    for (int method = first; method <= CLX_OLD_CLONE_THEN_MOVE; method++) {
        prepare(launch, method);
        result = method == CLX_OLD_CLONE_THEN_MOVE ? clone_old(launch) : clx_clone_modern(launch);
        if (!is_refusal(result)) break;
        *was_refused = 1;
    }
    return result;
}

static void wait_until_left(struct clx_launch *launch) {
    // Not FUTEX_PRIVATE_FLAG: the kernel's wake-up has it not.
    while (launch->is_inside) syscall(SYS_futex, &launch->is_inside, FUTEX_WAIT, 1, NULL, NULL, 0);
}

static void reap(pid_t pid, int *signal) {
    siginfo_t info;
    int result;
    do result = waitid(P_PID, (id_t)pid, &info, WEXITED);
    while (result < 0 && errno == EINTR);
    *signal = result == 0 && info.si_code != CLD_EXITED ? info.si_status : 0;
}

// ---- the interface ---------------------------------------------------------------------------------------------

static int is_valid(const struct clx_spec *spec) {
    if (!spec->path || !spec->arguments || !spec->environment || spec->handed_count > CLX_HANDED_MAX) return 0;
    for (size_t i = 0; i < spec->handed_count; i++)
        if (spec->handed[i].source < 0 || spec->handed[i].target < 0) return 0;
    // setresuid takes -1 for "as it is": whoever asked for that account would get ours.
    return !(spec->settings & CLX_SET_IDENTITY) || (spec->user != (uid_t)-1 && spec->group_id != (gid_t)-1);
}

static int has_succeeded(const struct clx_launch *launch) {
    return launch->stage == CLX_STAGE_NONE && launch->is_ready;
}

static void free_launch(struct clx_launch *launch) {
    if (launch->stack) give_stack_back(launch->stack);
    free(launch);
}

int clx_begin(const struct clx_spec *spec, struct clx_spawned *out, struct clx_launch **begun) {
    *out = (struct clx_spawned){.pid = -1, .pidfd = -1, .stage = CLX_STAGE_PREPARE, .error = EINVAL};
    *begun = NULL;
    if (!is_valid(spec)) return -1;
    out->error = ENOMEM;
    struct clx_launch *launch = copy_spec(spec);
    if (!launch) return -1;
    launch->stack = take_stack();
    if (!launch->stack) {
        free_launch(launch);
        return -1;
    }
    int was_dumpable = spec->settings & CLX_SET_IDENTITY ? prctl(PR_GET_DUMPABLE) : 0;
    int was_refused = 0;
    long result = clone_child(launch, &was_refused);
    if (was_dumpable == 1) prctl(PR_SET_DUMPABLE, 1);
    out->method = launch->method;
    if (result < 0) {
        out->stage = CLX_STAGE_CLONE;
        out->error = (int)-result;
        free_launch(launch);
        return -1;
    }
    if (was_refused) {
        // The refusal was of the kernel, not of this group, once another way has led into the same group.
        wait_until_left(launch);
        if (launch->stage == CLX_STAGE_NONE) remembered_method = (int)launch->method;
    }
    proven_methods |= 1 << launch->method;
    out->pid = (pid_t)result;
    out->pidfd = launch->pidfd;
    out->stage = CLX_STAGE_NONE;
    out->error = 0;
    *begun = launch;
    return 0;
}

int clx_has_failed(const struct clx_launch *launch, struct clx_spawned *out) {
    if (launch->is_inside || has_succeeded(launch)) return 0;
    out->stage = launch->stage == CLX_STAGE_NONE ? CLX_STAGE_KILLED : launch->stage;
    out->error = launch->error;
    return 1;
}

int clx_wait(struct clx_launch *launch, struct clx_spawned *out) {
    wait_until_left(launch);
    if (!clx_has_failed(launch, out)) return 0;
    reap(out->pid, &out->signal);
    return -1;
}

void clx_release(struct clx_launch *launch) {
    // A child that is still inside reads it. That is nobody's to wait for: it may be starved, or frozen.
    if (!launch->is_inside) free_launch(launch);
}

uint64_t clx_ignored_signals(void) {
    uint64_t mask = 0;
    // The raw call: glibc hides the two signals that it uses itself, which a careless parent may have left ignored.
    uint64_t action[4];
    for (int number = 1; number <= LAST_SIGNAL; number++)
        if (syscall(SYS_rt_sigaction, number, NULL, action, SIGNAL_SET_BYTES) == 0 && action[0] == (uintptr_t)SIG_IGN)
            mask |= 1ULL << (number - 1);
    return mask;
}

int clx_bounding_set(uint64_t *mask) {
    *mask = 0;
    for (int capability = 0; capability < 64; capability++) {
        int is_set = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
        // EINVAL: the kernel knows no more capabilities.
        if (is_set < 0) return capability > 0 ? 0 : -1;
        if (is_set) *mask |= 1ULL << capability;
    }
    return 0;
}

int clx_limit_capabilities(uint64_t permitted, uint64_t effective, uint64_t bounding) {
    for (int capability = 0; capability < 64; capability++) {
        int is_set = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
        if (is_set < 0) break;
        if (is_set && !(bounding >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) return -1;
    }
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    for (int half = 0; half < 2; half++)
        sets[half] = (struct __user_cap_data_struct){
            .effective = (uint32_t)(effective >> (32 * half)), .permitted = (uint32_t)(permitted >> (32 * half))};
    return (int)syscall(SYS_capset, &header, sets);
}

int clx_forbid_tracing(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

int clx_capability_sets(uint64_t *permitted, uint64_t *effective, uint64_t *inheritable) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    if (syscall(SYS_capget, &header, sets) < 0) return -1;
    *permitted = sets[0].permitted | (uint64_t)sets[1].permitted << 32;
    *effective = sets[0].effective | (uint64_t)sets[1].effective << 32;
    *inheritable = sets[0].inheritable | (uint64_t)sets[1].inheritable << 32;
    return 0;
}
