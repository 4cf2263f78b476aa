// Small things that Swift's Glibc module lacks or cannot call: variadic functions, bit-set macros, extended attributes.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Makes orphaned descendants children of this process.
int clx_become_subreaper(void);
// CPUs that this process may run on.
int clx_usable_cpus(void);

// f_type of statfs, and the magic number of cgroup2.
int clx_file_system_type(const char *path, uint64_t *type);
uint64_t clx_cgroup2_magic(void);

unsigned clx_device_major(dev_t device);
unsigned clx_device_minor(dev_t device);

// 1 where the extended attribute is there and its value is "1", else 0.
int clx_attribute_is_one(const char *path, const char *name);
// Gives a file the extended attribute `name` with the value 1. Swift's Glibc module lacks <sys/xattr.h>.
int clx_set_attribute(const char *path, const char *name);

// Opens a directory as a place from which paths lead on (O_PATH), which takes no right to list it; close-on-exec. The
// descriptor, or -1 with errno.
int clx_open_place(const char *path);

// Waits until `fd` reports a priority event: 1; 0 after `milliseconds`; -1 with errno.
int clx_wait_priority(int fd, int milliseconds);
