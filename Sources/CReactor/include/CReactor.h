// What a loop waits for, where Glibc's Swift module lacks it. One prefix (clx_), no policy.
#pragma once
#include "clx_events.h"
