// Programs of the machine's that are no steps: visudo, systemd-run. With nothing of ours but their arguments.

import Glibc
import LinuxSystem
import Streams
import SystemPackage

/// A call of such a program, in English and without a word from our environment.
public final class ToolCall {
    public var process: pid_t { child.pid }
    private let child: ChildProcess
    private let output: OwnedDescriptor
    private let errors: OwnedDescriptor
    /// Milliseconds; 0 once it has passed.
    private var limit: CInt
    /// Longer answers are cut. Bytes.
    private static let longestAnswer = 65_536

    /// Where such programs are looked for. Not below /usr/local, where on some machines others than root may write.
    public static let searchPath = "/usr/sbin:/usr/bin:/sbin:/bin"

    /// Where a program is; `nil`: it is not here.
    public static func path(of name: String) -> String? {
        searchPath.split(separator: ":").lazy.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// - Parameters:
    ///   - path: absolute.
    ///   - input: what it reads, which stays the caller's; `nil`: nothing.
    ///   - limit: for each wait; a call that takes longer is broken off.
    /// - Throws: `LaunchError`, or the system's error.
    public init(_ path: String, _ arguments: [String], input: CInt? = nil, limit: Duration) throws {
        let request = LaunchRequest(
            executable: path, arguments: arguments, environment: ["PATH=\(Self.searchPath)", "LC_ALL=C"],
            directory: "/", leaf: nil)
        let (outputs, complaints) = (try Pipe().ends(), try Pipe().ends())
        output = OwnedDescriptor(owning: outputs.read)
        errors = OwnedDescriptor(owning: complaints.read)
        self.limit = CInt(limit.inSeconds * 1000)
        // The child has copies of its own.
        defer {
            close(outputs.write)
            close(complaints.write)
        }
        child = try Spawner().spawn(
            request, streams: ProcessStreams(input: input, output: outputs.write, errors: complaints.write))
        try child.waitUntilItRuns()
    }

    /// Waits until it has said something.
    /// - Returns: `false` where it ended without, or said nothing in time.
    public func waitForOutput() -> Bool {
        var waiting = pollfd(fd: output.raw, events: Int16(POLLIN), revents: 0)
        if poll(&waiting, 1, limit) == 0 { limit = 0 }
        return waiting.revents & Int16(POLLIN) != 0
    }

    /// Waits for its end.
    /// - Returns: whether it has done what it was called for, and the lines that it has said, as many as fit into a pipe.
    public func finish() throws(Errno) -> (isDone: Bool, said: [String]) {
        var end = pollfd(fd: child.pidfd.raw, events: Int16(POLLIN), revents: 0)
        if poll(&end, 1, limit) != 1 { try child.signal(SIGKILL) }
        poll(&end, 1, -1)
        let said = Self.text(output.raw) + Self.text(errors.raw)
        return (try child.reap()?.cause == .code(0), said.split(separator: "\n").map(String.init))
    }

    private static func text(_ stream: CInt) -> String {
        var buffer = [UInt8](repeating: 0, count: longestAnswer)
        let count = buffer.withUnsafeMutableBytes { bytes in (try? readBytes(stream, into: bytes)) ?? 0 }
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }
}
