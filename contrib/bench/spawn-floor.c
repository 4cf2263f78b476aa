// spawn-floor bare COUNT SLOTS [ARGUMENT...]
// spawn-floor full COUNT SLOTS GROUP [ARGUMENT...] - starts /bin/true COUNT times, SLOTS at once, with the arguments and
// this program's environment: the floor under what a program that starts steps can reach.
//
//   bare   clone3(CLONE_VM, CLONE_VFORK, CLONE_PIDFD) and the wait, nothing else
//   full   each in a cgroup of its own below GROUP (a v2 directory with the controllers cpu, memory and pids for its
//          children) with five limits, its output read from a pipe
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_SLOTS = 64, PIDFD = 3 /* P_PIDFD, which older headers lack */ };

struct job {
    int number, pidfd;
    int output; // the pipe's end to read, -1 where there is none, or no more
    int group;  // its directory, -1 where there is none
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

// The child's stdout and stderr are `output` unless that is negative. Returns a pidfd.
static __attribute__((noinline)) int start(char **arguments, int group, int output) {
    int pidfd = -1;
    struct clone_args request = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | (group >= 0 ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uintptr_t)&pidfd,
        .exit_signal = SIGCHLD,
        .cgroup = group >= 0 ? (uint64_t)group : 0,
    };
    long child = clone3_inline(&request, sizeof request);
    if (child == 0) {
        if (output >= 0) {
            dup2(output, STDOUT_FILENO);
            dup2(output, STDERR_FILENO);
        }
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

static int make_group(int parent, int number) {
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
        int file = openat(group, limits[i][0], O_WRONLY | O_CLOEXEC);
        if (file < 0 || write(file, limits[i][1], strlen(limits[i][1])) < 0) fail(limits[i][0]);
        close(file);
    }
    return group;
}

static struct job start_job(char **arguments, int number, int parent) {
    struct job job = {.number = number, .output = -1, .group = -1};
    int pipes[2] = {-1, -1};
    if (parent >= 0) {
        job.group = make_group(parent, number);
        if (pipe2(pipes, O_CLOEXEC) != 0) fail("pipe2");
        job.output = pipes[0];
    }
    job.pidfd = start(arguments, job.group, pipes[1]);
    if (pipes[1] >= 0) close(pipes[1]);
    return job;
}

static void end_job(const struct job *job, int parent) {
    siginfo_t info;
    if (waitid((idtype_t)PIDFD, (id_t)job->pidfd, &info, WEXITED) != 0) fail("waitid");
    if (info.si_code != CLD_EXITED || info.si_status != 0) {
        fprintf(stderr, "spawn-floor: a child failed\n");
        exit(1);
    }
    close(job->pidfd);
    if (job->group < 0) return;
    close(job->group);
    char name[32];
    group_name(name, job->number);
    if (unlinkat(parent, name, AT_REMOVEDIR) != 0) fail(name);
}

int main(int count, char **arguments) {
    bool full = count >= 5 && strcmp(arguments[1], "full") == 0;
    bool bare = count >= 4 && strcmp(arguments[1], "bare") == 0;
    int total = count >= 4 ? atoi(arguments[2]) : 0, slots = count >= 4 ? atoi(arguments[3]) : 0;
    if ((!full && !bare) || total < 1 || slots < 1 || slots > MAX_SLOTS) {
        fprintf(stderr, "usage: spawn-floor bare COUNT SLOTS [ARGUMENT...] | full COUNT SLOTS GROUP [ARGUMENT...]\n");
        return 2;
    }
    int parent = full ? open(arguments[4], O_DIRECTORY | O_RDONLY | O_CLOEXEC) : -1;
    if (full && parent < 0) fail(arguments[4]);

    char **command = arguments + (full ? 4 : 3);  // what stood there has been read
    command[0] = "/bin/true";

    struct job jobs[MAX_SLOTS];
    for (int started = 0, running = 0; started < total || running > 0;) {
        for (; running < slots && started < total; started++) jobs[running++] = start_job(command, started, parent);
        // A job is over when its output is at its end and its process is gone.
        struct pollfd waits[MAX_SLOTS];
        for (int i = 0; i < running; i++) {
            waits[i] = (struct pollfd){.fd = jobs[i].output >= 0 ? jobs[i].output : jobs[i].pidfd, .events = POLLIN};
        }
        if (poll(waits, (nfds_t)running, -1) < 0) fail("poll");
        for (int i = running - 1; i >= 0; i--) {
            if (waits[i].revents == 0) continue;
            if (jobs[i].output >= 0) {
                char buffer[65536];
                if (read(jobs[i].output, buffer, sizeof buffer) > 0) continue;
                close(jobs[i].output);
                jobs[i].output = -1;
            } else {
                end_job(&jobs[i], parent);
                jobs[i] = jobs[--running];
            }
        }
    }
    return 0;
}
