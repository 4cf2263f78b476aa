import Glibc
import LinuxSystem
import Testing
import UpdateModel

/// Tests/Hostile/plugin and attempt.c, run as a person's step and as root's, beside three steps that are to be harmed: bob's,
/// another one of root's, and another one of the same person's. docs/security.md says of each what is promised.
@Suite("A hostile plugin", .serialized, .enabled(if: isKernelLab, "\(noKernelLab)"))
struct HostileTests {
    /// What came of an attempt: by a person's step, and by root's.
    private static let expected: [(attempt: String, person: String, root: String)] = [
        // Privileges.
        ("raise-capabilities", "EPERM", "EPERM"), ("raise-ambient", "EPERM", "EPERM"),
        ("allow-new-privileges", "EINVAL", "EINVAL"), ("become-root", "EPERM", "done"),
        ("become-bob", "EPERM", "done"), ("set-groups", "EPERM", "done"), ("set-user-id", "4100", "0"),
        ("mount", "EPERM", "EPERM"), ("load-module", "EPERM", "EPERM"), ("reboot", "EPERM", "EPERM"),
        ("set-clock", "EPERM", "EPERM"), ("set-hostname", "EPERM", "EPERM"), ("raise-priority", "EACCES", "EACCES"),
        ("raise-limit", "EPERM", "EPERM"), ("terminal", "ENXIO", "ENXIO"),
        // Others' processes.
        ("supervisor-signal", "EPERM", "done"), ("supervisor-trace", "EPERM", "EPERM"),
        ("supervisor-descriptor", "EPERM", "EPERM"), ("supervisor-environment", "EACCES", "EACCES"),
        ("guardian-signal", "EPERM", "done"), ("guardian-trace", "EPERM", "EPERM"),
        ("guardian-descriptor", "EPERM", "EPERM"), ("guardian-environment", "EACCES", "EACCES"),
        ("bob-signal", "EPERM", "done"), ("bob-trace", "EPERM", "EPERM"), ("bob-descriptor", "EPERM", "EPERM"),
        ("bob-environment", "EACCES", "EACCES"),
        ("rooted-signal", "EPERM", "done"), ("rooted-trace", "EPERM", "done"), ("rooted-descriptor", "EPERM", "done"),
        ("rooted-environment", "EACCES", "done"),
        // The same account: no wall of the kernel's is there.
        ("sibling-signal", "done", "done"), ("sibling-trace", "done", "EPERM"), ("sibling-descriptor", "done", "EPERM"),
        ("sibling-environment", "done", "EACCES"),
        // Control groups.
        ("own-limit", "EACCES", "done"), ("run-limit", "EACCES", "done"), ("freeze-bob", "EACCES", "done"),
        ("leave", "EACCES", "done"),
        // Files.
        ("bob-secret", "EACCES", "done"), ("bob-log", "EACCES", "done"), ("journal", "EACCES", "done"),
        ("own-plugin", "EACCES", "done"), ("roots-file", "EPERM", "done"), ("control-socket", "EACCES", "done"),
        // What there is only so much of. A disk's space is not limited.
        ("fork-on", "EAGAIN", "EAGAIN"), ("open-on", "EMFILE", "EMFILE"), ("disk", "done", "done"),
        ("outlive", "done", "done"),
    ]

    private func prepare(as account: String) throws -> Program {
        try shell(
            """
            id alice >/dev/null 2>&1 || useradd -u 4100 -m alice
            id bob >/dev/null 2>&1 || useradd -u 4101 -m bob
            """)
        let program = try Program()
        let top = program.top
        try shell(
            """
            cc -Wall -Wextra -Werror -o \(top)/attempt '\(Program.sources)/Tests/Hostile/attempt.c'
            cp /usr/bin/id \(top)/set-user-id && chmod 4755 \(top)/set-user-id
            mkdir -m 1777 \(top)/said && : >\(top)/said/roots
            """)
        for (name, account) in [("bob", "bob"), ("rooted", "root"), ("sibling", "alice")] {
            let (ready, release) = (try program.makeFIFO("\(name).ready"), try program.makeFIFO("\(name).release"))
            for path in [ready, release] { chmod(path, 0o666) }
            try program.add(
                name,
                script: """
                    echo $$ >\(top)/said/\(name).pid
                    echo "$TMPDIR" >\(top)/said/\(name).directory
                    echo secret >"$TMPDIR/secret"
                    echo listening
                    : >\(ready)
                    cat \(release)
                    """)
            try run(name, as: account, in: program)
        }
        try program.add("hostile", script: "")
        try run("hostile", as: account, in: program)
        try shell(
            "sed 's|^top=TOP|top=\(top)|; s|BOB|4101|' '\(Program.sources)/Tests/Hostile/plugin' >\(top)/plugins/hostile"
        )
        return program
    }

