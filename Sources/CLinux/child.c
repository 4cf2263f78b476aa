// The child's half of a launch: from clone to execve, in the memory that it shares with its parent.

#define _GNU_SOURCE
#include "kernel_call.h"
#include "launch.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

enum { SIGNAL_SET_BYTES = 8, LAST_SIGNAL = 64, SCHEDULING_OF_PROCESS = 1 };

// It runs beside its parent's threads, on a stack of its own, so: only system calls, and none through libc. No sanitizer
// may instrument it: their shadow stacks and thread states are the parent's.
#define CHILD __attribute__((no_sanitize("address", "thread", "undefined")))

static __attribute__((noreturn)) CHILD void fail(struct clx_launch *launch, enum clx_stage stage, long result) {
    launch->error = (int)-result;
    launch->stage = stage;
    for (;;) KERNEL(SYS_exit_group, 127);
}

#define TRY(call, stage)                                        \
    do {                                                        \
        long result_ = (call);                                  \
        if (result_ < 0) fail(launch, (stage), result_);        \
    } while (0)

static CHILD long write_file(int directory, const char *path, const char *text, size_t length) {
    long file = KERNEL(SYS_openat, directory, path, O_WRONLY | O_CLOEXEC, 0);
    if (file < 0) return file;
    long written = KERNEL(SYS_write, file, text, length);
    KERNEL(SYS_close, file);
    return written;
}

static CHILD void reset_signals(struct clx_launch *launch) {
    // The kernel's struct, which is not glibc's: handler, flags, restorer (x86_64), mask.
    uint64_t standard[4] = {0};
    for (int number = 1; number <= LAST_SIGNAL; number++) {
        int is_wanted = launch->resets_all_signals || (launch->spec.ignored_signals >> (number - 1) & 1);
        if (!is_wanted || number == SIGKILL || number == SIGSTOP) continue;
        TRY(KERNEL(SYS_rt_sigaction, number, standard, NULL, SIGNAL_SET_BYTES), CLX_STAGE_SIGNALS);
    }
}

// Up to its setsid the child is in our process group, and what is typed at our terminal then is meant for us: a Ctrl-C
// would end it before it ran. It waits as blocked; ignoring a signal for a moment throws it away.
static CHILD void forget_terminal_signals(struct clx_launch *launch) {
    uint64_t pending = 0;
    TRY(KERNEL(SYS_rt_sigpending, &pending, SIGNAL_SET_BYTES), CLX_STAGE_SIGNALS);
    if (pending == 0) return;
    uint64_t ignored[4] = {(uintptr_t)SIG_IGN}, standard[4] = {0};
    const int typed[] = {SIGINT, SIGQUIT, SIGTSTP, SIGHUP};
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) {
        if (!(pending >> (typed[i] - 1) & 1)) continue;
        TRY(KERNEL(SYS_rt_sigaction, typed[i], ignored, NULL, SIGNAL_SET_BYTES), CLX_STAGE_SIGNALS);
        TRY(KERNEL(SYS_rt_sigaction, typed[i], standard, NULL, SIGNAL_SET_BYTES), CLX_STAGE_SIGNALS);
    }
}

// Puts the descriptors in their places. A source whose number is another one's place is first moved out of the way.
static CHILD void place_descriptors(struct clx_launch *launch) {
    const struct clx_spec *spec = &launch->spec;
    int source[CLX_HANDED_MAX];
    int above = 0;
    for (size_t i = 0; i < spec->handed_count; i++)
        if (spec->handed[i].target >= above) above = spec->handed[i].target + 1;
    for (size_t i = 0; i < spec->handed_count; i++) {
        source[i] = spec->handed[i].source;
        for (size_t other = 0; other < spec->handed_count; other++) {
            if (other == i || spec->handed[other].target != source[i] || spec->handed[i].target == source[i]) continue;
            long moved = KERNEL(SYS_fcntl, source[i], F_DUPFD_CLOEXEC, above);
            TRY(moved, CLX_STAGE_DESCRIPTORS);
            source[i] = (int)moved;
            break;
        }
    }
    for (size_t i = 0; i < spec->handed_count; i++) {
        int target = spec->handed[i].target;
        if (source[i] == target)
            TRY(KERNEL(SYS_fcntl, target, F_SETFD, 0), CLX_STAGE_DESCRIPTORS);
        else
            TRY(KERNEL(SYS_dup3, source[i], target, 0), CLX_STAGE_DESCRIPTORS);
    }
}

