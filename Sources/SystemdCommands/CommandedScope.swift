// A run's scope by systemd's own programs, for a process that is to link no D-Bus: docs/decisions/0024.

import Cgroups
import Glibc
import LinuxSystem
import Spawning
import UpdateModel

/// A running scope of the system's, of which nobody is asked before systemd stops it. It sends SIGCONT to all its processes
/// then, which changes nothing for a commit, and waits for the last of them.
public struct CommandedScope: RunScope {
    private let units: RunUnits

    public var unit: String { units.scope }
    public var person: uid_t? { nil }

    /// As systemd-run(1) and systemctl(1) understand them; docs/decisions/0015 has the reasons. Those of systemd 236 and older,
    /// since one that is not known makes it refuse all.
    static let properties = [
        "Delegate=yes", "After=\((RunUnits.needed + RunUnits.neededSystemwide).joined(separator: " "))",
        "CPUAccounting=yes", "MemoryAccounting=yes", "TasksAccounting=yes", "IOAccounting=yes", "TasksMax=infinity",
        "TimeoutStopSec=infinity", "KillSignal=SIGCONT", "SendSIGKILL=no",
    ]

    /// systemd under load, or at boot, takes its time.
    private static let limit = Duration.seconds(30)

    /// Has systemd make the scope, and moves this process there.
    public static func start(_ run: RunID) throws(SystemdError) -> any RunScope {
        let units = RunUnits(run)
        try begin(units.scope, units.scopeDescription, properties, with: [getpid()])
        return CommandedScope(units: units)
    }

    public func setSliceWeights(cpu: UInt64?, io: UInt64?) throws(SystemdError) {
        let (cpu, io) = (cpu.map { $0 == 0 ? "idle" : "\($0)" } ?? "", io.map { "\($0)" } ?? "")
        let arguments = ["set-property", "--runtime", RunUnits.slice, "CPUWeight=\(cpu)", "IOWeight=\(io)"]
        try Self.call("systemctl", arguments, to: "set the weights of \(RunUnits.slice)")
    }

    public func moveOut(_ processes: [pid_t]) throws(SystemdError) {
        try Self.begin(units.leftovers, units.leftoversDescription, [], with: processes)
    }

    /// systemd-run waits until the scope is there, and becomes `cat` in it then. That shows by giving back what it reads, and
    /// holds the scope, in which nothing else is, until others are there.
    private static func begin(
        _ unit: String, _ description: String, _ properties: [String], with processes: [pid_t]
    ) throws(SystemdError) {
        let arguments =
            [
                "--scope", "--quiet", "--collect", "--unit=\(unit)", "--slice=\(RunUnits.slice)",
                "--description=\(description)",
            ] + properties.map { "--property=\($0)" } + ["--", "cat"]
        try call("systemd-run", arguments, to: "start \(unit)") { call in
            if call.echoes("") { try move(processes, toGroupOf: call.process) }
        }
    }

    /// Calls a program of systemd's, which has something to read until `body` returns.
    private static func call(
        _ name: String, _ arguments: [String], to attempt: String, _ body: (ToolCall) throws -> Void = { _ in }
    ) throws(SystemdError) {
        guard let program = ToolCall.path(of: name) else {
            throw SystemdError(
                attempt: attempt, reason: "there is no \(name) in \(ToolCall.searchPath)",
                advice: "install it (the package systemd)")
        }
        let ended: (isDone: Bool, said: [String])
        do {
            let call = try ToolCall(program, arguments, limit: limit)
            let result = Result { try body(call) }
            ended = try call.finish()
            try result.get()
        } catch {
            throw SystemdError(attempt: attempt, reason: "\(error)")
        }
        if ended.isDone { return }
        let words = ended.said.joined(separator: " ")
        throw SystemdError(attempt: attempt, reason: words.isEmpty ? "\(program) did not end within \(limit)" : words)
    }
}
