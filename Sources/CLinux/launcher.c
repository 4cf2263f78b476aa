#define _GNU_SOURCE
#include "clx_launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "the launcher knows x86_64 and aarch64; add the call of clone with a stack and an entry point for this one"
#endif

// Debian 12's headers lack what is younger than Linux 5.19, older ones more.
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
enum { SIGNAL_SET_BYTES = 8, LAST_SIGNAL = 64, SCHEDULING_OF_PROCESS = 1 };

// What parent and child share. The parent sleeps from clone to execve (CLONE_VFORK), so a failure needs no pipe.
struct launch {
    const struct clx_spec *spec;
    int joins_group;
    int resets_all_signals;
    volatile int is_ready;
    volatile enum clx_stage stage;
    volatile int error;
};

// ---- the child ------------------------------------------------------------------------------------------------
// It runs in the parent's memory on a stack of its own, so: only system calls, and none through a libc function that
// does more than call (glibc's setuid tells the parent's other threads to do the same). What it writes to errno is the
// parent's, which is asleep. No sanitizer may instrument it: their shadow stacks and thread states are the parent's.

#define CHILD __attribute__((no_sanitize("address", "thread", "undefined")))

static __attribute__((noreturn)) CHILD void fail(struct launch *launch, enum clx_stage stage) {
    launch->error = errno;
    launch->stage = stage;
    for (;;) syscall(SYS_exit_group, 127);
}

#define TRY(call, stage)                           \
    do {                                           \
        if ((call) < 0) fail(launch, (stage)); \
    } while (0)

static CHILD long write_file(int directory, const char *path, const char *text, size_t length) {
    long file = syscall(SYS_openat, directory, path, O_WRONLY | O_CLOEXEC, 0);
    if (file < 0) return -1;
    long written = syscall(SYS_write, file, text, length);
    int saved = errno;
    syscall(SYS_close, file);
    errno = saved;
    return written;
}

static CHILD void reset_signals(struct launch *launch) {
    // The kernel's struct, which is not glibc's: handler, flags, restorer (x86_64), mask.
    uint64_t standard[4] = {0};
    for (int number = 1; number <= LAST_SIGNAL; number++) {
        int is_wanted = launch->resets_all_signals || (launch->spec->ignored_signals >> (number - 1) & 1);
        if (!is_wanted || number == SIGKILL || number == SIGSTOP) continue;
        TRY(syscall(SYS_rt_sigaction, number, standard, NULL, SIGNAL_SET_BYTES), CLX_STAGE_SIGNALS);
    }
}

// Up to its setsid the child is in our process group, and what is typed at our terminal then is meant for us: a Ctrl-C
// would end it before it ran. It waits as blocked; ignoring a signal for a moment throws it away.
static CHILD void forget_terminal_signals(struct launch *launch) {
    uint64_t pending = 0;
    TRY(syscall(SYS_rt_sigpending, &pending, SIGNAL_SET_BYTES), CLX_STAGE_SIGNALS);
    if (pending == 0) return;
    uint64_t ignored[4] = {(uintptr_t)SIG_IGN}, standard[4] = {0};
    const int typed[] = {SIGINT, SIGQUIT, SIGTSTP, SIGHUP};
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) {
        if (!(pending >> (typed[i] - 1) & 1)) continue;
        TRY(syscall(SYS_rt_sigaction, typed[i], ignored, NULL, SIGNAL_SET_BYTES), CLX_STAGE_SIGNALS);
        TRY(syscall(SYS_rt_sigaction, typed[i], standard, NULL, SIGNAL_SET_BYTES), CLX_STAGE_SIGNALS);
    }
}

// Puts the descriptors in their places. A source whose number is another one's place is first moved out of the way.
static CHILD void place_descriptors(struct launch *launch) {
    const struct clx_spec *spec = launch->spec;
    int source[CLX_HANDED_MAX];
    int above = 0;
    for (size_t i = 0; i < spec->handed_count; i++)
        if (spec->handed[i].target >= above) above = spec->handed[i].target + 1;
    for (size_t i = 0; i < spec->handed_count; i++) {
        source[i] = spec->handed[i].source;
        for (size_t other = 0; other < spec->handed_count; other++) {
            if (other == i || spec->handed[other].target != source[i] || spec->handed[i].target == source[i]) continue;
            source[i] = (int)syscall(SYS_fcntl, source[i], F_DUPFD_CLOEXEC, above);
            if (source[i] < 0) fail(launch, CLX_STAGE_DESCRIPTORS);
            break;
        }
    }
    for (size_t i = 0; i < spec->handed_count; i++) {
        int target = spec->handed[i].target;
        if (source[i] == target)
            TRY(syscall(SYS_fcntl, target, F_SETFD, 0), CLX_STAGE_DESCRIPTORS);
        else
            TRY(syscall(SYS_dup3, source[i], target, 0), CLX_STAGE_DESCRIPTORS);
    }
}

