// What starts processes: this process itself, or a helper that has more rights.

import Glibc
import LinuxSystem

/// Starts processes, each in its group or not at all.
public protocol Launcher {
    /// Returns when the program runs.
    /// - Parameter beforeStart: called with the descriptors from which its output will be read, before there is a process:
    ///   who must know of it whatever becomes of us is told now.
    func launch(
        _ request: LaunchRequest, beforeStart: (_ outputs: [CInt]) -> Void
    ) throws(LaunchError) -> LaunchedProcess
}

extension Launcher {
    /// Returns when the program runs.
    public func launch(_ request: LaunchRequest) throws(LaunchError) -> LaunchedProcess {
        try launch(request) { _ in }
    }
}

/// A running process and our ends of its streams; what was not taken is closed with this object.
public final class LaunchedProcess {
    public let pid: pid_t
    /// Becomes readable when the process ends; for `reapProcess` and `signalProcess`.
    public let pidfd: OwnedDescriptor
    /// The way that led into its group.
    public let method: LaunchMethod
    private var stdout: OwnedDescriptor?
    private var stderr: OwnedDescriptor?

    public init(
        pid: pid_t, pidfd: consuming OwnedDescriptor, stdout: consuming OwnedDescriptor,
        stderr: consuming OwnedDescriptor?, method: LaunchMethod = .cloneIntoGroup
    ) {
        self.pid = pid
        self.pidfd = pidfd
        self.method = method
        self.stdout = consume stdout
        self.stderr = consume stderr
    }

    /// The end from which its output is read, of a pipe or a terminal (to which one may write, too); does not block.
    /// - Returns: `nil` the second time.
    public func takeStdout() -> OwnedDescriptor? { stdout.take() }

    /// The end from which its errors are read; does not block.
    /// - Returns: `nil` with a terminal, which has one stream for both, and the second time.
    public func takeStderr() -> OwnedDescriptor? { stderr.take() }
}
