// The two clocks: one to measure with, one for people.

import Glibc
import UpdateModel

/// Time since an arbitrary start; never jumps and stands still while the machine sleeps (`CLOCK_MONOTONIC`).
public func monotonicTime() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Duration(secondsComponent: Int64(time.tv_sec), attosecondsComponent: Int64(time.tv_nsec) * 1_000_000_000)
}

/// The calendar's time, which may jump.
public func calendarTime() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(millisecondsSince1970: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
}