static CHILD long close_between(unsigned first, unsigned last) {
    long result = syscall(SYS_close_range, first, last, 0);
    if (result == 0 || errno != ENOSYS) return result;
    // Before Linux 5.9: one by one, as far as a descriptor can be open unless the limit was lowered since; at most
    // 65,536, since a million calls would take longer than most steps.
    struct rlimit64 {
        uint64_t soft, hard;
    } limit = {0};
    if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) < 0) return -1;
    unsigned end = limit.soft < 65536 ? (unsigned)limit.soft : 65536;
    for (unsigned fd = first; fd < end && fd <= last; fd++) syscall(SYS_close, fd);
    return 0;
}

static CHILD void close_others(struct launch *launch) {
    const struct clx_spec *spec = launch->spec;
    unsigned from = 0;
    while (1) {
        // The next descriptor to keep, at or above `from`.
        unsigned keep = ~0u;
        for (size_t i = 0; i < spec->handed_count; i++) {
            unsigned target = (unsigned)spec->handed[i].target;
            if (target >= from && target < keep) keep = target;
        }
        // Between neighbours there is nothing to close.
        if (keep > from) TRY(close_between(from, keep == ~0u ? ~0u : keep - 1), CLX_STAGE_CLOSE);
        if (keep == ~0u) return;
        from = keep + 1;
    }
}

static CHILD void set_oom_score(struct launch *launch) {
    int value = launch->spec->oom_score_adjust;
    char text[8];
    size_t start = sizeof text;
    unsigned rest = (unsigned)(value < 0 ? -value : value);
    do {
        text[--start] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0 && start > 1);
    if (value < 0) text[--start] = '-';
    TRY(write_file(AT_FDCWD, "/proc/self/oom_score_adj", text + start, sizeof text - start), CLX_STAGE_OOM_SCORE);
}

static CHILD void set_priorities(struct launch *launch) {
    const struct clx_spec *spec = launch->spec;
    if (spec->settings & CLX_SET_OOM_SCORE) set_oom_score(launch);
    for (size_t i = 0; i < spec->limit_count; i++) {
        uint64_t limit[2] = {spec->limits[i].soft, spec->limits[i].hard};
        TRY(syscall(SYS_prlimit64, 0, spec->limits[i].resource, limit, NULL), CLX_STAGE_RESOURCE_LIMITS);
    }
    if (spec->settings & CLX_SET_NICE) TRY(syscall(SYS_setpriority, PRIO_PROCESS, 0, spec->nice), CLX_STAGE_NICE);
    if (spec->settings & CLX_SET_SCHEDULING) {
        int priority = 0;
        TRY(syscall(SYS_sched_setscheduler, 0, spec->scheduling_policy, &priority), CLX_STAGE_SCHEDULING);
    }
    if (spec->settings & CLX_SET_IO_PRIORITY)
        TRY(syscall(SYS_ioprio_set, SCHEDULING_OF_PROCESS, 0, spec->io_priority), CLX_STAGE_IO_PRIORITY);
    if (spec->settings & CLX_SET_UMASK) syscall(SYS_umask, spec->umask);
}

static CHILD int has(uint64_t mask, int capability) { return (int)(mask >> capability & 1); }

// What was given up must be gone: the way back has to be refused, unless it was left open on purpose.
static CHILD void verify_identity(struct launch *launch) {
    const struct clx_spec *spec = launch->spec;
    int keeps = spec->settings & CLX_SET_CAPABILITIES;
    int user_returned = spec->user != 0 && !(keeps && has(spec->permitted, CAP_SETUID)) &&
                        syscall(SYS_setresuid, -1, 0, -1) == 0;
    int group_returned = spec->user != 0 && spec->group_id != 0 && !(keeps && has(spec->permitted, CAP_SETGID)) &&
                         syscall(SYS_setresgid, -1, 0, -1) == 0;
    if (user_returned || group_returned) {
        errno = EPERM;
        fail(launch, CLX_STAGE_VERIFY);
    }
}

