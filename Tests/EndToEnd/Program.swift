// The built program as its users start it: a process of its own session, with signals as a shell gives them.

import Glibc
import JSONDocument
import LinuxSystem
import Streams
import Testing

/// One `update-all` that runs, or has ended. Not for several threads at a time.
final class Program {
    /// What its standard streams are.
    enum Streams {
        /// Nothing to read at standard input; a pipe each for the others.
        case pipes
        /// A terminal of 80 columns and 24 rows for all three, its controlling one.
        case terminal
    }

    /// `TIOCGPTN` of asm-generic/ioctls.h; macros that compute their value are not imported into Swift.
    private static let terminalNumber: UInt = 0x8004_5430

    let pid: pid_t
    /// What it has written so far; on a terminal, all of it.
    private(set) var output: [UInt8] = []
    private(set) var errors: [UInt8] = []
    /// As waitpid(2) has it.
    private var status: Int32?
    private var readers: [(descriptor: Int32, isError: Bool)] = []
    /// The end of its terminal that is ours; it outlives the other one.
    private let terminal: Int32?

    /// - Throws: where it cannot be started.
    init(
        _ executable: String, _ arguments: [String], environment: [String: String], streams: Streams = .pipes
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // For the child; closed here when it has them.
        let theirs: [OwnedDescriptorBox]
        switch streams {
        case .pipes:
            let (out, err) = (try Pipe().ends(), try Pipe().ends())
            terminal = nil
            readers = [(out.read, false), (err.read, true)]
            theirs = [OwnedDescriptorBox(out.write), OwnedDescriptorBox(err.write)]
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_adddup2(&actions, out.write, 1)
            posix_spawn_file_actions_adddup2(&actions, err.write, 2)
        case .terminal:
            let (controller, peer) = try PseudoTerminal(size: TerminalSize(rows: 24, columns: 80)).ends()
            terminal = controller
            readers = [(controller, false)]
            theirs = [OwnedDescriptorBox(peer)]
            var number: UInt32 = 0
            try #require(ioctl(controller, Self.terminalNumber, &number) == 0)
            // The first terminal that a session's leader opens becomes its controlling one.
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/pts/\(number)", O_RDWR, 0)
            posix_spawn_file_actions_adddup2(&actions, 0, 1)
            posix_spawn_file_actions_adddup2(&actions, 0, 2)
        }
        defer { withExtendedLifetime(theirs) {} }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A test run in the background has SIGINT ignored, which would be inherited.
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        let newSession: Int32 = 0x80  // POSIX_SPAWN_SETSID, behind a feature macro
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | newSession))

        var argv: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, executable, &actions, &attributes, &argv, &envp)
        try #require(failure == 0, "\(executable) cannot be started: errno \(failure)")
        pid = child
    }

    deinit {
        if status == nil {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
        for reader in readers where reader.descriptor != terminal { close(reader.descriptor) }
        if let terminal { close(terminal) }
    }

    /// Its children, with their names, which the kernel cuts to 15 bytes.
    var children: [(pid: pid_t, name: String)] {
        get throws {
            try shell("for p in $(cat /proc/\(pid)/task/*/children); do echo $p $(cat /proc/$p/comm); done")
                .split(separator: "\n").compactMap { line in
                    let words = line.split(separator: " ")
                    return words.count == 2 ? pid_t(words[0]).map { ($0, String(words[1])) } : nil
                }
        }
    }

    func signal(_ number: Int32) { kill(pid, number) }

    /// Waits until a signal has stopped it.
    func waitForStop(limit: Double = 10) throws {
        let deadline = monotonicSeconds() + limit
        var status: Int32 = 0
        // No descriptor tells of a stop, and waiting for it in the kernel would have no limit: asked 100 times a second.
        while waitpid(pid, &status, WNOHANG | WUNTRACED) == 0 {
            try #require(monotonicSeconds() < deadline, "it was not stopped within \(limit) s")
            poll(nil, 0, 10)
        }
        try #require(status & 0xFF == 0x7F, "it has ended: status \(status)")
    }

    /// As typed at its terminal.
    func type(_ text: String) throws {
        let bytes = Array(text.utf8)
        try #require(write(try #require(terminal), bytes, bytes.count) == bytes.count)
    }

    /// Whether its terminal echoes what is typed.
    var echoes: Bool {
        get throws {
            var attributes = termios()
            try #require(tcgetattr(try #require(terminal), &attributes) == 0)
            return attributes.c_lflag & tcflag_t(ECHO) != 0
        }
    }

    /// Reads on until `isThere` holds.
    /// - Throws: a failed requirement, with what it wrote, after `limit` seconds or when it has ended before.
    func wait(limit: Double = 20, for what: String, until isThere: (Program) throws -> Bool) throws {
        let deadline = monotonicSeconds() + limit
        while try !isThere(self) {
            let isOpen = readOn(deadline: deadline)
            if try !isOpen && !isThere(self) { break }
            try #require(monotonicSeconds() < deadline, "no \(what) within \(limit) s:\n\(outputText)\n\(errorText)")
        }
        #expect(try isThere(self), "ended without \(what):\n\(outputText)\n\(errorText)")
    }

    /// Reads to the end of everything, and waits for its exit.
    @discardableResult
    func finish(limit: Double = 30) throws -> Ended {
        let deadline = monotonicSeconds() + limit
        while readOn(deadline: deadline) {
            try #require(monotonicSeconds() < deadline, "it goes on after \(limit) s:\n\(outputText)\n\(errorText)")
        }
        var status: Int32 = 0
        if self.status == nil {
            try #require(waitpid(pid, &status, 0) == pid)
            self.status = status
        }
        return Ended(status: self.status ?? 0, output: output, errors: errors)
    }

    var outputText: String { String(decoding: output, as: UTF8.self) }
    var errorText: String { String(decoding: errors, as: UTF8.self) }

    /// The events among the whole lines that it has written.
    var events: [JSONValue] {
        get throws { try Ended(status: 0, output: output, errors: errors).events }
    }

    /// Takes what can be read, waiting for it until `deadline`.
    /// - Returns: `false` when every stream is at its end.
    private func readOn(deadline: Double) -> Bool {
        guard !readers.isEmpty else { return false }
        var polls = readers.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        poll(&polls, nfds_t(polls.count), Int32(max(0, (deadline - monotonicSeconds()) * 1000)))
        var buffer = [UInt8](repeating: 0, count: 65536)
        for (index, poll) in polls.enumerated().reversed() where poll.revents != 0 {
            let count = read(poll.fd, &buffer, buffer.count)
            if count > 0 {
                if readers[index].isError { errors += buffer[..<count] } else { output += buffer[..<count] }
            } else if count == 0 || errno != EAGAIN {
                // A terminal whose last writer has gone says EIO.
                if poll.fd != terminal { close(poll.fd) }
                readers.remove(at: index)
            }
        }
        return !readers.isEmpty
    }
}

