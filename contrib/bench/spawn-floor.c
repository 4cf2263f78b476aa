// spawn-floor bare COUNT SLOTS [ARGUMENT...]
// spawn-floor full COUNT SLOTS GROUP [ARGUMENT...]
// spawn-floor whole COUNT SLOTS GROUP [ARGUMENT...] - starts /bin/true COUNT times, SLOTS at once, with the arguments and
// this program's environment: the floor under what a program that starts steps can reach.
//
//   bare   clone3(CLONE_VM, CLONE_VFORK, CLONE_PIDFD) and the wait, nothing else
//   full   each in a cgroup of its own below GROUP (a v2 directory with the controllers cpu, memory and pids for its
//          children) with five limits, its output read from a pipe
//   whole  besides, what else a step is promised, by the system calls that update-all makes for it: a session, a pipe for
//          each output, priorities, umask, no_new_privs, a directory, no other descriptors; limits read back; a look
//          whether it left a process behind
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_SLOTS = 64, PIDFD = 3 /* P_PIDFD, which older headers lack */, IO_IDLE = 3 << 13 };
enum mode { BARE, FULL, WHOLE };

struct job {
    int number, pidfd;
    int outputs[2]; // the pipes' ends to read, -1 where there is none, or no more
    int group;      // its directory, -1 where there is none
};

static void fail(const char *what) {
    perror(what);
    exit(1);
}

