#define _GNU_SOURCE
#include "clx_system.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

int clx_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int clx_usable_cpus(void) {
    // The kernel refuses a set smaller than its own; 8,192 CPUs are the most that a distribution's kernel knows.
    for (int cpus = CPU_SETSIZE; cpus <= 8192; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (!set) return -1;
        size_t bytes = CPU_ALLOC_SIZE(cpus);
        int result = sched_getaffinity(0, bytes, set);
        int count = result == 0 ? CPU_COUNT_S(bytes, set) : -1;
        CPU_FREE(set);
        if (result == 0 || errno != EINVAL) return count;
    }
    return -1;
}

int clx_file_system_type(const char *path, uint64_t *type) {
    struct statfs status;
    if (statfs(path, &status) < 0) return -1;
    *type = (uint64_t)status.f_type;
    return 0;
}

uint64_t clx_cgroup2_magic(void) { return CGROUP2_SUPER_MAGIC; }

unsigned clx_device_major(dev_t device) { return major(device); }
unsigned clx_device_minor(dev_t device) { return minor(device); }

int clx_attribute_is_one(const char *path, const char *name) {
    char value[2];
    return getxattr(path, name, value, sizeof value) == 1 && value[0] == '1';
}

int clx_set_attribute(const char *path, const char *name) { return setxattr(path, name, "1", 1, 0); }

int clx_wait_priority(int fd, int milliseconds) {
    struct pollfd request = {.fd = fd, .events = POLLPRI};
    int result = poll(&request, 1, milliseconds);
    return result > 0 ? 1 : result;
}

int clx_open_place(const char *path) { return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); }