/// How a program ended, and all that it wrote.
struct Ended {
    let status: Int32
    let output: [UInt8]
    let errors: [UInt8]

    /// As a shell shows it: 128+N after signal N.
    var code: Int32 { status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + status & 0x7F }
    var signal: Int32? { status & 0x7F == 0 ? nil : status & 0x7F }
    var text: String { String(decoding: output, as: UTF8.self) }
    var errorText: String { String(decoding: errors, as: UTF8.self) }

    /// Its standard output, a JSON value a line.
    var events: [JSONValue] {
        get throws { try jsonLines(output) }
    }
}

/// The values of whole lines.
func jsonLines(_ bytes: [UInt8]) throws -> [JSONValue] {
    let end = bytes.lastIndex(of: 0x0A) ?? 0
    return try bytes[..<end].split(separator: 0x0A).map { try JSONValue(parsing: $0) }
}

extension [JSONValue] {
    func ofType(_ type: String, plugin: String? = nil) -> [JSONValue] {
        filter { $0["type"]?.stringValue == type && (plugin == nil || $0["plugin"]?.stringValue == plugin) }
    }

    /// The outcome of a plugin's completion.
    func outcome(_ plugin: String) -> String? { ofType("completion", plugin: plugin).first?["outcome"]?.stringValue }

    /// `seq` of the start or end of a plugin's phase: what happened before what.
    func position(_ type: String, _ plugin: String, _ phase: String = "execute") -> Int64? {
        ofType(type, plugin: plugin).first { $0["phase"]?.stringValue == phase }?["seq"]?.integerValue
    }
}

func monotonicSeconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}

/// Closes a descriptor when nobody refers to it any more.
private final class OwnedDescriptorBox {
    private let descriptor: OwnedDescriptor
    init(_ raw: CInt) { descriptor = OwnedDescriptor(owning: raw) }
}
