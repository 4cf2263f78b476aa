// The clocks on the wall here, with what they are set forward and back.

import Glibc
import RunPolicy
import UpdateModel

/// What clocks here show at `timestamp`: by TZ, else by /etc/localtime.
public func localMoment(of timestamp: Timestamp) -> LocalMoment {
    let parts = localParts(of: timestamp)
    // A leap second is the 61st; Sunday is C's first day.
    let second = Int(parts.tm_hour) * 3600 + Int(parts.tm_min) * 60 + min(59, Int(parts.tm_sec))
    return LocalMoment(weekday: (Int(parts.tm_wday) + 6) % 7, second: second)
}

/// When clocks here show `minutes` since the midnight before `timestamp`, which may be days later. Where they are set
/// forward or back on the way, that is in it.
public func timestamp(minutes: Int, afterMidnightBefore timestamp: Timestamp) -> Timestamp {
    var parts = localParts(of: timestamp)
    parts.tm_hour = 0
    // mktime(3) makes days of minutes, and finds out about summer time.
    parts.tm_min = CInt(minutes)
    parts.tm_sec = 0
    parts.tm_isdst = -1
    return Timestamp(millisecondsSince1970: Int64(mktime(&parts)) * 1000)
}

private func localParts(of timestamp: Timestamp) -> tm {
    var seconds = time_t(timestamp.millisecondsSince1970 / 1000)
    var parts = tm()
    localtime_r(&seconds, &parts)
    return parts
}