// The order is that of setpriv and of libcap's cap_launch: each line needs a privilege that a later one gives up.
static CHILD void drop_privileges(struct launch *launch) {
    const struct clx_spec *spec = launch->spec;
    for (int capability = 0; capability < 64; capability++)
        if (has(spec->bounding_drop, capability))
            TRY(syscall(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0), CLX_STAGE_BOUNDING_SET);
    if (spec->settings & CLX_SET_IDENTITY) {
        TRY(syscall(SYS_setgroups, spec->group_count, spec->groups), CLX_STAGE_GROUPS);
        TRY(syscall(SYS_setresgid, spec->group_id, spec->group_id, spec->group_id), CLX_STAGE_GROUP_ID);
        if ((spec->settings & CLX_SET_CAPABILITIES) && spec->permitted != 0)
            TRY(syscall(SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0), CLX_STAGE_KEEP_CAPABILITIES);
        TRY(syscall(SYS_setresuid, spec->user, spec->user, spec->user), CLX_STAGE_USER_ID);
    }
    if (spec->settings & CLX_SET_CAPABILITIES) {
        struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
        struct __user_cap_data_struct sets[2];
        for (int half = 0; half < 2; half++)
            sets[half] = (struct __user_cap_data_struct){
                .effective = (uint32_t)(spec->effective >> (32 * half)),
                .permitted = (uint32_t)(spec->permitted >> (32 * half)),
                .inheritable = (uint32_t)(spec->inheritable >> (32 * half)),
            };
        // Ambient capabilities that are not permitted and inheritable any more go with it.
        TRY(syscall(SYS_capset, &header, sets), CLX_STAGE_CAPABILITIES);
        for (int capability = 0; capability < 64; capability++)
            if (has(spec->ambient, capability))
                TRY(syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0), CLX_STAGE_AMBIENT_SET);
    }
    if (spec->settings & CLX_SET_NO_NEW_PRIVILEGES)
        TRY(syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), CLX_STAGE_NO_NEW_PRIVILEGES);
    if (spec->settings & CLX_SET_IDENTITY) verify_identity(launch);
}

static __attribute__((noreturn)) CHILD void run_child(void *context) {
    struct launch *launch = context;
    const struct clx_spec *spec = launch->spec;
    // First of all, while still privileged: no instruction more than needed runs outside the limits.
    if (launch->joins_group) TRY(write_file(spec->group, "cgroup.procs", "0", 1), CLX_STAGE_CGROUP);
    if (launch->resets_all_signals || spec->ignored_signals != 0) reset_signals(launch);
    TRY(syscall(SYS_setsid), CLX_STAGE_SESSION);
    forget_terminal_signals(launch);
    place_descriptors(launch);
    if (spec->settings & CLX_SET_TERMINAL) TRY(syscall(SYS_ioctl, 0, TIOCSCTTY, 0), CLX_STAGE_TERMINAL);
    set_priorities(launch);
    drop_privileges(launch);
    // A change of identity clears the death signal, so after it; and the directory is entered as who the step is.
    if (spec->settings & CLX_SET_DEATH_SIGNAL)
        TRY(syscall(SYS_prctl, PR_SET_PDEATHSIG, spec->death_signal, 0, 0, 0), CLX_STAGE_DEATH_SIGNAL);
    if (spec->directory) TRY(syscall(SYS_chdir, spec->directory), CLX_STAGE_DIRECTORY);
    close_others(launch);
    uint64_t none = 0;
    TRY(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, SIGNAL_SET_BYTES), CLX_STAGE_SIGNALS);
    launch->is_ready = 1;
    syscall(SYS_execve, spec->path, spec->arguments, spec->environment);
    fail(launch, CLX_STAGE_EXECUTE);
}

// ---- the parent -----------------------------------------------------------------------------------------------

// clone3 or clone; the child calls `entry(context)` on the new stack and never returns here. Written out, since a libc
// function that returned in the child would do so on a stack without a return address.
static long clone_onto(long number, long a, long b, long c, void (*entry)(void *), void *context) {
#if defined(__x86_64__)
    long result = number;
    register long r10 __asm__("r10") = 0;
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
    register long x4 __asm__("x4") = 0;
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

enum { STACK_BYTES = 64 * 1024, GUARD_BYTES = 64 * 1024 };  // a guard of the largest page size

// One child at a time uses the stack; its parent thread holds the mutex until the child has left it.
static pthread_mutex_t stack_mutex = PTHREAD_MUTEX_INITIALIZER;
static char *stack_base;
static enum clx_method remembered_method = CLX_CLONE_INTO_GROUP;

static char *stack_or_null(void) {
    if (stack_base) return stack_base;
    char *area = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (area == MAP_FAILED) return NULL;
    if (mprotect(area + GUARD_BYTES, STACK_BYTES, PROT_READ | PROT_WRITE) < 0) {
        int saved = errno;
        munmap(area, GUARD_BYTES + STACK_BYTES);
        errno = saved;
        return NULL;
    }
    return stack_base = area + GUARD_BYTES;
}

static long clone_modern(struct launch *launch, char *stack, int *pidfd, int into_group) {
    struct clone_args arguments = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND | (into_group ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uintptr_t)pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uintptr_t)stack,
        .stack_size = STACK_BYTES,
        .cgroup = into_group ? (uint64_t)launch->spec->group : 0,
    };
    // Kernels before 5.7 know a shorter struct and take a longer one only if the rest is zero.
    return clone_onto(SYS_clone3, (long)&arguments, sizeof arguments, 0, run_child, launch);
}

