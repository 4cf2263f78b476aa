import Glibc
import LinuxSystem
import Testing
import UpdateModel

@testable import Cgroups

/// Whether systemd is this machine's first process, and the machine is ours.
let isSystemdLab = fileExists("/run/kernel-lab") && fileExists("/run/systemd/system") && geteuid() == 0
let noSystemdLab = "needs systemd as the first process of a machine of its own: run it in contrib/lab/systemd-lab"

/// One after the other, since each looks at all scopes and processes.
@Suite("Where systemd runs", .serialized, .enabled(if: isSystemdLab, "\(noSystemdLab)"))
struct SystemdTests {}

/// A run that systemd holds: two steps, one of them a commit that notes the signals it gets and ends when it is let.
struct SystemdRun {
    let program: Program
    private let gate: String

    init() throws {
        program = try Program()
        gate = try program.makeFIFO("gate")
        let signals = ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "CONT", "WINCH"]
        try program.add(
            "commit", manifest: "protected_phases = [\"execute\"]",
            // A builtin that waits is interrupted by a trapped signal, which `read` then is called again after.
            script: """
                for signal in \(signals.joined(separator: " ")); do trap "echo got $signal" $signal; done
                echo begun
                until read -r word <\(gate); do :; done
                echo ended
                """)
        try program.add("stays", script: "echo begun; sleep 1000")
    }

    /// Starts it, and returns when both steps have begun.
    func start(policy: String = "", prefix: [String] = []) throws -> RunningProgram {
        let running = try program.start(policy: policy, prefix: prefix)
        for plugin in ["commit", "stays"] {
            try running.wait { $0.plugin?.rawValue == plugin && $0.lines == ["begun"] }
        }
        return running
    }

    func letCommitEnd() throws { try shell("echo now >\(gate)") }

    /// Gives all of it to a person.
    func give(to person: String) throws { try shell("chown -R \(person) \(program.top)") }
}

/// The scopes of runs that the system's manager knows, or that of the user.
func scopes(of user: String? = nil) throws -> [String] {
    try shell("systemctl \(manager(of: user)) list-units --all --plain --no-legend 'update-all-*' | cut -d' ' -f1")
        .split(separator: "\n").map(String.init)
}

private func manager(of user: String?) -> String { user.map { "--user --machine=\($0)@.host" } ?? "" }

func properties(_ unit: String, _ names: String, of user: String? = nil) throws -> [String: String] {
    let lines = try shell("systemctl \(manager(of: user)) show \(unit) -p \(names)").split(separator: "\n")
    return Dictionary(
        lines.compactMap { line in
            line.firstIndex(of: "=").map { (String(line[..<$0]), String(line[line.index(after: $0)...])) }
        }, uniquingKeysWith: { first, _ in first })
}

/// Starts stopping a unit, and returns when systemd has begun to.
func beginStopping(_ unit: String) throws {
    try shell("systemctl stop --no-block \(unit)")
    try shell("timeout 60 sh -c 'until systemctl is-active \(unit) | grep -q deactivating; do sleep 0.2; done'")
}

/// Waits until systemd has forgotten a unit that it does not need.
func waitUntilGone(_ unit: String) throws {
    try shell("timeout 60 sh -c 'while systemctl status \(unit) >/dev/null 2>&1; do sleep 0.2; done'")
}

extension SystemdTests {
    @Suite("A run of root where systemd runs")
    struct SystemdScopeTests {
        @Test(
            "It lives in a scope of its own in updateall.slice, with every limit in force, and the scope goes with it")
        func scope() throws {
            let run = try SystemdRun()
            let running = try run.start(
                policy: "memory_max = \"200M\"\ntasks_max = 100\ncpu_quota = \"90%\"\ncpu_weight = 20")
            let unit = try #require(try scopes().first)
            #expect(try readText("/proc/\(running.pid)/cgroup") == "0::/updateall.slice/\(unit)/supervisor")
            let shown = try properties(
                unit, "Slice,Delegate,Description,TasksMax,KillSignal,TimeoutStopUSec,SendSIGKILL")
            #expect(shown["Slice"] == "updateall.slice")
            #expect(shown["Delegate"] == "yes")
            #expect(shown["Description"]?.hasPrefix("Updates by update-all, run ") == true)
            #expect(shown["TasksMax"] == "infinity")
            #expect(try properties("updateall.slice", "CPUWeight")["CPUWeight"] == "20")
            #expect(try readText("/sys/fs/cgroup/updateall.slice/cpu.weight") == "20")
            // What a person sees of it.
            let tree = try shell("systemd-cgls --no-pager /updateall.slice")
            for name in [unit, "supervisor", "steps", "stays.execute", "protected", "commit.execute"] {
                #expect(tree.contains(name), "\(tree)")
            }
            #expect(try shell("systemctl status --no-pager \(unit)").contains("stays.execute"))
            #expect(try shell("systemd-cgtop -b -n 1 --depth=6").contains("\(unit)/run-"))
            // systemd's own files are as it left them.
            let group = "/sys/fs/cgroup/updateall.slice/\(unit)"
            #expect(try readText("\(group)/cpu.max").hasPrefix("max"))
            #expect(try readText("\(group)/memory.max") == "max")
            #expect(try readText("\(group)/pids.max") == "max")
            let inner = try #require(try directoryEntries(group).first { $0.hasPrefix("run-") })
            #expect(try readText("\(group)/\(inner)/cpu.max") == "90000 100000")
            #expect(try readText("\(group)/\(inner)/steps/memory.max") == "209715200")
            #expect(try readText("\(group)/\(inner)/protected/memory.max") == "max")
            try shell("systemctl daemon-reload")
            #expect(try readText("\(group)/\(inner)/cpu.max") == "90000 100000")

            try run.letCommitEnd()
            try running.send(SIGTERM)
            let finished = try running.finish()
            #expect(finished.starts("stays").first?.cgroup == "/updateall.slice/\(unit)/\(inner)/steps/stays.execute")
            try waitUntilGone(unit)
            #expect(try scopes().isEmpty)
            #expect(!fileExists(group))
            try run.program.expectNothingLeft(below: "/sys/fs/cgroup/updateall.slice")
        }

