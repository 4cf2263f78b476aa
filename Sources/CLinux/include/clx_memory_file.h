// Files without a name, in memory. In C, since Swift's Glibc module has neither memfd_create nor the seals.
#pragma once

// memfd_create(2): an empty file that may be executed, and whose name is only shown in /proc. -1 with errno.
int clx_memory_file(const char *name);

// From now on nobody can change it, through whatever descriptor (F_ADD_SEALS of fcntl(2)). -1 with errno.
int clx_seal(int file);
