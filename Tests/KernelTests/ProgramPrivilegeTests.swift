// A person's run with steps for root, through sudo on a terminal of their own.

import Cgroups
import Glibc
import LinuxSystem
import PseudoTerminals
import Spawning
import SystemPackage
import Testing
import UpdateModel

@testable import Launching

/// The installed program, a person with a password, and a plugin each for root and for them.
struct Installation {
    static let person = "pat"
    static let password = "correct horse"
    /// Read before what the program itself installs there.
    private static let sudoers = "/etc/sudoers.d/test"

    /// - Parameter rules: of sudoers, besides that they may do anything once they have given their password.
    init(rules: String = "") throws {
        let binaries = try #require(Program.binaries)
        try shell(
            """
            id -u \(Self.person) >/dev/null 2>&1 || {
                useradd --create-home --shell /bin/sh \(Self.person)
                printf '%s' '\(Self.person):\(Self.password)' | chpasswd
            }
            install -d /usr/local/libexec/update-all /usr/local/share/update-all /etc/update-all/plugins.d
            install '\(binaries)/update-all' /usr/local/bin/
            install '\(binaries)/update-all-guardian' '\(binaries)/update-all-helper' /usr/local/libexec/update-all/
            install -D '\(binaries)/update-all-sudo' /usr/local/libexec/update-all/shim/sudo
            cp -r '\(Program.sources)/policies' '\(Program.sources)/contrib/sudoers/root-programs.toml' \
                /usr/local/share/update-all/
            rm -rf ~\(Self.person)/.local ~\(Self.person)/.config /etc/update-all/policy.toml
            rm -f /etc/update-all/plugins.d/* /var/log/update-all/audit.log
            printf '%s\\n' '\(Self.person) ALL=(ALL:ALL) ALL' '\(rules)' \
                    'Defaults env_keep += "LLVM_PROFILE_FILE"' >\(Self.sudoers)
            chmod 440 \(Self.sudoers) && visudo -cq && rm -rf /run/sudo/ts
            """)
        try add("roots", runAs: "root", script: "cat /proc/self/cgroup /proc/self/status; id -u; echo TMPDIR=$TMPDIR")
        try add("mine", runAs: "user", script: "cat /proc/self/cgroup; id -un")
    }

    func add(_ name: String, runAs: String, manifest: String = "", script: String) throws {
        let place = "/etc/update-all/plugins.d/\(name)"
        let text = """
            name = "\(name)"
            applicable_if = ["sh"]
            run_as = "\(runAs)"
            estimate = false
            separate_download = false
            \(manifest)

            """
        for (path, content) in [("\(place).toml", text), (place, "#!/bin/sh\n\(script)\n")] {
            let file = try openFile(path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o755)
            try writeAll(file.raw, Array(content.utf8))
        }
    }

    /// Has the person's configuration say by what they become root; `nil`: it says nothing.
    func choose(_ method: String?) throws {
        try shell(
            """
            install -d -o \(Self.person) ~\(Self.person)/.config ~\(Self.person)/.config/update-all
            printf '%s\\n' '\(method.map { "elevate = \"\($0)\"" } ?? "")' >~\(Self.person)/.config/update-all/config.toml
            """)
    }

    private static let command = "/usr/local/bin/update-all run --yes --ui plain"

