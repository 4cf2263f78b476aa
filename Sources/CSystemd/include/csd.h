// systemd's D-Bus client, sd-bus(3) of libsystemd.so.0, as functions found at run time: the library is there wherever
// systemd runs, and a program that was linked to it would not start where it does not. No policy: see Sources/Systemd.
#pragma once
#include <stdint.h>

typedef struct sd_bus sd_bus;
typedef struct sd_bus_message sd_bus_message;

// sd_bus_error(3): what a service answered in place of a reply.
struct csd_error {
    const char *name;
    const char *message;
    int need_free;
};

// The functions that are used, by their names without the prefix. All of them are there since systemd 221; those that return
// an int return a negative errno where they fail.
#define CSD_FUNCTIONS(F)                                                                                               \
    F(bus_new, int, (sd_bus **))                                                                                       \
    F(bus_set_address, int, (sd_bus *, const char *))                                                                  \
    F(bus_set_bus_client, int, (sd_bus *, int))                                                                        \
    F(bus_start, int, (sd_bus *))                                                                                      \
    F(bus_close, void, (sd_bus *))                                                                                     \
    F(bus_unref, sd_bus *, (sd_bus *))                                                                                 \
    F(bus_get_unique_name, int, (sd_bus *, const char **))                                                             \
    F(bus_get_fd, int, (sd_bus *))                                                                                     \
    F(bus_process, int, (sd_bus *, sd_bus_message **))                                                                 \
    F(bus_wait, int, (sd_bus *, uint64_t))                                                                             \
    F(bus_call, int, (sd_bus *, sd_bus_message *, uint64_t, struct csd_error *, sd_bus_message **))                    \
    F(bus_error_free, void, (struct csd_error *))                                                                      \
    F(bus_message_new_method_call, int,                                                                                \
        (sd_bus *, sd_bus_message **, const char *, const char *, const char *, const char *))                         \
    F(bus_message_append_basic, int, (sd_bus_message *, char, const void *))                                           \
    F(bus_message_open_container, int, (sd_bus_message *, char, const char *))                                         \
    F(bus_message_close_container, int, (sd_bus_message *))                                                            \
    F(bus_message_read_basic, int, (sd_bus_message *, char, void *))                                                   \
    F(bus_message_is_signal, int, (sd_bus_message *, const char *, const char *))                                      \
    F(bus_message_get_sender, const char *, (sd_bus_message *))                                                        \
    F(bus_message_unref, sd_bus_message *, (sd_bus_message *))

#define CSD_MEMBER(name, result, parameters) result(*name) parameters;
struct csd_functions {
    CSD_FUNCTIONS(CSD_MEMBER)
};
#undef CSD_MEMBER

// Loads the library and finds all functions: 0, or -1 with the dynamic loader's words on why not in `reason`, at most `size`
// bytes with the NUL. What was loaded stays.
int csd_load(struct csd_functions *functions, char *reason, int size);
