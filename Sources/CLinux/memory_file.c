#define _GNU_SOURCE
#include "clx_memory_file.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

// Linux 6.3: without it the setting vm.memfd_noexec takes the right to execute away.
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

int clx_memory_file(const char *name) {
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int file = memfd_create(name, flags | MFD_EXEC);
    return file < 0 && errno == EINVAL ? memfd_create(name, flags) : file;
}

int clx_seal(int file) {
    return fcntl(file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
}
