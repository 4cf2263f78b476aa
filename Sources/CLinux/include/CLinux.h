// What Swift cannot do, or Glibc's Swift module lacks. One prefix (clx_), no policy.
#pragma once
#include "clx_descriptor_passing.h"
#include "clx_launcher.h"
#include "clx_local_sockets.h"
#include "clx_memory_file.h"
#include "clx_processes.h"
#include "clx_signals.h"
#include "clx_system.h"
#include "clx_guardian.h"
