// Processes as descriptors: signals without mistaking one process for another, ends without losing one.

import CLinux
import Glibc
import SystemPackage
import UpdateModel

/// How a process ended, and what it used together with the children it waited for.
public struct Exit: Hashable, Sendable {
    public enum Cause: Hashable, Sendable {
        case code(Int32)
        case signal(Int32)
    }

    public var cause: Cause
    public var cpuUser: Duration
    public var cpuSystem: Duration
    /// Of the largest one of them.
    public var peakResident: ByteCount

    public init(cause: Cause, cpuUser: Duration, cpuSystem: Duration, peakResident: ByteCount) {
        self.cause = cause
        self.cpuUser = cpuUser
        self.cpuSystem = cpuSystem
        self.peakResident = peakResident
    }

    fileprivate init(_ exit: clx_exit) {
        self.init(
            cause: exit.by_signal != 0 ? .signal(exit.status) : .code(exit.status),
            cpuUser: .microseconds(exit.user_microseconds), cpuSystem: .microseconds(exit.system_microseconds),
            peakResident: ByteCount(exit.peak_resident_kib * 1024))
    }
}

/// Takes note of the end of the child behind `pidfd`; never waits.
/// - Returns: `nil` while it runs.
/// - Throws: `.noChildProcess` where it is not our child or was reaped before.
public func reapProcess(_ pidfd: CInt) throws(Errno) -> Exit? {
    var exit = clx_exit()
    return try retrying { clx_reap(pidfd, &exit) } == 0 ? nil : Exit(exit)
}

/// Looks whether the child behind `pidfd` has ended and leaves it there, so that its id is nobody else's; never waits.
/// - Returns: `nil` while it runs.
/// - Throws: `.noChildProcess` where it is not our child or was reaped before.
public func endOfProcess(_ pidfd: CInt) throws(Errno) -> Exit? {
    var exit = clx_exit()
    return try retrying { clx_see_end(pidfd, &exit) } == 0 ? nil : Exit(exit)
}

/// Sends a signal to the process behind `pidfd`. One that has ended is none to complain about: signals race with ends.
public func signalProcess(_ pidfd: CInt, _ signal: Int32) throws(Errno) {
    do {
        _ = try retrying { clx_pidfd_send_signal(pidfd, signal) }
    } catch {
        if error != .noSuchProcess { throw error }
    }
}

/// A descriptor that stands for the process and becomes readable when it ends.
public func openProcess(_ pid: pid_t) throws(Errno) -> OwnedDescriptor {
    OwnedDescriptor(owning: try retrying { clx_pidfd_open(pid) })
}

/// Whether a process of that id exists, whoever's it is.
public func processExists(_ pid: pid_t) -> Bool { kill(pid, 0) == 0 || errno == EPERM }

/// Orphaned descendants become this process's children, so that none is lost where no control group holds them.
public func becomeSubreaper() throws(Errno) {
    _ = try retrying { clx_become_subreaper() }
}