static CHILD long close_between(unsigned first, unsigned last) {
    long result = KERNEL(SYS_close_range, first, last, 0);
    if (result != -ENOSYS) return result;
    // Before Linux 5.9: one by one, as far as a descriptor can be open unless the limit was lowered since; at most
    // 65,536, since a million calls would take longer than most steps.
    struct rlimit64 {
        uint64_t soft, hard;
    } limit = {0};
    result = KERNEL(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
    if (result < 0) return result;
    unsigned end = limit.soft < 65536 ? (unsigned)limit.soft : 65536;
    for (unsigned fd = first; fd < end && fd <= last; fd++) KERNEL(SYS_close, fd);
    return 0;
}

static CHILD void close_others(struct clx_launch *launch) {
    const struct clx_spec *spec = &launch->spec;
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

static CHILD void set_oom_score(struct clx_launch *launch) {
    int value = launch->spec.oom_score_adjust;
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

static CHILD void set_priorities(struct clx_launch *launch) {
    const struct clx_spec *spec = &launch->spec;
    if (spec->settings & CLX_SET_OOM_SCORE) set_oom_score(launch);
    for (size_t i = 0; i < spec->limit_count; i++) {
        uint64_t limit[2] = {spec->limits[i].soft, spec->limits[i].hard};
        TRY(KERNEL(SYS_prlimit64, 0, spec->limits[i].resource, limit, NULL), CLX_STAGE_RESOURCE_LIMITS);
    }
    if (spec->settings & CLX_SET_NICE) TRY(KERNEL(SYS_setpriority, PRIO_PROCESS, 0, spec->nice), CLX_STAGE_NICE);
    if (spec->settings & CLX_SET_SCHEDULING) {
        int priority = 0;
        TRY(KERNEL(SYS_sched_setscheduler, 0, spec->scheduling_policy, &priority), CLX_STAGE_SCHEDULING);
    }
    if (spec->settings & CLX_SET_IO_PRIORITY)
        TRY(KERNEL(SYS_ioprio_set, SCHEDULING_OF_PROCESS, 0, spec->io_priority), CLX_STAGE_IO_PRIORITY);
    if (spec->settings & CLX_SET_UMASK) KERNEL(SYS_umask, spec->umask);
}

static CHILD int has(uint64_t mask, int capability) { return (int)(mask >> capability & 1); }

// What was given up must be gone: the way back has to be refused, unless it was left open on purpose.
static CHILD void verify_identity(struct clx_launch *launch) {
    const struct clx_spec *spec = &launch->spec;
    int keeps = spec->settings & CLX_SET_CAPABILITIES;
    int user_returned = spec->user != 0 && !(keeps && has(spec->permitted, CAP_SETUID)) &&
                        KERNEL(SYS_setresuid, -1, 0, -1) == 0;
    int group_returned = spec->user != 0 && spec->group_id != 0 && !(keeps && has(spec->permitted, CAP_SETGID)) &&
                         KERNEL(SYS_setresgid, -1, 0, -1) == 0;
    if (user_returned || group_returned) fail(launch, CLX_STAGE_VERIFY, -EPERM);
}

// The order is that of setpriv and of libcap's cap_launch: each line needs a privilege that a later one gives up.
static CHILD void drop_privileges(struct clx_launch *launch) {
    const struct clx_spec *spec = &launch->spec;
    for (int capability = 0; capability < 64; capability++)
        if (has(spec->bounding_drop, capability))
            TRY(KERNEL(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0), CLX_STAGE_BOUNDING_SET);
    if (spec->settings & CLX_SET_IDENTITY) {
        TRY(KERNEL(SYS_setgroups, spec->group_count, spec->groups), CLX_STAGE_GROUPS);
        TRY(KERNEL(SYS_setresgid, spec->group_id, spec->group_id, spec->group_id), CLX_STAGE_GROUP_ID);
        if ((spec->settings & CLX_SET_CAPABILITIES) && spec->permitted != 0)
            TRY(KERNEL(SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0), CLX_STAGE_KEEP_CAPABILITIES);
        TRY(KERNEL(SYS_setresuid, spec->user, spec->user, spec->user), CLX_STAGE_USER_ID);
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
        TRY(KERNEL(SYS_capset, &header, sets), CLX_STAGE_CAPABILITIES);
        for (int capability = 0; capability < 64; capability++)
            if (has(spec->ambient, capability))
                TRY(KERNEL(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0), CLX_STAGE_AMBIENT_SET);
    }
    if (spec->settings & CLX_SET_NO_NEW_PRIVILEGES)
        TRY(KERNEL(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), CLX_STAGE_NO_NEW_PRIVILEGES);
    if (spec->settings & CLX_SET_IDENTITY) verify_identity(launch);
}

CHILD void clx_run_child(void *context) {
    struct clx_launch *launch = context;
    const struct clx_spec *spec = &launch->spec;
    // First of all, while still privileged: no instruction more than needed runs outside the limits.
    if (launch->joins_group) TRY(write_file(spec->group, "cgroup.procs", "0", 1), CLX_STAGE_CGROUP);
    if (launch->resets_all_signals || spec->ignored_signals != 0) reset_signals(launch);
    TRY(KERNEL(SYS_setsid), CLX_STAGE_SESSION);
    forget_terminal_signals(launch);
    place_descriptors(launch);
    if (spec->settings & CLX_SET_TERMINAL) TRY(KERNEL(SYS_ioctl, 0, TIOCSCTTY, 0), CLX_STAGE_TERMINAL);
    set_priorities(launch);
    drop_privileges(launch);
    // A change of identity clears the death signal, so after it; and the directory is entered as who the step is.
    if (spec->settings & CLX_SET_DEATH_SIGNAL)
        TRY(KERNEL(SYS_prctl, PR_SET_PDEATHSIG, spec->death_signal, 0, 0, 0), CLX_STAGE_DEATH_SIGNAL);
    if (spec->directory) TRY(KERNEL(SYS_chdir, spec->directory), CLX_STAGE_DIRECTORY);
    close_others(launch);
    uint64_t none = 0;
    TRY(KERNEL(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, SIGNAL_SET_BYTES), CLX_STAGE_SIGNALS);
    if (spec->settings & CLX_SET_PROGRAM) {
        if (!(spec->settings & CLX_PROGRAM_IS_SCRIPT))
            TRY(KERNEL(SYS_fcntl, spec->program, F_SETFD, FD_CLOEXEC), CLX_STAGE_CLOSE);
        launch->is_ready = 1;
        fail(launch, CLX_STAGE_EXECUTE,
             KERNEL(SYS_execveat, spec->program, "", spec->arguments, spec->environment, AT_EMPTY_PATH));
    }
    launch->is_ready = 1;
    fail(launch, CLX_STAGE_EXECUTE, KERNEL(SYS_execve, spec->path, spec->arguments, spec->environment));
}