static long clone_old(struct launch *launch, char *stack, int *pidfd) {
    // Handlers are inherited here and would run in this process's memory: no signal may arrive until they are reset.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    launch->resets_all_signals = 1;
    long flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
    long result = clone_onto(SYS_clone, flags, (long)(stack + STACK_BYTES), (long)pidfd, run_child, launch);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

// Refusals that say "not this way", as opposed to "not this group".
static int is_refusal(long result) {
    return result == -ENOSYS || result == -EINVAL || result == -E2BIG || result == -EOPNOTSUPP || result == -EPERM;
}

static long clone_child(struct launch *launch, char *stack, int *pidfd, enum clx_method *method, int *was_refused) {
    int has_group = launch->spec->group >= 0;
    long result = -ENOSYS;
    enum clx_method first = launch->spec->first_method;
    if (first < remembered_method) first = remembered_method;
    for (int attempt = (int)first; attempt <= CLX_OLD_CLONE_THEN_MOVE; attempt++) {
        if (attempt == CLX_CLONE_INTO_GROUP && !has_group) continue;
        *method = (enum clx_method)attempt;
        launch->joins_group = has_group && attempt != CLX_CLONE_INTO_GROUP;
        if (attempt == CLX_OLD_CLONE_THEN_MOVE)
            result = clone_old(launch, stack, pidfd);
        else
            result = clone_modern(launch, stack, pidfd, attempt == CLX_CLONE_INTO_GROUP);
        if (!is_refusal(result)) break;
        *was_refused = 1;
    }
    return result;
}

static void reap(pid_t pid, int *signal) {
    siginfo_t info;
    int result;
    do result = waitid(P_PID, (id_t)pid, &info, WEXITED);
    while (result < 0 && errno == EINTR);
    *signal = result == 0 && info.si_code != CLD_EXITED ? info.si_status : 0;
}

static int is_valid(const struct clx_spec *spec) {
    if (!spec->path || !spec->arguments || !spec->environment || spec->handed_count > CLX_HANDED_MAX) return 0;
    for (size_t i = 0; i < spec->handed_count; i++)
        if (spec->handed[i].source < 0 || spec->handed[i].target < 0) return 0;
    // setresuid takes -1 for "as it is": whoever asked for that account would get ours.
    return !(spec->settings & CLX_SET_IDENTITY) || (spec->user != (uid_t)-1 && spec->group_id != (gid_t)-1);
}

int clx_spawn(const struct clx_spec *spec, struct clx_spawned *out) {
    *out = (struct clx_spawned){.pid = -1, .pidfd = -1, .stage = CLX_STAGE_PREPARE, .error = EINVAL};
    if (!is_valid(spec)) return -1;
    struct launch launch = {.spec = spec};
    int pidfd = -1;
    long result = -ENOMEM;
    pthread_mutex_lock(&stack_mutex);
    // A child that changes its user clears the dumpable flag of the memory it shares with us.
    int was_dumpable = spec->settings & CLX_SET_IDENTITY ? prctl(PR_GET_DUMPABLE) : 0;
    char *stack = stack_or_null();
    if (stack) {
        out->stage = CLX_STAGE_CLONE;
        int was_refused = 0;
        result = clone_child(&launch, stack, &pidfd, &out->method, &was_refused);
        // The refusal was of the kernel, not of this group, once another way has led into the same group.
        if (result > 0 && was_refused && launch.stage == CLX_STAGE_NONE) remembered_method = out->method;
    }
    if (was_dumpable == 1) prctl(PR_SET_DUMPABLE, 1);
    pthread_mutex_unlock(&stack_mutex);
    if (result < 0) {
        out->error = (int)-result;
        return -1;
    }
    out->pid = (pid_t)result;
    out->pidfd = pidfd;
    out->stage = launch.stage;
    out->error = launch.error;
    if (launch.stage == CLX_STAGE_NONE && launch.is_ready) return 0;
    reap(out->pid, &out->signal);
    if (launch.stage == CLX_STAGE_NONE) out->stage = CLX_STAGE_KILLED;
    if (pidfd >= 0) close(pidfd);
    out->pid = out->pidfd = -1;
    return -1;
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

int clx_capability_sets(uint64_t *permitted, uint64_t *effective, uint64_t *inheritable) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    if (syscall(SYS_capget, &header, sets) < 0) return -1;
    *permitted = sets[0].permitted | (uint64_t)sets[1].permitted << 32;
    *effective = sets[0].effective | (uint64_t)sets[1].effective << 32;
    *inheritable = sets[0].inheritable | (uint64_t)sets[1].inheritable << 32;
    return 0;
}