// Inline: on return from a function, a child that shares its parent's stack would destroy the frame that the parent
// returns through later.
static inline __attribute__((always_inline)) long clone3_inline(struct clone_args *arguments, size_t size) {
#if defined(__x86_64__)
    long result = SYS_clone3;
    __asm__ volatile("syscall" : "+a"(result) : "D"(arguments), "S"(size) : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long number __asm__("x8") = SYS_clone3;
    register long result __asm__("x0") = (long)arguments;
    register size_t second __asm__("x1") = size;
    __asm__ volatile("svc 0" : "+r"(result) : "r"(number), "r"(second) : "memory");
    return result;
#else
#error "clone3 is written out here for x86_64 and aarch64"
#endif
}

// Between clone3 and execve, in the memory of the parent: only system calls.
static inline __attribute__((always_inline)) void become_step(enum mode mode, const int outputs[2]) {
    if (mode == WHOLE) {
        setsid();
        sigset_t signals;
        sigpending(&signals);
    }
    if (mode != BARE) {
        dup2(outputs[0], STDOUT_FILENO);
        dup2(outputs[1], STDERR_FILENO);
    }
    if (mode != WHOLE) return;
    setpriority(PRIO_PROCESS, 0, 10);
    struct sched_param priority = {0};
    sched_setscheduler(0, SCHED_IDLE, &priority);
    syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, IO_IDLE);
    umask(022);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (chdir("/") != 0) _exit(126);
    close_range(3, ~0u, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// Returns a pidfd.
static __attribute__((noinline)) int start(enum mode mode, char **arguments, int group, const int outputs[2]) {
    int pidfd = -1;
    struct clone_args request = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | (group >= 0 ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uintptr_t)&pidfd,
        .exit_signal = SIGCHLD,
        .cgroup = group >= 0 ? (uint64_t)group : 0,
    };
    long child = clone3_inline(&request, sizeof request);
    if (child == 0) {
        become_step(mode, outputs);
        execve("/bin/true", arguments, environ);
        _exit(127);
    }
    if (child < 0) {
        errno = (int)-child;
        fail("clone3");
    }
    return pidfd;
}

static void group_name(char name[32], int number) { snprintf(name, 32, "floor-%d", number); }

static int make_group(enum mode mode, int parent, int number) {
    static const char *const limits[][2] = {
        {"cpu.idle", "1"},           {"cpu.max", "50000 100000"}, {"memory.high", "268435456"},
        {"memory.max", "536870912"}, {"pids.max", "512"},
    };
    char name[32];
    group_name(name, number);
    if (mkdirat(parent, name, 0755) != 0) fail(name);
    int group = openat(parent, name, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (group < 0) fail(name);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        int file = openat(group, limits[i][0], (mode == WHOLE ? O_RDWR : O_WRONLY) | O_CLOEXEC);
        if (file < 0 || write(file, limits[i][1], strlen(limits[i][1])) < 0) fail(limits[i][0]);
        char readback[64];
        if (mode == WHOLE && pread(file, readback, sizeof readback, 0) <= 0) fail(limits[i][0]);
        close(file);
    }
    return group;
}

static struct job start_job(enum mode mode, char **arguments, int number, int parent) {
    struct job job = {.number = number, .outputs = {-1, -1}, .group = -1};
    int written[2] = {-1, -1};
    if (mode != BARE) job.group = make_group(mode, parent, number);
    // `full` has one pipe for both.
    for (int i = 0; i < (int)mode; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe2");
        if (mode == WHOLE) fcntl(ends[0], F_SETFL, O_NONBLOCK);
        job.outputs[i] = ends[0];
        written[i] = ends[1];
    }
    if (mode == FULL) written[1] = written[0];
    job.pidfd = start(mode, arguments, job.group, written);
    for (int i = 0; i < (int)mode; i++) close(written[i]);
    return job;
}

static void end_job(enum mode mode, const struct job *job, int parent) {
    siginfo_t info;
    if (waitid((idtype_t)PIDFD, (id_t)job->pidfd, &info, WEXITED) != 0) fail("waitid");
    if (info.si_code != CLD_EXITED || info.si_status != 0) {
        fprintf(stderr, "spawn-floor: a child failed\n");
        exit(1);
    }
    close(job->pidfd);
    if (job->group < 0) return;
    if (mode == WHOLE) {
        char events[64];
        int file = openat(job->group, "cgroup.events", O_RDONLY | O_CLOEXEC);
        if (file < 0 || pread(file, events, sizeof events, 0) <= 0) fail("cgroup.events");
        close(file);
    }
    close(job->group);
    char name[32];
    group_name(name, job->number);
    if (unlinkat(parent, name, AT_REMOVEDIR) != 0) fail(name);
}

// Reads what is there. Returns whether the output is at its end.
static bool has_ended(int output) {
    char buffer[65536];
    return read(output, buffer, sizeof buffer) <= 0;
}

int main(int count, char **arguments) {
    enum mode mode = BARE;
    if (count >= 5 && strcmp(arguments[1], "full") == 0) mode = FULL;
    if (count >= 5 && strcmp(arguments[1], "whole") == 0) mode = WHOLE;
    bool is_known = mode != BARE || (count >= 4 && strcmp(arguments[1], "bare") == 0);
    int total = count >= 4 ? atoi(arguments[2]) : 0, slots = count >= 4 ? atoi(arguments[3]) : 0;
    if (!is_known || total < 1 || slots < 1 || slots > MAX_SLOTS) {
        fprintf(stderr, "usage: spawn-floor bare COUNT SLOTS [ARGUMENT...]\n"
                        "       spawn-floor full|whole COUNT SLOTS GROUP [ARGUMENT...]\n");
        return 2;
    }
    int parent = mode != BARE ? open(arguments[4], O_DIRECTORY | O_RDONLY | O_CLOEXEC) : -1;
    if (mode != BARE && parent < 0) fail(arguments[4]);

    char **command = arguments + (mode != BARE ? 4 : 3); // what stood there has been read
    command[0] = "/bin/true";

    struct job jobs[MAX_SLOTS];
    for (int started = 0, running = 0; started < total || running > 0;) {
        for (; running < slots && started < total; started++)
            jobs[running++] = start_job(mode, command, started, parent);
        // A job is over when its outputs are at their ends and its process is gone.
        struct pollfd waits[MAX_SLOTS][3]; // poll overlooks those below 0
        for (int i = 0; i < running; i++) {
            const int *outputs = jobs[i].outputs;
            bool is_silent = outputs[0] < 0 && outputs[1] < 0;
            for (int k = 0; k < 2; k++) waits[i][k] = (struct pollfd){.fd = outputs[k], .events = POLLIN};
            waits[i][2] = (struct pollfd){.fd = is_silent ? jobs[i].pidfd : -1, .events = POLLIN};
        }
        if (poll(waits[0], 3 * (nfds_t)running, -1) < 0) fail("poll");
        for (int i = running - 1; i >= 0; i--) {
            for (int k = 0; k < 2; k++) {
                if (waits[i][k].revents == 0 || !has_ended(jobs[i].outputs[k])) continue;
                close(jobs[i].outputs[k]);
                jobs[i].outputs[k] = -1;
            }
            if (waits[i][2].revents == 0) continue;
            end_job(mode, &jobs[i], parent);
            jobs[i] = jobs[--running];
        }
    }
    return 0;
}