    /// Runs the program as the person.
    /// - Parameters:
    ///   - times: how often, in the same shell.
    ///   - answers: what they type, one whenever something asks for their password.
    ///   - prompt: what is asked then contains.
    ///   - hasTerminal: whether they have one.
    ///   - environment: besides.
    ///   - mark: what a step prints when it has begun.
    ///   - whenBegun: called with the program's process id then.
    func run(
        _ arguments: String = "", times: Int = 1, answers: [String] = [], prompt: String = "password of \(person)",
        hasTerminal: Bool = true, environment: [String] = [], mark: String = "begun",
        whenBegun: ((pid_t) throws -> Void)? = nil
    ) throws -> (
        code: Int32, text: String, hasEcho: Bool
    ) {
        let account = try #require(try Account.named(Self.person))
        let before = String(repeating: "\(Self.command) \(arguments) && ", count: times - 1)
        var request = LaunchRequest(
            executable: "/bin/sh",
            arguments: ["-c", "exec 2>&1; \(before)exec \(Self.command) \(arguments)"],
            environment: [
                "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=\(account.home)", "USER=\(account.name)", "LC_ALL=C.UTF-8",
            ] + environment, directory: account.home, leaf: nil)
        if let profile = getenv("LLVM_PROFILE_FILE").map({ String(cString: $0) }) {
            try shell("chmod 1777 '\(profile.split(separator: "/").dropLast().map { "/" + $0 }.joined())'")
            request.environment.append("LLVM_PROFILE_FILE=\(profile)")
        }
        request.identity = Identity(account)
        request.noNewPrivileges = false
        let streams: StandardStreams =
            hasTerminal ? .terminal(TerminalSize(rows: 24, columns: 200), controlling: true) : .pipes
        let process = try InProcessLauncher().launch(request, streams: streams)
        guard let stream = process.takeStdout() else { throw Errno.badFileDescriptor }
        var (text, answers, whenBegun) = ("", answers, whenBegun)
        var unread = ""
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while waitReadable(stream.raw, limit: .seconds(90)) {
            let count = read(stream.raw, &buffer, buffer.count)
            if count <= 0 { break }
            let piece = String(decoding: buffer[..<count], as: UTF8.self)
            text += piece
            unread += piece
            if text.contains(mark), let call = whenBegun {
                whenBegun = nil
                try call(process.pid)
            }
            if unread.contains(prompt), unread.hasSuffix(": "), !answers.isEmpty {
                unread = ""
                // polkit's agent forgets what was typed before it turned the echo off, which no event tells.
                let end = monotonicTime() + .seconds(20)
                while hasEcho(stream.raw), monotonicTime() < end { usleep(10_000) }
                try writeAll(stream.raw, Array(answers.removeFirst().utf8))
            }
        }
        let hasEcho = hasEcho(stream.raw)
        while true {
            if let exit = try process.reap() {
                guard case .code(let code) = exit.cause else { return (-1, text, hasEcho) }
                return (code, text, hasEcho)
            }
            if !waitReadable(process.pidfd, limit: .seconds(30)) { try process.signal(SIGKILL) }
        }
    }

    private func hasEcho(_ terminal: CInt) -> Bool {
        var settings = termios()
        return tcgetattr(terminal, &settings) == 0 && settings.c_lflag & tcflag_t(ECHO) != 0
    }

    func log(_ name: String) throws -> String {
        try shell("cat ~\(Self.person)/.local/state/update-all/runs/*/\(name).log")
    }
    var audit: String { (try? readText("/var/log/update-all/audit.log")) ?? "" }

    /// Records an issue where root's step did not run as root, the person's as the person, or anything is left of them.
    func expectRoots() throws {
        #expect(try log("roots.execute").contains("Uid:\t0\t0\t0\t0"))
        #expect(try log("mine.execute").contains("\n\(Self.person)\n"))
        #expect(audit.contains("user=\"\(Self.person)\""), "\(audit)")
        try expectNothingLeft()
    }

    /// Records an issue where something of root's is left: a group, a process, a directory.
    /// - Parameter limit: for the helper, which ends when it has said that all is done. Seconds.
    func expectNothingLeft(limit: Int = 10) throws {
        // pgrep takes no pattern that is longer than a process's name.
        let programs = "cat /proc/[0-9]*/comm 2>/dev/null | grep -xE 'update-all|update-all-(help|guar)|sudo'"
        let left = try shell(
            "timeout \(limit) sh -c \"while \(programs); do sleep 0.1; done\" >/dev/null; \(programs) || true")
        #expect(left == "", "\(left)")
        #expect(try shell("find \(updateAllSlice) -mindepth 1 -type d -name 'run-*' 2>/dev/null || true") == "")
        #expect(try shell("ls -d /run/update-all-* 2>/dev/null || true") == "")
    }
}

@Suite(
    "A person's run with steps for root", .serialized,
    .enabled(if: isKernelLab && fileExists("/usr/bin/sudo"), Comment(rawValue: noKernelLab)))
struct ProgramPrivilegeTests {
    private static let rule =
        "\(Installation.person) ALL=(root) NOPASSWD: /usr/local/libexec/update-all/update-all-helper \"\""

