// The built program in the kernel lab, on plugins that a test writes.

import Glibc
import Interchange
import LinuxSystem
import RunModel
import Spawning
import SystemPackage
import Testing

@testable import Launching

/// Whether this is a machine of our own, whose packages and accounts a test may change.
let isKernelLab = hasControllers && fileExists("/run/kernel-lab")
let noKernelLab = "changes this machine's packages or accounts: run it in the kernel lab"

/// A directory with plugins, a policy and a state directory of their own.
struct Program {
    let top: String
    var state: String { "\(top)/state" }

    /// Of this package's sources.
    static let sources = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
    /// The programs are beside the test bundle, which is a program itself.
    static let binaries = realpath("/proc/self/exe", nil).map { path in
        defer { free(path) }
        return String(cString: path).split(separator: "/").dropLast().map { "/" + $0 }.joined()
    }

    init() throws {
        var template = Array("/run/program-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        top = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        chmod(top, 0o755)
        for name in ["plugins", "state"] { try makeDirectory("\(top)/\(name)", mode: 0o755) }
    }

    /// Adds a plugin of one step, `execute`.
    /// - Parameters:
    ///   - manifest: what its manifest has besides.
    ///   - script: for sh.
    func add(_ name: String, manifest: String = "", script: String) throws {
        try write(
            "plugins/\(name).toml",
            """
            name = "\(name)"
            executable = "\(name)"
            applicable_if = ["sh"]
            run_as = "user"
            estimate = false
            separate_download = false
            \(manifest)

            """)
        try write("plugins/\(name)", "#!/bin/sh\n\(script)\n")
        chmod("\(top)/plugins/\(name)", 0o755)
    }

    /// Makes a FIFO by which one plugin learns that another began or ended.
    func makeFIFO(_ name: String) throws -> String {
        guard mkfifo("\(top)/\(name)", 0o666) == 0 else { throw Errno(rawValue: errno) }
        return "\(top)/\(name)"
    }

    /// Starts `update-all run`.
    /// - Parameters:
    ///   - policy: its only policy, which begins in the table `[run]`.
    ///   - prefix: the program that starts it, with arguments.
    ///   - arguments: of it, besides.
    func start(policy: String = "", prefix: [String] = [], arguments: [String] = []) throws -> RunningProgram {
        try write("policy.toml", "enforcement = \"required\"\n[run]\nparallel = 4\n\(policy)\n")
        let binaries = try #require(Self.binaries)
        let command =
            prefix + [
                "\(binaries)/update-all", "run", "--yes", "--ui", "json", "--plugin-dir", "\(top)/plugins",
                "--state-dir", state, "--policy", "\(top)/policy.toml",
            ] + arguments
        return try RunningProgram(launchShell("exec \"$@\" 2>'\(top)/errors'", arguments: command), program: self)
    }

    func run(policy: String = "", prefix: [String] = []) throws -> FinishedProgram {
        try start(policy: policy, prefix: prefix).finish()
    }

    /// What `update-all COMMAND` says of its run in progress.
    func ask(_ command: String) throws -> String {
        let binaries = try #require(Self.binaries)
        return try shell("'\(binaries)/update-all' \(command) --state-dir '\(state)'")
    }

    /// What a command of the program prints, started by somebody without a session.
    static func command(_ arguments: String, as person: String) throws -> String {
        try shell("runuser -u \(person) -- \(#require(binaries))/update-all \(arguments) || true")
    }

    private func write(_ name: String, _ text: String) throws {
        let file = try openFile("\(top)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try writeAll(file.raw, Array(text.utf8))
    }

    /// Records an issue where runs have left something: groups below `base`, private directories, processes.
    /// - Parameter wasKilled: the private directory then is there until the next run.
    func expectNothingLeft(below base: String = updateAllSlice, wasKilled: Bool = false) throws {
        // The guardian ends when it sees that the program has.
        try waitForProcesses(limit: .seconds(2))
        let groups = (try? directoryEntries(base).filter { $0.hasPrefix("run-") || $0 == "supervisor" }) ?? []
        let directories = wasKilled ? [] : (try? directoryEntries("\(state)/tmp")) ?? []
        let left = try groups + directories + ownProcesses().map { "\($0.pid) \($0.command)" }
        #expect(left.isEmpty)
    }

    /// Waits until no process of ours is left, which an orphan's end tells, too.
    func waitForProcesses(limit: Duration) throws {
        let end = monotonicTime() + limit
        while let process = try ownProcesses().first, monotonicTime() < end {
            guard let pidfd = try? openProcess(process.pid) else { continue }
            _ = waitReadable(pidfd.raw, limit: end - monotonicTime())
        }
    }
}

/// Where a root without systemd has its runs' groups.
let updateAllSlice = "/sys/fs/cgroup/updateall.slice"

/// Processes of any run: those of steps, and the program and its companions. Not those that have ended.
func ownProcesses() throws -> [(pid: pid_t, command: String)] {
    try directoryEntries("/proc").compactMap { name in
        guard let pid = pid_t(name), let text = try? readText("/proc/\(name)/cmdline") else { return nil }
        let words = text.split(separator: "\0")
        guard let program = words.first else { return nil }
        let variables = (try? readText("/proc/\(name)/environ")) ?? ""
        let isOurs = program.hasSuffix("/update-all") || program.hasSuffix("/update-all-guardian")
        return isOurs || variables.contains("UPDATE_ALL_RUN_ID=") ? (pid, words.joined(separator: " ")) : nil
    }
}

/// Runs a shell script to its end.
/// - Returns: its output, with its errors.
@discardableResult
func shell(_ script: String) throws -> String {
    let process = try launchShell("exec 2>&1; \(script)", arguments: [])
    let text = output(of: process)
    while true {
        if let exit = try reapProcess(process.pidfd) {
            #expect(exit.cause == .code(0), "\(script): \(text)")
            return text
        }
        _ = waitReadable(process.pidfd, limit: nil)
    }
}

private func launchShell(_ script: String, arguments: [String]) throws -> LaunchedProcess {
    var environment = [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8",
    ]
    // Where the coverage of the program goes.
    if let profile = getenv("LLVM_PROFILE_FILE") { environment.append("LLVM_PROFILE_FILE=\(String(cString: profile))") }
    var request = LaunchRequest(
        executable: "/bin/sh", arguments: ["-c", script, "sh"] + arguments, environment: environment, directory: "/",
        leaf: nil)
    request.noNewPrivileges = false
    return try InProcessLauncher().launch(request)
}

/// `update-all run`, whose events are read as they come.
final class RunningProgram {
    private let process: LaunchedProcess
    private let stdout: OwnedDescriptor
    private let program: Program
    private var unread: [UInt8] = []
    private var events: [Event] = []

    init(_ process: LaunchedProcess, program: Program) throws {
        self.process = process
        self.program = program
        guard let stdout = process.takeStdout() else { throw Errno.badFileDescriptor }
        self.stdout = stdout
    }

    var pid: pid_t { process.pid }

    /// Those that have come so far.
    func starts(_ plugin: String) -> [PhaseStart] {
        FinishedProgram(events: events, cause: .code(0), errors: "").starts(plugin)
    }

    func send(_ signal: Int32) throws { try signalProcess(process.pidfd, signal) }

    /// Waits for an event; records an issue where the program ends, or 90 seconds pass, before that.
    func wait(for wanted: (Event) -> Bool) throws {
        let end = monotonicTime() + .seconds(90)
        var looked = 0
        while true {
            if events[looked...].contains(where: wanted) { return }
            looked = events.count
            guard try readMore(until: end) else {
                Issue.record("the event did not come: \(errors)")
                return
            }
        }
    }

    func finish() throws -> FinishedProgram {
        let end = monotonicTime() + .seconds(90)
        while try readMore(until: end) {}
        while true {
            if let exit = try reapProcess(process.pidfd) {
                return FinishedProgram(events: events, cause: exit.cause, errors: errors)
            }
            if !waitReadable(process.pidfd, limit: max(.zero, end - monotonicTime())) {
                Issue.record("the program did not end: \(errors)")
                try send(SIGKILL)
                _ = waitReadable(process.pidfd, limit: nil)
            }
        }
    }

    private var errors: String { (try? readText("\(program.top)/errors")) ?? "" }

    /// - Returns: `false` at the end of its output or of the time.
    private func readMore(until end: Duration) throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        guard waitReadable(stdout.raw, limit: max(.zero, end - monotonicTime())) else { return false }
        let count = read(stdout.raw, &buffer, buffer.count)
        if count <= 0 { return false }
        unread += buffer[..<count]
        while let newline = unread.firstIndex(of: UInt8(ascii: "\n")) {
            events.append(try decodeEvent(unread[..<newline]))
            unread.removeSubrange(...newline)
        }
        return true
    }
}

struct FinishedProgram {
    var events: [Event]
    var cause: Exit.Cause
    var errors: String

    func starts(_ plugin: String) -> [PhaseStart] {
        events.compactMap { event in
            if event.plugin?.rawValue == plugin, case .phaseStart(let start) = event.body { start } else { nil }
        }
    }

    /// The end of the plugin's last phase.
    func end(_ plugin: String) -> PhaseEnd? {
        events.reversed().lazy.compactMap { event in
            if event.plugin?.rawValue == plugin, case .phaseEnd(let end) = event.body { end } else { nil }
        }.first
    }

    /// The lines of its output and its errors.
    func lines(_ plugin: String) -> [String] { events.filter { $0.plugin?.rawValue == plugin }.flatMap(\.lines) }

    var result: UpdateResult? {
        events.lazy.compactMap { event in if case .result(let result) = event.body { result } else { nil } }.first
    }
}

extension Event {
    var lines: [String] {
        guard case .output(let output) = body else { return [] }
        return (0..<output.count).map { String(decoding: output.line($0), as: UTF8.self) }
    }
}
