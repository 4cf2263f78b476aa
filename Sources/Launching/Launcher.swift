// What starts processes: this process itself, or a helper that has more rights.

import Glibc
import LinuxSystem
import SystemPackage

/// Starts processes, each in its group or not at all.
public protocol Launcher {
    /// Returns as soon as there is a process. It makes its way to the program by itself: in a group that has no CPU time left,
    /// or is frozen, that takes as long as it takes.
    /// - Parameter beforeStart: called with the descriptors from which its output will be read, before there is a process:
    ///   who must know of it whatever becomes of us is told now.
    func begin(
        _ request: LaunchRequest, beforeStart: (_ outputs: [CInt]) -> Void
    ) throws(LaunchError) -> LaunchedProcess
}

extension Launcher {
    /// Returns when the program runs.
    public func launch(
        _ request: LaunchRequest, beforeStart: (_ outputs: [CInt]) -> Void = { _ in }
    ) throws(LaunchError) -> LaunchedProcess {
        let process = try begin(request, beforeStart: beforeStart)
        try process.waitUntilItRuns()
        return process
    }
}

/// A process and our ends of its streams; what was not taken is closed with this object.
public final class LaunchedProcess {
    public let pid: pid_t
    /// Becomes readable when the process ends; for `reapProcess` and `signalProcess`.
    public let pidfd: OwnedDescriptor
    /// The way that led into its group.
    public let method: LaunchMethod
    private var stdout: OwnedDescriptor?
    private var stderr: OwnedDescriptor?
    private let origin: Origin

    private enum Origin {
        /// It is our child.
        case own(Beginning)
        case remote(any RemoteProcess)
    }

    init(
        _ beginning: Beginning, pid: pid_t, pidfd: consuming OwnedDescriptor, stdout: consuming OwnedDescriptor,
        stderr: consuming OwnedDescriptor?, method: LaunchMethod
    ) {
        origin = .own(beginning)
        self.pid = pid
        self.pidfd = pidfd
        self.method = method
        self.stdout = consume stdout
        self.stderr = consume stderr
    }

    /// A process that somebody else has started for us, and whose streams we read where they are given.
    public init(
        _ remote: any RemoteProcess, pid: pid_t, pidfd: consuming OwnedDescriptor, stdout: consuming OwnedDescriptor?,
        stderr: consuming OwnedDescriptor?
    ) {
        origin = .remote(remote)
        self.pid = pid
        self.pidfd = pidfd
        method = .cloneIntoGroup
        self.stdout = consume stdout
        self.stderr = consume stderr
    }

    /// Takes note of its end; never waits.
    /// - Parameter keepsID: it is left there, so that its id is nobody else's until it is reaped.
    /// - Returns: `nil` while it runs.
    /// - Throws: where somebody else has taken note of it.
    public func reap(keepingID keepsID: Bool = false) throws(Errno) -> Exit? {
        switch origin {
        case .own: return keepsID ? try endOfProcess(pidfd.raw) : try reapProcess(pidfd.raw)
        case .remote(let remote): return try remote.reap()
        }
    }

    /// Sends a signal to it. One that has ended is none to complain about.
    public func signal(_ number: Int32) throws(Errno) {
        switch origin {
        case .own: try signalProcess(pidfd.raw, number)
        case .remote(let remote): try remote.signal(number)
        }
    }

    /// Why it ended before it was the program; `nil` where it was, or has not ended.
    /// - Parameter exit: how it ended.
    public func failure(_ exit: Exit) -> LaunchError? {
        var signal: Int32 = 0
        if case .signal(let number) = exit.cause { signal = number }
        switch origin {
        case .own(let beginning): return beginning.failure(signal: signal)
        case .remote(let remote): return remote.failure
        }
    }

    /// Sleeps until it is the program.
    /// - Throws: where it failed to be; then nothing of it is left.
    func waitUntilItRuns() throws(LaunchError) {
        if case .own(let beginning) = origin { try beginning.wait(for: pid) }
    }

    /// The end from which its output is read, of a pipe or a terminal (to which one may write, too); does not block.
    /// - Returns: `nil` the second time.
    public func takeStdout() -> OwnedDescriptor? { stdout.take() }

    /// The end from which its errors are read; does not block.
    /// - Returns: `nil` with a terminal, which has one stream for both, and the second time.
    public func takeStderr() -> OwnedDescriptor? { stderr.take() }
}

/// A process that is somebody else's child, who tells of it.
public protocol RemoteProcess: AnyObject {
    /// How it ended; `nil` while it runs.
    /// - Throws: where whoever knows is gone.
    func reap() throws(Errno) -> Exit?
    func signal(_ number: Int32) throws(Errno)
    /// Why it ended before it was the program; known when it was reaped.
    var failure: LaunchError? { get }
}
