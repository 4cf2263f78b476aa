// A process that was started here: on its way to its program at first, and our child until it is reaped.

import CLinux
import Glibc
import LinuxSystem
import SystemPackage

/// A child of this process.
public final class ChildProcess {
    public let pid: pid_t
    /// Becomes readable when the process ends.
    public let pidfd: OwnedDescriptor
    /// The way that led into its group.
    public let method: LaunchMethod
    private let request: LaunchRequest
    /// What it reads until it is the program, and what came of it.
    private let launch: OpaquePointer

    /// - Parameter launch: as `clx_begin` gave it, together with `begun`.
    init(_ request: LaunchRequest, _ launch: OpaquePointer, _ begun: clx_spawned) {
        pid = begun.pid
        pidfd = OwnedDescriptor(owning: begun.pidfd)
        method = LaunchMethod(begun.method)
        self.request = request
        self.launch = launch
    }

    deinit { clx_release(launch) }

    /// Takes note of its end; never waits.
    /// - Parameter keepsID: it is left there, so that its id is nobody else's until it is reaped.
    /// - Returns: `nil` while it runs.
    /// - Throws: where somebody else has taken note of it.
    public func reap(keepingID keepsID: Bool = false) throws(Errno) -> Exit? {
        keepsID ? try endOfProcess(pidfd.raw) : try reapProcess(pidfd.raw)
    }

    /// Sends a signal to it. One that has ended is none to complain about.
    public func signal(_ number: Int32) throws(Errno) { try signalProcess(pidfd.raw, number) }

    /// Why it ended before it was the program; `nil` where it was, or has not ended.
    /// - Parameter exit: how it ended.
    public func failure(_ exit: Exit) -> LaunchError? {
        var result = clx_spawned()
        guard clx_has_failed(launch, &result) != 0 else { return nil }
        if case .signal(let number) = exit.cause { result.signal = number }
        return LaunchError(request, result)
    }

    /// Sleeps until it is the program.
    /// - Throws: where it failed to be; it is reaped then.
    public func waitUntilItRuns() throws(LaunchError) {
        var result = clx_spawned()
        result.pid = pid
        if clx_wait(launch, &result) != 0 { throw LaunchError(request, result) }
    }
}