        @Test("systemctl stop cancels it: the commit gets no signal and is waited for")
        func stop() throws {
            let run = try SystemdRun()
            let running = try run.start()
            let unit = try #require(try scopes().first)
            try beginStopping(unit)
            try running.wait { event in
                if event.plugin?.rawValue == "stays", case .phaseEnd = event.body { true } else { false }
            }
            #expect(try shell("systemctl is-active \(unit) || true") == "deactivating\n")
            try run.letCommitEnd()
            let finished = try running.finish()
            #expect(finished.cause == .code(128 + SIGTERM), "\(finished.errors)")
            #expect(finished.lines("commit") == ["begun", "ended"])
            #expect(finished.end("commit")?.outcome == .succeeded)
            #expect(finished.end("stays")?.outcome == .cancelled)
            try waitUntilGone(unit)
            try run.program.expectNothingLeft(below: "/sys/fs/cgroup/updateall.slice")
        }

        @Test("After kill -9 the guardian ends the steps in the scope, a stop waits for the commit, and the scope goes")
        func killed() throws {
            let run = try SystemdRun()
            let running = try run.start()
            let unit = try #require(try scopes().first)
            try running.send(SIGKILL)
            #expect(try running.finish().cause == .signal(SIGKILL))
            try beginStopping(unit)
            let commands = try ownProcesses().map(\.command)
            #expect(commands.contains { $0.contains("commit") }, "\(commands)")
            #expect(!commands.contains { $0.contains("sleep") }, "\(commands)")
            #expect(try shell("systemctl is-active \(unit) || true") == "deactivating\n")
            try run.letCommitEnd()
            try waitUntilGone(unit)
            try run.program.expectNothingLeft(below: "/sys/fs/cgroup/updateall.slice", wasKilled: true)
            let log = try shell("cat \(run.program.state)/runs/*/commit.execute.log")
            #expect(log == "begun\nended\n")
        }

        @Test("In a scope that was delegated to it alone it asks for none")
        func delegated() throws {
            let run = try SystemdRun()
            let running = try run.start(prefix: [
                "systemd-run", "--quiet", "--scope", "--unit=given", "--property=Delegate=yes", "--",
            ])
            #expect(try scopes().isEmpty)
            try run.letCommitEnd()
            try running.send(SIGTERM)
            let finished = try running.finish()
            #expect(
                finished.starts("stays").first?.cgroup.map { $0.hasPrefix("/system.slice/given.scope/run-") } == true)
            try waitUntilGone("given.scope")
        }

        @Test("What the policy keeps is in a scope of its own after the run, which systemd stops like any other")
        func leftovers() throws {
            let program = try Program()
            try program.add("daemon", script: "setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!")
            let finished = try program.run(policy: "[step]\nleftovers = \"keep\"")
            #expect(finished.cause == .code(0), "\(finished.errors)")
            // That of the run goes as soon as systemd notices.
            let unit = try #require(try scopes().first { $0.hasSuffix("-left.scope") })
            let daemon = finished.lines("daemon").first ?? ""
            #expect(try readText("/proc/\(daemon)/cgroup") == "0::/updateall.slice/\(unit)")
            try shell("systemctl stop \(unit)")
            #expect(!fileExists("/proc/\(daemon)"))
            try program.expectNothingLeft(below: "/sys/fs/cgroup/updateall.slice")
        }

        @Test("What runs and guardians that were killed together have left is swept by the next run")
        func swept() throws {
            let run = try SystemdRun()
            let running = try run.start()
            let unit = try #require(try scopes().first)
            try run.letCommitEnd()
            try running.wait { event in
                if event.plugin?.rawValue == "commit", case .phaseEnd = event.body { true } else { false }
            }
            for process in try ownProcesses() where process.command.hasSuffix("/update-all-guardian") {
                kill(process.pid, SIGKILL)
            }
            try running.send(SIGKILL)
            _ = try running.finish()
            // A guardian that was started anew in between does the same.
            let next = try Program()
            try next.add("next", script: "true")
            #expect(try next.run().cause == .code(0))
            try waitUntilGone(unit)
            #expect(try scopes().isEmpty)
        }
    }
}
