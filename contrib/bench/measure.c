// measure REPORT COMMAND [ARGUMENT...] - runs a command and writes `wall user system peak status` to the file REPORT:
// seconds, KiB, and the exit status as a shell has it. The peak is that of the largest process of those waited for.
//
// A program of its own, since a child's peak begins with its parent's size: forked from Python, /bin/true needs 10 MB.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds_of(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec / 1e6; }

static void fail(const char *what) {
    perror(what);
    exit(125);
}

int main(int count, char **arguments) {
    if (count < 3) {
        fprintf(stderr, "usage: measure REPORT COMMAND [ARGUMENT...]\n");
        return 125;
    }
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    pid_t child = vfork();
    if (child < 0) fail("vfork");
    if (child == 0) {
        execvp(arguments[2], arguments + 2);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (wait4(child, &status, 0, &usage) < 0) fail("wait4");
    clock_gettime(CLOCK_MONOTONIC, &end);

    FILE *report = fopen(arguments[1], "w");
    if (!report) fail(arguments[1]);
    double wall = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    fprintf(report, "%.6f %.6f %.6f %ld %d\n", wall, seconds_of(usage.ru_utime), seconds_of(usage.ru_stime),
            usage.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    if (fclose(report) != 0) fail(arguments[1]);
    return 0;
}
