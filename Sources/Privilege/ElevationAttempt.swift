// One call of sudo or its like, from its start to the helper's first answer.

import Glibc
import HelperProtocol
import LinuxSystem
import Streams
import SystemPackage
import UpdateModel

/// A helper on its way to being root.
public final class ElevationAttempt {
    private let run: RunID
    private var socket: OwnedDescriptor?
    /// Where sudo logs input it has our socket itself, and the helper a pipe: it connects to this one then.
    private var callback: CallbackListener?
    /// What the method says, where it is not to say it on the terminal.
    private let errors: OwnedDescriptor?
    private let process: pid_t
    /// Asks in its place.
    private let agent: TerminalAgent?
    /// Of the terminal, before anything turned its echo off.
    private let settings: TerminalSettings?

    /// Longer complaints are cut. Bytes.
    private static let complaintLimit = 4096

    init(
        _ command: [String], run: RunID, callback directory: String?, isSilent: Bool, agent: TerminalAgent? = nil
    ) throws(Errno) {
        self.run = run
        self.agent = agent
        callback = directory.flatMap { try? CallbackListener(in: $0) }
        let (ours, theirs) = try packetSocketPair()
        let socket = OwnedDescriptor(owning: ours)
        let handed = OwnedDescriptor(owning: theirs)
        // It is there when the helper looks, whenever that may be.
        guard let request = HelperRequest.begin(run, callback: callback?.address).encoded() else {
            throw .invalidArgument
        }
        try sendPacket(socket.raw, request)
        settings = isSilent ? nil : TerminalSettings.current
        if isSilent {
            let ends = try Pipe().ends()
            let written = OwnedDescriptor(owning: ends.write)
            errors = OwnedDescriptor(owning: ends.read)
            process = try spawn(command, input: handed.raw, output: written.raw, inEnglish: true)
        } else {
            errors = nil
            process = try spawn(command, input: handed.raw, output: 2, inEnglish: false)
        }
        self.socket = consume socket
    }

    /// One of them is readable when there is something to do for `advance`.
    public var descriptors: [CInt] {
        let own: [CInt] =
            switch socket {
            case .some(let socket): [socket.raw]
            case .none: []
            }
        return own + (callback.map { [$0.descriptor] } ?? [])
    }

    /// Takes what there is. To be called when one of `descriptors` is readable.
    /// - Returns: who runs as root now; `nil` where there is no answer yet.
    public func advance() throws(Elevation.Failure) -> HelperClient? {
        if let called = callback?.accept() {
            callback = nil
            guard let request = HelperRequest.begin(run).encoded() else { throw .denied("") }
            try? sendPacket(called.raw, request)
            socket = consume called
            return nil
        }
        guard let socket = socket.take() else { throw .denied("") }
        let packet: ReceivedPacket
        do {
            packet = try receivePacket(socket.raw, capacity: HelperReply.maximumSize)
        } catch {
            if error == .resourceTemporarilyUnavailable {
                self.socket = consume socket
                return nil
            }
            packet = .end
        }
        guard case .packet(let bytes, _) = packet else {
            var status: CInt = 0
            waitpid(process, &status, 0)
            settings?.restore()
            throw failure
        }
        switch HelperReply(bytes: bytes) {
        case .ready(let site): return HelperClient(HelperConnection(socket), site)
        case .refused(let reason): throw .denied(reason)
        case .failed(let attempt, let errno):
            throw .denied("update-all-helper could not \(attempt): \(Errno(rawValue: errno))")
        default: throw .denied("update-all-helper is of another build than update-all")
        }
    }

    /// Ends what asks, because the person does not want to answer, and waits until it has gone: two processes that
    /// read from a terminal share what is typed. Its echo is on again afterwards.
    public func breakOff() {
        // A helper that runs already ends with its socket.
        _ = socket.take()
        callback = nil
        defer { settings?.restore() }
        guard let handle = try? openProcess(process) else { return }
        // sudo sleeps on over a signal that comes between its prompt and its reading. A person may send it signals for
        // as long as it asks them.
        for number in [0] + Array(repeating: SIGINT, count: 20) + [SIGKILL] {
            kill(process, number)
            if hasEnded(handle, within: 100) { break }
        }
        waitpid(process, nil, WNOHANG)
    }

    /// - Parameter limit: milliseconds.
    private func hasEnded(_ process: borrowing OwnedDescriptor, within limit: CInt) -> Bool {
        var waiting = pollfd(fd: process.raw, events: Int16(POLLIN), revents: 0)
        return poll(&waiting, 1, limit) > 0
    }

    private var failure: Elevation.Failure {
        let raw: CInt? =
            switch errors {
            case .some(let errors): errors.raw
            case .none: nil
            }
        guard let raw else { return .denied("") }
        var buffer = [UInt8](repeating: 0, count: Self.complaintLimit)
        let count = buffer.withUnsafeMutableBytes { bytes in (try? readBytes(raw, into: bytes)) ?? 0 }
        let text = String(decoding: buffer.prefix(count), as: UTF8.self)
        // As sudo, doas and polkit say it in English, which they were told to speak.
        let asks = [
            "password is required", "Authentication required", "authentication required", "Authentication failed",
            "No authentication agent found",
        ]
        if asks.contains(where: { text.contains($0) }) { return .mustAsk }
        // pkexec's last line says only that it has told others.
        let line = text.split(separator: "\n").last { !$0.hasPrefix("This incident has been reported") }
        return .denied(line.map(String.init) ?? "")
    }
}

/// Starts a program in our own session and process group, which the terminal listens to, with nothing of ours but its
/// standard streams.
/// - Parameter output: its standard output and standard error.
func spawn(_ command: [String], input: CInt, output: CInt, inEnglish: Bool) throws(Errno) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
        posix_spawn_file_actions_destroy(&actions)
        posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_adddup2(&actions, input, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, output, 2)
    // Signals that we have blocked or ignore are the person's means to break it off.
    var (none, all) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var environment: [UnsafeMutablePointer<CChar>?] = []
    var next = environ
    while let entry = next.pointee {
        let isLanguage = strncmp(entry, "LC_", 3) == 0 || strncmp(entry, "LANG", 4) == 0
        // pkexec refuses everything to people whose shell /etc/shells does not name.
        let isShell = strncmp(entry, "SHELL=", 6) == 0
        if !(inEnglish && isLanguage || isShell) { environment.append(strdup(entry)) }
        next += 1
    }
    if inEnglish { environment.append(strdup("LC_ALL=C")) }
    var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
    defer { for pointer in arguments + environment { free(pointer) } }
    arguments.append(nil)
    environment.append(nil)
    var process: pid_t = 0
    let failure = posix_spawn(&process, command[0], &actions, &attributes, arguments, environment)
    if failure != 0 { throw Errno(rawValue: failure) }
    return process
}