    @Test("one password, then root's and the person's steps run side by side in groups that are root's")
    func sideBySide() throws {
        let site = try Installation()
        let ended = try site.run(answers: [Installation.password + "\n"])
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        #expect(ended.text.components(separatedBy: "password of").count == 2, "\(ended.text)")
        #expect(ended.text.contains("roots needs root: run_as = \"root\" in /etc/update-all/plugins.d/roots.toml"))
        let (roots, mine) = (try site.log("roots.execute"), try site.log("mine.execute"))
        for text in [roots, mine] { #expect(text.contains("0::/updateall.slice/run-"), "\(text)") }
        #expect(roots.contains("Uid:\t0\t0\t0\t0"), "\(roots)")
        #expect(roots.contains("NoNewPrivs:\t1"), "\(roots)")
        #expect(roots.contains("TMPDIR=/run/update-all-"), "\(roots)")
        #expect(mine.contains("\n\(Installation.person)\n"), "\(mine)")
        #expect(site.audit.contains("request=launch step=roots/execute as=root"), "\(site.audit)")
        #expect(site.audit.contains("user=\"\(Installation.person)\""), "\(site.audit)")
        try site.expectNothingLeft()
    }

    @Test("where sudo asks nobody, nobody is asked: NOPASSWD for the helper alone", arguments: [true, false])
    func withoutPassword(hasTerminal: Bool) throws {
        let site = try Installation(rules: Self.rule)
        let ended = try site.run(hasTerminal: hasTerminal)
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        #expect(!ended.text.contains("password"), "\(ended.text)")
        #expect(try site.log("roots.execute").contains("Uid:\t0"))
    }

    @Test(
        "sudo's settings for terminals and tickets are kept to",
        arguments: ["requiretty", "use_pty", "timestamp_timeout=0"])
    func settings(setting: String) throws {
        let site = try Installation(rules: "Defaults \(setting)")
        let ended = try site.run(answers: [Installation.password + "\n"])
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        #expect(ended.text.components(separatedBy: "password of").count == 2, "\(ended.text)")
        try site.expectNothingLeft()
    }

    @Test("plan and doctor say which plugins need root, and by what a run gets it")
    func announced() throws {
        let site = try Installation()
        func said(_ command: String) throws -> String {
            try shell("runuser -u \(Installation.person) -- /usr/local/bin/update-all \(command) || true")
        }
        let plan = try said("plan")
        #expect(plan.contains("roots needs root: /usr/bin/sudo asks once in a run"), "\(plan)")
        let doctor = try said("doctor")
        let row = "/usr/bin/sudo asks once in a run, and starts update-all-helper; roots needs it"
        #expect(doctor.contains(row), "\(doctor)")
        // One that calls sudo needs root, too, once root's policy lets it.
        try site.add("caller", runAs: "user", manifest: "sudo_programs = [\"/usr/bin/id\"]", script: "sudo id")
        #expect(try said("doctor").contains("; roots needs it"))
        try shell("printf '[plugin.caller]\\nsudo_programs = [\"/usr/bin/id\"]\\n' >/etc/update-all/policy.toml")
        #expect(try said("doctor").contains("; caller, roots need it"))
        #expect(try said("plan").contains("caller, roots need root"))
    }

    @Test("three wrong passwords are 4, and nothing is run")
    func wrongPasswords() throws {
        let site = try Installation()
        let ended = try site.run(answers: Array(repeating: "wrong\n", count: 3))
        #expect(ended.code == 4, "\(ended.text)")
        #expect(ended.text.contains("authentication failed, and nothing was run"), "\(ended.text)")
        #expect(ended.text.contains("--no-sudo"), "\(ended.text)")
        #expect(ended.hasEcho)
        try site.expectNothingLeft()
    }

    @Test("Ctrl-C at the prompt is 4 at once, nothing is run, and the terminal shows what is typed again")
    func interrupted() throws {
        let site = try Installation()
        let begin = monotonicTime()
        let ended = try site.run(answers: ["\u{3}"])
        #expect(monotonicTime() - begin < .seconds(40), "sudo keeps the terminal")
        #expect(ended.code == 4, "\(ended.text)")
        #expect(ended.text.contains("authentication was broken off, and nothing was run"), "\(ended.text)")
        #expect(ended.hasEcho)
        try site.expectNothingLeft()
    }

    @Test("without a terminal it is 4, with the rule that would help; with --no-sudo the rest runs")
    func noTerminal() throws {
        let site = try Installation()
        let ended = try site.run(hasTerminal: false)
        #expect(ended.code == 4, "\(ended.text)")
        #expect(ended.text.contains("NOPASSWD: /usr/local/libexec/update-all/update-all-helper \"\""), "\(ended.text)")
        let rest = try site.run("--no-sudo", hasTerminal: false)
        #expect(rest.code == 0, "\(rest.text)")
        #expect(try site.log("mine.execute").contains(Installation.person))
    }

    @Test(
        "where sudo logs input, and gives the helper a pipe, the helper finds its way back", arguments: [true, false])
    func loggedInput(asks: Bool) throws {
        let site = try Installation(rules: "Defaults log_input\n\(asks ? "" : Self.rule)")
        let ended = try site.run(answers: asks ? [Installation.password + "\n"] : [])
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        #expect(try site.log("roots.execute").contains("Uid:\t0\t0\t0\t0"))
        #expect(ended.hasEcho)
        try site.expectNothingLeft()
    }

    @Test("a plugin that others than root can change is not run as root, whoever asks")
    func distrusted() throws {
        let site = try Installation(rules: Self.rule)
        try shell("chown \(Installation.person) /etc/update-all/plugins.d/roots")
        let ended = try site.run()
        #expect(ended.code == 1, "\(ended.text)")
        #expect(ended.text.contains("is not safe to run as root"), "\(ended.text)")
        #expect(!site.audit.contains("as=root"), "\(site.audit)")
    }

    @Test("when update-all is killed, root's step is ended at once, its commit by itself, and nothing is left")
    func programKilled() throws {
        let site = try Installation(rules: Self.rule)
        try site.add("roots", runAs: "root", script: "echo begun; exec sleep 1000")
        try site.add(
            "commit", runAs: "root", manifest: "protected_phases = [\"execute\"]",
            script: "touch /run/commit-began; sleep 4; echo whole >/run/commit-ended")
        try shell("rm -f /run/commit-*")
        _ = try site.run { pid in
            try shell("timeout 30 sh -c 'until [ -e /run/commit-began ]; do sleep 0.1; done'")
            kill(pid, SIGKILL)
        }
        try site.expectNothingLeft(limit: 30)
        #expect(try shell("cat /run/commit-ended; pgrep -x sleep || true") == "whole\n")
        #expect(site.audit.contains("update-all has gone"), "\(site.audit)")
    }

    @Test("when the helper is killed, the run ends with what failed, and the next leaves nothing")
    func helperKilled() throws {
        let site = try Installation(rules: Self.rule)
        try site.add("roots", runAs: "root", script: "echo begun; exec sleep 1000")
        let ended = try site.run { _ in try shell("pkill -KILL -x update-all-help") }
        #expect(ended.code == 1, "\(ended.text)")
        #expect(try shell("pgrep -x sleep || true") == "")
        // What it could not give back goes with the next run.
        try site.add("roots", runAs: "root", script: "true")
        #expect(try site.run().code == 0)
        try site.expectNothingLeft()
    }

    @Test("the administrator's limits are in force in root's groups, and a person cannot lift them")
    func limits() throws {
        let site = try Installation(rules: Self.rule)
        try shell("printf '[step]\\nmemory_max = \"200M\"\\n' >/etc/update-all/policy.toml")
        for name in ["roots", "mine"] {
            try site.add(
                name, runAs: name == "roots" ? "root" : "user",
                script: """
                    group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
                    cat $group/memory.max
                    [ -w $group/memory.max ] && echo writable
                    ls -ld $group
                    """)
        }
        let ended = try site.run("--set step.memory_max=1G")
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        for name in ["roots", "mine"] {
            let text = try site.log("\(name).execute")
            #expect(text.hasPrefix("209715200\n"), "\(text)")
            #expect(text.contains("root root"), "\(text)")
        }
        #expect(try !site.log("mine.execute").contains("writable"))
    }
}

extension String {
    /// As Foundation has it, for one separator.
    func components(separatedBy separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