    private func run(_ plugin: String, as account: String, in program: Program) throws {
        try shell("sed -i 's/^run_as.*/run_as = \"\(account)\"/' \(program.top)/plugins/\(plugin).toml")
    }

    @Test(
        "gets what its account may have and nothing else; what root may do by design is in docs/security.md",
        arguments: ["alice", "root"])
    func attempts(account: String) throws {
        let program = try prepare(as: account)
        let run = try program.run(policy: "[step]\ntasks_max = 64")
        #expect(run.cause == .code(0), "\(run.errors)")
        let lines = run.lines("hostile").map { $0.split(separator: " ").map(String.init) }
        for (attempt, person, root) in Self.expected {
            let outcome = lines.first { $0.first == attempt }.map { $0.dropFirst().joined(separator: " ") }
            #expect(outcome == (account == "root" ? root : person), "\(attempt)")
        }
        let survivor = try #require(lines.first { $0.first == "survivor" }.flatMap { pid_t($0[1]) })
        #expect(kill(survivor, 0) == -1 && errno == ESRCH, "it has outlived its step")
        expectNoForgery(run)
        try program.expectNothingLeft()
    }

    /// What it said of bob and of the run was its own output, or its own progress.
    private func expectNoForgery(_ run: FinishedProgram) {
        var (ends, victims) = (0, 0)
        for event in run.events {
            switch event.body {
            case .runEnd(let end):
                ends += 1
                #expect(end.success)
            case .completion(let completion):
                #expect(completion.outcome == .succeeded && completion.error == nil)
                if event.plugin?.rawValue == "bob" { victims += 1 }
            case .progress: #expect(event.plugin?.rawValue == "hostile")
            default: break
            }
        }
        #expect(ends == 1 && victims == 1)
    }

    @Test(
        "sends no control character to a terminal, a file or a pipe that shows the run", arguments: ["plain", "quiet"])
    func terminalSequences(display: String) throws {
        let program = try Program()
        try program.add(
            "loud",
            script: #"""
                printf 'title \033]0;owned\007 colour \033[31m clear \033[2J bell \007 C1 \302\23331m \233\n'
                printf 'PROGRESS:{"percent":50,"message":"m \\u001b]0;owned\\u0007\\u009b31m"}\n' >&2
                printf 'PROGRESS:{"type":"result","packages":[{"name":"p\\u001b[31m","from":"1\\u0007","to":"2"}]}\n' >&2
                printf 'error \033]0;owned\007\n' >&2
                exit 1
                """#)
        let binaries = try #require(Program.binaries)
        let text = try shell(
            """
            '\(binaries)/update-all' run --yes --ui \(display) --plugin-dir \(program.top)/plugins \
                --state-dir \(program.state) || true
            """)
        #expect(text.contains("loud"))
        let controls = text.unicodeScalars.filter { $0.properties.generalCategory == .control && $0 != "\n" }
        #expect(controls.isEmpty, "\(controls.map { String($0.value, radix: 16) }) in \(text)")
    }

    @Test("that floods its output is slowed to what the log takes, and update-all stays small")
    func flood() throws {
        let program = try Program()
        try program.add("flood", script: "head -c 32M /dev/zero | tr '\\0' x; echo")
        let running = try program.start(policy: "[log]\nstep_bytes = \"1M\"")
        var peak = 0
        try running.wait { event in
            let status = (try? readText("/proc/\(running.pid)/status")) ?? ""
            for line in status.split(separator: "\n") where line.hasPrefix("VmHWM:") {
                peak = max(peak, Int(line.split(separator: " ").dropLast().last ?? "") ?? 0)
            }
            if case .phaseEnd = event.body { return true }
            return false
        }
        #expect(try running.finish().cause == .code(0))
        #expect(peak > 0 && peak < 200 << 10, "\(peak) KiB")
        let run = try #require(try directoryEntries("\(program.state)/runs").first)
        let log = try status("\(program.state)/runs/\(run)/flood.execute.log")
        #expect(log.st_size <= (1 << 20) + 4096)
    }
}
