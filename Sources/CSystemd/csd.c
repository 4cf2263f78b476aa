// dlopen and dlsym in one place; Swift can call neither with the types of what it found.
#include "csd.h"

#include <dlfcn.h>
#include <stdio.h>

int csd_load(struct csd_functions *functions, char *reason, int size) {
    // systemd's own libraries keep threads and at-fork handlers: never unloaded.
    void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) {
        snprintf(reason, size, "%s", dlerror());
        return -1;
    }
#define CSD_FIND(name, result, parameters)                                                                             \
    *(void **)&functions->name = dlsym(library, "sd_" #name);                                                          \
    if (!functions->name) {                                                                                            \
        snprintf(reason, size, "%s", dlerror());                                                                       \
        return -1;                                                                                                     \
    }
    CSD_FUNCTIONS(CSD_FIND)
#undef CSD_FIND
    return 0;
}
