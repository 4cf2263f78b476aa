// What starts processes: this process itself, or a helper that has more rights.

import Glibc
import LinuxSystem

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
    private let beginning: Beginning

    init(
        _ beginning: Beginning, pid: pid_t, pidfd: consuming OwnedDescriptor, stdout: consuming OwnedDescriptor,
        stderr: consuming OwnedDescriptor?, method: LaunchMethod
    ) {
        self.beginning = beginning
        self.pid = pid
        self.pidfd = pidfd
        self.method = method
        self.stdout = consume stdout
        self.stderr = consume stderr
    }

    /// Why it ended before it was the program; `nil` where it was, or has not ended.
    /// - Parameter exit: how it ended.
    public func failure(_ exit: Exit) -> LaunchError? {
        var signal: Int32 = 0
        if case .signal(let number) = exit.cause { signal = number }
        return beginning.failure(signal: signal)
    }

    /// Sleeps until it is the program.
    /// - Throws: where it failed to be; then nothing of it is left.
    func waitUntilItRuns() throws(LaunchError) { try beginning.wait(for: pid) }

    /// The end from which its output is read, of a pipe or a terminal (to which one may write, too); does not block.
    /// - Returns: `nil` the second time.
    public func takeStdout() -> OwnedDescriptor? { stdout.take() }

    /// The end from which its errors are read; does not block.
    /// - Returns: `nil` with a terminal, which has one stream for both, and the second time.
    public func takeStderr() -> OwnedDescriptor? { stderr.take() }
}
