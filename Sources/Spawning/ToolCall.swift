// Programs of the machine's that are no steps: visudo, systemd-run. With nothing of ours but their arguments.

import Glibc
import LinuxSystem
import SystemPackage

/// A call of such a program, in English and without a word from our environment.
public final class ToolCall {
    public var process: pid_t { child.pid }
    private let child: ChildProcess
    /// Its other end is where the program writes to, and may read from.
    private let socket: OwnedDescriptor
    private let deadline: Duration
    private var said: [UInt8] = []

    /// What is read at a time, and kept in all. Bytes.
    private static let longestAnswer = 65_536

    /// Where such programs are looked for. Not below /usr/local, where on some machines others than root may write.
    public static let searchPath = "/usr/sbin:/usr/bin:/sbin:/bin"

    /// Where a program is; `nil`: it is not here.
    public static func path(of name: String) -> String? {
        searchPath.split(separator: ":").lazy.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// - Parameters:
    ///   - path: absolute.
    ///   - input: what it reads, which stays the caller's; `nil`: what is said to it.
    ///   - limit: for all of it; a call that takes longer is broken off.
    /// - Throws: `LaunchError`, or the system's error.
    public init(_ path: String, _ arguments: [String], input: CInt? = nil, limit: Duration) throws {
        let ends = try packetSocketPair()
        socket = OwnedDescriptor(owning: ends.0)
        let theirs = OwnedDescriptor(owning: ends.1)
        deadline = monotonicTime() + limit
        let request = LaunchRequest(
            executable: path, arguments: arguments, environment: ["PATH=\(Self.searchPath)", "LC_ALL=C"],
            directory: "/", leaf: nil)
        let streams = ProcessStreams(input: input ?? theirs.raw, output: theirs.raw, errors: theirs.raw)
        child = try Spawner().spawn(request, streams: streams)
        try child.waitUntilItRuns()
    }

    /// Says a line to a program, and waits until it gives the same back.
    /// - Returns: `false` where it ended without, or did not in time.
    public func echoes(_ line: String) -> Bool {
        let line = Array("\(line)\n".utf8)
        guard (try? sendPacket(socket.raw, line)) != nil else { return false }
        while let piece = listen() {
            if piece == line { return true }
        }
        return false
    }

    /// Says nothing more to it, and waits for its end.
    /// - Returns: whether it has done what it was called for, and the lines that it has said.
    public func finish() throws(Errno) -> (isDone: Bool, said: [String]) {
        shutdown(socket.raw, CInt(SHUT_WR))
        while listen() != nil {}
        if !isReadable(child.pidfd.raw) { try child.signal(SIGKILL) }
        var end = pollfd(fd: child.pidfd.raw, events: Int16(POLLIN), revents: 0)
        poll(&end, 1, -1)
        let text = String(decoding: said, as: UTF8.self)
        return (try child.reap()?.cause == .code(0), text.split(separator: "\n").map(String.init))
    }

    /// What it says next; `nil` where it says nothing more, or not in time.
    private func listen() -> [UInt8]? {
        guard isReadable(socket.raw) else { return nil }
        var buffer = [UInt8](repeating: 0, count: Self.longestAnswer)
        let count = buffer.withUnsafeMutableBytes { bytes in (try? readBytes(socket.raw, into: bytes)) ?? 0 }
        if count == 0 { return nil }
        said += buffer.prefix(min(count, Self.longestAnswer - said.count))
        return Array(buffer.prefix(count))
    }

    /// Waits for that, until time is up.
    private func isReadable(_ descriptor: CInt) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&waiting, 1, CInt(max(.zero, deadline - monotonicTime()).inSeconds * 1000)) > 0
    }
}
