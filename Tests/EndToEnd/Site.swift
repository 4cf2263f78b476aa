// A machine's worth of plugins, policy and state in a directory of its own, and the program run on it.

import Glibc
import JSONDocument
import LinuxSystem
import Testing

/// Removed with all that is in it when the test ends.
final class Site {
    let path: String
    /// Part of names that are the whole machine's, such as mutexes.
    let name: String

    /// Where the programs were built: beside this test bundle.
    static let buildDirectory: String = {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let arguments = CommandLine.arguments + ["/proc/self/exe"]
        for candidate in arguments where candidate.hasPrefix("/") {
            let count = candidate == "/proc/self/exe" ? readlink(candidate, &buffer, buffer.count) : 0
            let file = count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : candidate
            let folder = file.split(separator: "/").dropLast().map { "/\($0)" }.joined()
            if access("\(folder)/update-all", X_OK) == 0 { return folder }
        }
        return ".build/debug"
    }()

    static var executable: String { "\(buildDirectory)/update-all" }

    init() throws {
        var template = Array("/tmp/update-all-e2e-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        name = String(path.suffix(6))
        chmod(path, 0o755)
        for directory in ["plugins", "state"] { mkdir("\(path)/\(directory)", 0o755) }
        try write("policy.toml", "description = \"of a test\"\n")
    }

    deinit { _ = try? shell("rm -rf '\(path)'") }

    @discardableResult
    func write(_ file: String, _ text: String, mode: mode_t = 0o644) throws -> String {
        let full = "\(path)/\(file)"
        let stream = try #require(fopen(full, "w"), "\(full) cannot be written")
        fputs(text, stream)
        fclose(stream)
        chmod(full, mode)
        return full
    }

    func read(_ file: String) throws -> [UInt8] {
        try Self.contents(of: file.hasPrefix("/") ? file : "\(path)/\(file)")
    }

    static func contents(of full: String) throws -> [UInt8] {
        let descriptor = open(full, O_RDONLY | O_CLOEXEC)
        try #require(descriptor >= 0, "\(full) cannot be read")
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while case let count = Glibc.read(descriptor, &buffer, buffer.count), count > 0 { bytes += buffer[..<count] }
        return bytes
    }

    /// A plugin of which the manifest tells everything; `update` is its shell script.
    /// - Parameters:
    ///   - manifest: further keys, which come before the tables.
    ///   - tables: tables of the manifest.
    func plugin(_ name: String, update: String = "", manifest: String = "", tables: String = "") throws {
        try script(name, update)
        try write(
            "plugins/\(name).toml",
            """
            name = "\(name)"
            executable = "\(name)"
            applicable_if = []
            run_as = "user"
            \(manifest.contains("estimate") ? "" : "estimate = false")
            \(manifest.contains("separate_download") ? "" : "separate_download = false")
            \(manifest)
            \(tables)

            """)
    }

    /// A plugin's executable alone.
    func script(_ name: String, _ body: String) throws {
        try write("plugins/\(name)", "#!/bin/sh\n\(body)\n", mode: 0o755)
    }

    /// The options of every command that reads plugins.
    var places: [String] {
        ["--plugin-dir", "\(path)/plugins", "--state-dir", "\(path)/state", "--policy", "\(path)/policy.toml"]
    }

    private static let directories = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// Starts a command that reads plugins.
    func start(
        _ command: String, _ arguments: String..., environment: [String: String] = [:],
        streams: Program.Streams = .pipes
    ) throws -> Program {
        try start([command] + arguments + places, environment: environment, streams: streams)
    }

    /// Starts it with nothing but these arguments.
    func start(
        _ arguments: [String], executable: String = Site.executable, environment: [String: String] = [:],
        streams: Program.Streams = .pipes
    ) throws -> Program {
        var all = ["PATH": Self.directories, "HOME": path, "TERM": "xterm-256color"]
        all.merge(environment) { $1 }
        return try Program(executable, arguments, environment: all, streams: streams)
    }

    /// Starts a command that reads plugins as a person without any rights, and without control groups.
    /// - Parameter user: where we are root; otherwise it is us.
    func startAsPerson(
        _ command: String, _ arguments: [String], user: uid_t = 65534, streams: Program.Streams = .pipes
    ) throws -> Program {
        if geteuid() != 0 { return try start([command] + arguments + places, streams: streams) }
        try shell("chown -R \(user) '\(path)/state'")
        // The build folder may be one that only root can enter.
        try shell("test -e '\(path)/update-all' || cp '\(Site.executable)' '\(Site.executable)-guardian' '\(path)/'")
        return try start(
            ["--reuid=\(user)", "--regid=65534", "--clear-groups", "\(path)/update-all", command] + arguments + places,
            executable: "/usr/bin/setpriv", streams: streams)
    }

    /// Runs a command that reads plugins to its end.
    func run(_ command: String, _ arguments: String..., environment: [String: String] = [:]) throws -> Ended {
        try start([command] + arguments + places, environment: environment).finish()
    }

    /// Runs what there is, and returns its events.
    func events(_ arguments: String..., code: Int32 = 0, at line: SourceLocation = #_sourceLocation) throws
        -> [JSONValue]
    {
        let ended = try start(["run", "--yes", "--ui", "json"] + arguments + places).finish()
        #expect(ended.code == code, "\(ended.errorText)\n\(ended.text)", sourceLocation: line)
        return try ended.events
    }

    /// The newest run's directory.
    var runDirectory: String {
        get throws { try shell("ls -d '\(path)'/state/runs/* | tail -1").trimmed }
    }

    /// A named pipe, by which a plugin's script and the test tell each other how far they are.
    func signpost(_ name: String) throws -> Signpost { try Signpost("\(path)/\(name)") }
}

/// A named pipe: the test holds both ends, so that a script never waits to open it.
final class Signpost {
    let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        try #require(mkfifo(path, 0o666) == 0)
        chmod(path, 0o666)
        descriptor = open(path, O_RDWR | O_CLOEXEC)
        try #require(descriptor >= 0)
    }

    deinit { close(descriptor) }

    /// For a script: says a line here.
    func say(_ line: String) -> String { "echo \"\(line)\" > \(path)" }

    /// For a script: waits here until the test lets it go on.
    var stop: String { "read -r line < \(path)" }

    /// Lets one script go on.
    func letGo() throws { try #require(write(descriptor, "\n", 1) == 1) }

    /// The next line that a script says.
    func next(limit: Double = 20) throws -> String {
        let deadline = monotonicSeconds() + limit
        var line: [UInt8] = []
        while line.last != 0x0A {
            var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let left = max(0, deadline - monotonicSeconds())
            try #require(poll(&ready, 1, Int32(left * 1000)) == 1, "nobody said anything at \(path)")
            var byte: UInt8 = 0
            try #require(Glibc.read(descriptor, &byte, 1) == 1)
            line.append(byte)
        }
        return String(decoding: line.dropLast(), as: UTF8.self)
    }
}

/// Waits for the end of a process that need not be ours.
/// - Returns: whether it has ended in time.
func hasEnded(_ pid: pid_t, within limit: Double) -> Bool {
    guard let process = try? openProcess(pid) else { return true }
    var ready = pollfd(fd: process.raw, events: Int16(POLLIN), revents: 0)
    return poll(&ready, 1, Int32(limit * 1000)) == 1
}

/// What a shell command prints.
@discardableResult
func shell(_ command: String) throws -> String {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return try Program("/bin/sh", ["-c", command], environment: ["PATH": path]).finish().text
}

extension String {
    var trimmed: String { String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed()) }
}

/// The directory that has this package.
let checkout = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
