// A process that was started, by whomever, with our ends of its streams.

import Glibc
import LinuxSystem
import Spawning
import SystemPackage

/// A process and our ends of its streams; what was not taken is closed with this object.
public final class LaunchedProcess {
    public let pid: pid_t
    private let origin: Origin
    private var stdout: OwnedDescriptor?
    private var stderr: OwnedDescriptor?

    private enum Origin {
        case own(ChildProcess)
        case remote(any RemoteProcess)
    }

    init(_ child: ChildProcess, _ ends: consuming StreamEnds) {
        origin = .own(child)
        pid = child.pid
        stdout = ends.output
        stderr = ends.errors
    }

    /// A process that somebody else has started for us, and whose streams are somebody else's.
    public init(_ remote: any RemoteProcess, pid: pid_t) {
        origin = .remote(remote)
        self.pid = pid
    }

    /// A process that somebody else has started for us, and whose streams we read.
    public init(_ remote: any RemoteProcess, pid: pid_t, _ ends: consuming StreamEnds) {
        origin = .remote(remote)
        self.pid = pid
        stdout = ends.output
        stderr = ends.errors
    }

    /// A descriptor that becomes readable when the process ends; for `reapProcess` and `signalProcess`. Open as long as this
    /// object is there.
    public var pidfd: CInt {
        switch origin {
        case .own(let child): child.pidfd.raw
        case .remote(let remote): remote.pidfd
        }
    }

    /// The way that led into its group.
    public var method: LaunchMethod {
        switch origin {
        case .own(let child): child.method
        case .remote: .cloneIntoGroup
        }
    }

    /// Takes note of its end; never waits.
    /// - Parameter keepsID: it is left there, so that its id is nobody else's until it is reaped.
    /// - Returns: `nil` while it runs.
    /// - Throws: where somebody else has taken note of it.
    public func reap(keepingID keepsID: Bool = false) throws(Errno) -> Exit? {
        switch origin {
        case .own(let child): try child.reap(keepingID: keepsID)
        case .remote(let remote): try remote.reap()
        }
    }

    /// Sends a signal to it. One that has ended is none to complain about.
    public func signal(_ number: Int32) throws(Errno) {
        switch origin {
        case .own(let child): try child.signal(number)
        case .remote(let remote): try remote.signal(number)
        }
    }

    /// Why it ended before it was the program; `nil` where it was, or has not ended.
    /// - Parameter exit: how it ended.
    public func failure(_ exit: Exit) -> LaunchError? {
        switch origin {
        case .own(let child): child.failure(exit)
        case .remote(let remote): remote.failure
        }
    }

    /// Sleeps until it is the program.
    /// - Throws: where it failed to be; then nothing of it is left.
    func waitUntilItRuns() throws(LaunchError) {
        if case .own(let child) = origin { try child.waitUntilItRuns() }
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
    /// A descriptor that becomes readable when it ends; open as long as this object is there.
    var pidfd: CInt { get }
    /// How it ended; `nil` while it runs.
    /// - Throws: where whoever knows is gone.
    func reap() throws(Errno) -> Exit?
    func signal(_ number: Int32) throws(Errno)
    /// Why it ended before it was the program; known when it was reaped.
    var failure: LaunchError? { get }
}
