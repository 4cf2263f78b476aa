// Starting the helper as root: once, on the person's own terminal, before anything is drawn on it.

import Glibc
import HelperProtocol
import LinuxSystem
import PluginManifests
import RunModel
import SystemPackage
import UpdateModel

/// How this machine lets a person become root, and what is started then.
public struct Elevation: Sendable, Hashable {
    public let method: ElevationMethod
    /// Of the method.
    public let program: String
    /// The path of `update-all-helper`.
    public let helper: String

    public init(method: ElevationMethod, program: String, helper: String) {
        self.method = method
        self.program = program
        self.helper = helper
    }

    /// The way that this machine has; `nil` where it has none, or the helper is not there.
    /// - Parameter choice: what the configuration says; `nil`: the first that is here.
    public static func available(_ choice: ElevationMethod?, helper: String?) -> Elevation? {
        guard let helper, let method = choice ?? ElevationMethod.available, let program = method.program else {
            return nil
        }
        return Elevation(method: method, program: program, helper: helper)
    }

    /// Where plugins are that the helper runs as root.
    public var pluginDirectories: [String] {
        // PREFIX/libexec/update-all/update-all-helper
        let prefix = "/" + helper.split(separator: "/").dropLast(3).joined(separator: "/")
        return pluginPlaces(share: "\(prefix)/share/update-all", configurationHome: nil, pluginPath: nil, only: [])
    }

    /// What was not to be had without somebody who answers, or at all.
    public enum Failure: Error, Hashable {
        /// It would have to ask.
        case mustAsk
        /// What it said, its last line; empty where it has said it on the terminal itself.
        case denied(String)
    }

    /// Begins without asking anybody; `nil` where the method cannot be kept from asking.
    public func beginSilently(_ run: RunID) throws(Errno) -> ElevationAttempt? {
        try method.silentCommand(program, helper: helper).map { command throws(Errno) in
            try ElevationAttempt(command, run: run, isSilent: true)
        }
    }

    /// Begins by asking on the terminal, of which this process must be in the foreground.
    /// - Parameter purpose: what it is for, as the prompt says it; without a percent sign.
    public func beginAsking(_ run: RunID, purpose: String) throws(Errno) -> ElevationAttempt {
        let command = method.askingCommand(program, helper: helper, prompt: purpose)
        return try ElevationAttempt(command, run: run, isSilent: false)
    }
}

/// A helper on its way to being root.
public final class ElevationAttempt {
    private var socket: OwnedDescriptor?
    /// What the method says, where it is not to say it on the terminal.
    private let errors: OwnedDescriptor?
    private let process: pid_t

    /// Longer complaints are cut. Bytes.
    private static let complaintLimit = 4096

    fileprivate init(_ command: [String], run: RunID, isSilent: Bool) throws(Errno) {
        let (ours, theirs) = try packetSocketPair()
        let socket = OwnedDescriptor(owning: ours)
        let handed = OwnedDescriptor(owning: theirs)
        // It is there when the helper looks, whenever that may be.
        guard let request = HelperRequest.begin(run).encoded() else { throw .invalidArgument }
        try sendPacket(socket.raw, request)
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

    /// Readable when there is an answer, or will be none.
    public var descriptor: CInt {
        switch socket {
        case .some(let socket): socket.raw
        case .none: -1
        }
    }

    /// Who runs as root now. To be called when `descriptor` is readable.
    public func finish() throws(Elevation.Failure) -> HelperClient {
        guard let socket = socket.take() else { throw .denied("") }
        let packet = try? receivePacket(socket.raw, capacity: HelperReply.maximumSize)
        guard case .packet(let bytes, _) = packet else {
            var status: CInt = 0
            waitpid(process, &status, 0)
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
        ]
        if asks.contains(where: { text.contains($0) }) { return .mustAsk }
        return .denied(text.split(separator: "\n").last.map(String.init) ?? "")
    }
}

/// Starts a program in our own session and process group, which the terminal listens to, with nothing of ours but its
/// standard streams.
/// - Parameter output: its standard output and standard error.
private func spawn(_ command: [String], input: CInt, output: CInt, inEnglish: Bool) throws(Errno) -> pid_t {
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
        if !(inEnglish && isLanguage) { environment.append(strdup(entry)) }
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
