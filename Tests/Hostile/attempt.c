// attempt LABEL ACTION [ARGUMENT]... - does one thing that a hostile plugin would do, and says what came of it:
// `LABEL done`, or `LABEL` with the name of the error. Tests/KernelTests builds it and runs it as steps.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/reboot.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CHILDREN = 4096 };

static int raise_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    memset(sets, 0xFF, sizeof sets);
    sets[1].effective = sets[1].permitted = sets[1].inheritable = 0x1FF; // up to cap_checkpoint_restore
    return (int)syscall(SYS_capset, &header, sets);
}

static int set_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return clock_settime(CLOCK_REALTIME, &now);
}

static int raise_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_MEMLOCK, &limit);
    limit.rlim_max++;
    return setrlimit(RLIMIT_MEMLOCK, &limit);
}

static int take_descriptor(pid_t process) {
    int pidfd = (int)syscall(SYS_pidfd_open, process, 0);
    return pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, 0, 0);
}

static int read_file(const char *path) {
    char byte;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    return file < 0 ? -1 : (int)read(file, &byte, 1);
}

static int write_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    return file < 0 ? -1 : (int)write(file, text, strlen(text));
}

static int connect_to(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int end = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return end < 0 ? -1 : connect(end, (struct sockaddr *)&address, sizeof address);
}

// Forks until that is refused; what it forked has gone before it returns.
static int fork_on(void) {
    static pid_t children[MOST_CHILDREN];
    int count = 0;
    int failure = 0;
    while (count < MOST_CHILDREN) {
        pid_t child = fork();
        if (child < 0) {
            failure = errno;
            break;
        }
        if (child == 0)
            for (;;) pause();
        children[count++] = child;
    }
    for (int i = 0; i < count; i++) kill(children[i], SIGKILL);
    for (int i = 0; i < count; i++) waitpid(children[i], NULL, 0);
    errno = failure;
    return failure == 0 ? 0 : -1;
}

static int open_on(void) {
    while (open("/dev/null", O_RDONLY) >= 0) {}
    return -1;
}

// Leaves a process that no signal but SIGKILL ends, in a session of its own and without a parent; prints its id.
static int outlive(void) {
    int ends[2];
    if (pipe(ends) != 0) return -1;
    pid_t child = fork();
    if (child < 0) return -1;
    if (child == 0) {
        setsid();
        if (fork() != 0) _exit(0);
        for (int number = 1; number < NSIG; number++) signal(number, SIG_IGN);
        prctl(PR_SET_NAME, "kworker/0:1", 0, 0, 0);
        pid_t own = getpid();
        if (write(ends[1], &own, sizeof own) != sizeof own) _exit(1);
        for (int fd = 0; fd < 64; fd++) close(fd);
        for (;;) pause();
    }
    waitpid(child, NULL, 0);
    pid_t survivor = 0;
    if (read(ends[0], &survivor, sizeof survivor) != sizeof survivor) return -1;
    printf("survivor %d\n", survivor);
    return 0;
}

static int act(const char *action, char **arguments) {
    const char *first = arguments[0] ? arguments[0] : "";
    pid_t process = (pid_t)atoi(first);
    gid_t root_group = 0;
    if (!strcmp(action, "raise-capabilities")) return raise_capabilities();
    if (!strcmp(action, "raise-ambient")) return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0);
    if (!strcmp(action, "allow-new-privileges")) return prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
    if (!strcmp(action, "become")) return setresuid((uid_t)process, (uid_t)process, (uid_t)process);
    if (!strcmp(action, "set-groups")) return setgroups(1, &root_group);
    if (!strcmp(action, "mount")) return mount("none", "/mnt", "tmpfs", 0, NULL);
    if (!strcmp(action, "load-module")) return (int)syscall(SYS_init_module, NULL, 0, "");
    if (!strcmp(action, "reboot")) return (int)syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
                                                       LINUX_REBOOT_CMD_CAD_OFF, NULL);
    if (!strcmp(action, "set-clock")) return set_clock();
    if (!strcmp(action, "set-hostname")) return sethostname("owned", 5);
    if (!strcmp(action, "raise-priority")) return setpriority(PRIO_PROCESS, 0, -20);
    if (!strcmp(action, "raise-limit")) return raise_limit();
    if (!strcmp(action, "signal")) return kill(process, 0);
    if (!strcmp(action, "trace")) return (int)ptrace(PTRACE_SEIZE, process, NULL, NULL);
    if (!strcmp(action, "take-descriptor")) return take_descriptor(process);
    if (!strcmp(action, "read")) return read_file(first);
    if (!strcmp(action, "write")) return write_file(first, arguments[1] ? arguments[1] : "");
    if (!strcmp(action, "rename")) return rename(first, arguments[1] ? arguments[1] : "");
    if (!strcmp(action, "connect")) return connect_to(first);
    if (!strcmp(action, "fork-on")) return fork_on();
    if (!strcmp(action, "open-on")) return open_on();
    if (!strcmp(action, "outlive")) return outlive();
    fprintf(stderr, "attempt: unknown action %s\n", action);
    exit(2);
}

int main(int count, char **arguments) {
    if (count < 3) {
        fprintf(stderr, "usage: attempt LABEL ACTION [ARGUMENT]...\n");
        return 2;
    }
    int result = act(arguments[2], arguments + 3);
    printf("%s %s\n", arguments[1], result < 0 ? strerrorname_np(errno) : "done");
    return 0;
}
