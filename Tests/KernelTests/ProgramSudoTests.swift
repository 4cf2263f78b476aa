// Plugins that run as a person and call sudo themselves.

import Cgroups
import Glibc
import LinuxSystem
import Policy
import Spawning
import Testing
import UpdateModel

@testable import Launching

@Suite(
    "A plugin that calls sudo", .serialized,
    .enabled(if: isKernelLab && fileExists("/usr/bin/sudo"), Comment(rawValue: noKernelLab)))
struct ProgramSudoTests {
    private static let person = Installation.person
    private static let rule =
        "\(person) ALL=(root) NOPASSWD: /usr/local/libexec/update-all/update-all-helper \"\""
    private static let programs = ["cat", "env", "id", "pwd", "sh", "sleep"].map { "/usr/bin/\($0)" }

    /// - Parameter allowed: by the administrator's policy; `nil`: it says nothing.
    private func prepare(
        _ script: String, rules: String = rule, manifest: String = "", declared: [String] = programs,
        allowed: [String]? = programs
    ) throws -> Installation {
        let site = try Installation(rules: rules)
        // Root's plugin of other tests would need root by itself.
        try shell("rm -f /etc/update-all/plugins.d/*")
        try site.add("caller", runAs: "user", manifest: "sudo_programs = \(declared)\n\(manifest)", script: script)
        if let allowed {
            try shell("printf '[plugin.caller]\\nsudo_programs = \(text(allowed))\\n' >/etc/update-all/policy.toml")
        }
        return site
    }

    private func text(_ list: [String]) -> String { "[" + list.map { "\"\($0)\"" }.joined(separator: ", ") + "]" }

    private func lines(_ site: Installation, _ name: String = "caller") throws -> [String] {
        try site.log("\(name).execute").split(separator: "\n").map(String.init)
    }

    private static let questions = """
        echo "uid $(sudo id -u)"
        echo "name $(sudo -n -u root -- /usr/bin/id -un)"
        echo "typed $(echo hello | sudo cat)"
        echo "error $(sudo sh -c 'echo oops >&2' 2>&1 >/dev/null)"
        cd /tmp; echo "directory $(sudo pwd)"; cd /
        sudo sh -c 'exit 7'; echo "exit $?"
        sudo sh -c 'kill -9 $$'; echo "signal $?"
        sudo -v; echo "validate $?"
        echo "own $(sed -n 's/^0:://p' /proc/self/cgroup)"
        echo "its $(sudo cat /proc/self/cgroup | sed -n 's/^0:://p')"
        echo "privileges $(sed -n 's/^NoNewPrivs:.//p' /proc/self/status)"
        sudo cat /proc/self/status | sed -n 's/^NoNewPrivs:./its privileges /p; s/^CapBnd:./bounding /p; s/^Uid:./uids /p'
        export LD_PRELOAD=/nowhere SECRET=1; sudo env | sed 's/^/environment /'
        """

    private func expectAnswers(_ lines: [String]) {
        for line in [
            "uid 0", "name root", "typed hello", "error oops", "directory /tmp", "exit 7", "signal 137", "validate 0",
            "privileges 1", "its privileges 1", "uids 0\t0\t0\t0", "environment HOME=/root",
            "environment SUDO_USER=\(Self.person)",
            "environment PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ] {
            #expect(lines.contains(line), "\(line)\nis not in\n\(lines.joined(separator: "\n"))")
        }
        #expect(!lines.contains { $0.contains("SECRET") || $0.hasPrefix("environment LD_") }, "\(lines)")
        let groups = lines.filter { $0.hasPrefix("own ") || $0.hasPrefix("its /") }.map { $0.dropFirst(4) }
        #expect(groups.count == 2 && Set(groups).count == 1, "\(groups)")
        #expect(groups.allSatisfy { $0.hasSuffix("/steps/caller.execute") }, "\(groups)")
        // Neither SYS_ADMIN (21), SYS_MODULE (16), SYS_PTRACE (19) nor SYS_RAWIO (17).
        let bounding = lines.first { $0.hasPrefix("bounding ") }.flatMap { UInt64($0.dropFirst(9), radix: 16) }
        #expect(bounding.map { $0 & (1 << 21 | 1 << 16 | 1 << 19 | 1 << 17) } == 0, "\(lines)")
    }

    @Test("has what is allowed run as root in its group, with its streams; exit code and signal come back")
    func runs() throws {
        let site = try prepare(Self.questions, rules: "")
        let ended = try site.run(answers: [Installation.password + "\n"])
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        #expect(ended.text.contains("caller needs root: its sudo runs /usr/bin/cat, /usr/bin/env"), "\(ended.text)")
        expectAnswers(try lines(site))
        #expect(site.audit.contains("request=sudo step=caller/execute argv=[\"id\",\"-u\"]"), "\(site.audit)")
        try site.expectNothingLeft()
    }

    @Test("has the same as root's own run, as the person who called sudo")
    func underRoot() throws {
        let site = try prepare(Self.questions)
        let output = try shell(
            """
            rm -rf /var/log/update-all/runs
            SUDO_UID=$(id -u \(Self.person)) /usr/local/bin/update-all run --yes --ui plain </dev/null 2>&1
            cat /var/log/update-all/runs/*/caller.execute.log
            """)
        expectAnswers(output.split(separator: "\n").map(String.init))
        try site.expectNothingLeft()
    }

    @Test(
        "leaves the same in the audit log, whether root runs update-all or its helper: command, refusal, signal, end",
        arguments: [true, false])
    func audited(underRoot: Bool) throws {
        let site = try prepare(
            """
            sudo id -u; sudo sh -c 'exit 7'; sudo sh -c 'kill -9 $$'; sudo whoami; sudo id "%s
            "
            cd "$TMPDIR"; mkfifo ready; sudo sh -c 'echo >ready; exec sleep 1000' & read -r nothing <ready; kill $!; wait
            """)
        if underRoot {
            try shell("SUDO_UID=$(id -u \(Self.person)) /usr/local/bin/update-all run --yes --ui plain </dev/null 2>&1")
        } else {
            #expect(try site.run().code == 0)
        }
        let uid = try shell("id -u \(Self.person)").dropLast()
        let whole = site.audit.split(separator: "\n")
        let head = "Z user=\"\(Self.person)\" uid=\(uid) pid="
        #expect(whole.allSatisfy { $0.contains(head) && $0.contains(" policy=") }, "\(site.audit)")
        let said = try shell(
            """
            sed -nE 's/ policy=[0-9a-f]+//; s/process([= ])[0-9]+/process\\1N/
                s/.* (request=(sudo|signal|reap) )/\\1/p' /var/log/update-all/audit.log
            """)
        func sudo(_ arguments: String, _ result: String = "process N") -> String {
            "request=sudo step=caller/execute argv=[\(arguments)] result=\"\(result)\""
        }
        func reap(_ result: String) -> String { "request=reap process=N result=\"\(result)\"" }
        let caller = try #require(PluginName("caller"))
        let refusal = SudoRule.refusal(of: "/usr/bin/whoami", to: caller).replacing("\"", with: "\\\"")
        var lines = [
            sudo(#""id","-u""#), reap("exit 0"), sudo(#""sh","-c","exit 7""#), reap("exit 7"),
            sudo(#""sh","-c","kill -9 $$""#), reap("signal 9"),
        ]
        // What plugin and policy do not agree on does not come to the helper.
        if underRoot { lines.append(sudo(#""whoami""#, "refused: \(refusal)")) }
        lines += [
            sudo(#""id","%s\u{a}""#), reap("exit 1"), sudo(#""sh","-c","echo >ready; exec sleep 1000""#),
            #"request=signal process=N signal=15 result="done""#, reap("signal 15"),
        ]
        #expect(said.hasPrefix(lines.joined(separator: "\n") + "\n"), "\(said)")
        #expect(try shell("stat -c '%U:%G %a' /var/log/update-all/audit.log") == "root:adm 640\n")
    }

    @Test("has nothing else run, by whatever name or option")
    func refuses() throws {
        let attempts = [
            ("whoami", "may not run /usr/bin/whoami"), ("/usr/bin/env", "may not run /usr/bin/env"),
            ("./id", "its whole path"), ("/usr/bin/../bin/id", "its whole path"), ("//usr/bin/id", "its whole path"),
            ("/tmp/trick/id", "may not run /tmp/trick/id"), ("/tmp/trick/link", "may not run /tmp/trick/link"),
            ("nowhere", "nowhere: command not found"), ("-E id", "-E is not taken"),
            ("-u \(Self.person) id", "as root and nobody else"), ("-i", "no shell"), ("-s", "no shell"),
            ("-g root id", "-g is not taken"), ("A=b id", "variables are not passed on"),
            ("-D / id", "-D is not taken"), ("-R / id", "-R is not taken"), ("-e /etc/passwd", "-e is not taken"),
            ("--preserve-env=PATH id", "--preserve-env is not taken"), ("''", "command not found"),
        ]
        let script =
            """
            mkdir -p /tmp/trick; cp /usr/bin/whoami /tmp/trick/id; ln -sf /usr/bin/id /tmp/trick/link; cd /tmp/trick
            """
            + attempts.enumerated().map { index, attempt in
                "\nsaid=$(sudo \(attempt.0) 2>&1); echo \"\(index) $said = $?\""
            }.joined()
            + "\nexport PATH=$PATH:/tmp/trick; echo \"path $(sudo id -u)\"; echo \"link $(sudo link 2>&1)\""
            + "\necho \"real $(/usr/bin/sudo -n id -u 2>&1)\""
        // What one of both does not name is not run.
        let site = try prepare(
            script, declared: ["/usr/bin/id", "/usr/bin/env"], allowed: ["/usr/bin/id", "/usr/bin/whoami"])
        let ended = try site.run()
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        let lines = try lines(site)
        for (index, attempt) in attempts.enumerated() {
            let line = lines.first { $0.hasPrefix("\(index) ") } ?? ""
            let isRefused = line.contains("sudo: ") && line.contains(attempt.1) && line.hasSuffix(" = 1")
            #expect(isRefused, "\(attempt): \(line)")
        }
        #expect(lines.contains("path 0"), "\(lines)")
        #expect(lines.contains { $0.hasPrefix("link sudo: ") }, "\(lines)")
        #expect(lines.contains { $0.hasPrefix("real ") && !$0.hasSuffix(" 0") }, "\(lines)")
        #expect(!site.audit.contains("whoami"), "\(site.audit)")
        try shell("rm -rf /tmp/trick")
    }

    @Test("without an allowance is told what the administrator would write, and runs without root")
    func withoutAllowance() throws {
        let site = try prepare("sudo id -u; echo \"exit $?\"", rules: "", allowed: nil)
        // What a person writes themselves allows nothing.
        try shell(
            """
            install -d -o \(Self.person) ~\(Self.person)/.config ~\(Self.person)/.config/update-all
            printf '[plugin.caller]\\nsudo_programs = \(text(Self.programs))\\n' \
                >~\(Self.person)/.config/update-all/policy.toml
            """)
        let ended = try site.run()
        #expect(ended.code == 0, "\(ended.text)")
        let lines = try lines(site)
        #expect(
            lines.contains {
                $0.hasPrefix("sudo: nothing allows it to caller: have the administrator write sudo_programs = [")
                    && $0.contains("below [plugin.caller] in /etc/update-all/policy.toml")
            }, "\(lines)")
        #expect(lines.contains("exit 1"), "\(lines)")
        #expect(site.audit == "", "\(site.audit)")
    }

    @Test("without an allowance finds a rule of the machine's sudo that asks for no password")
    func rule() throws {
        let site = try prepare(
            "sudo id -u; sudo sh -c true 2>&1; echo \"exit $?\"",
            rules: "\(Self.person) ALL=(root) NOPASSWD: /usr/bin/id", allowed: nil)
        let ended = try site.run()
        #expect(ended.code == 0, "\(ended.text)")
        let lines = try lines(site)
        // Which rule it was that sudo found, it does not say: it may still want a password, and then says that itself.
        #expect(lines.first == "0" && lines.last == "exit 1", "\(lines)")
    }

    @Test("with --no-sudo is left out as what needs root, and that is no failure")
    func noSudo() throws {
        let site = try prepare("sudo id -u")
        try site.add("mine", runAs: "user", script: "id -un")
        let ended = try site.run("--no-sudo")
        #expect(ended.code == 0, "\(ended.text)")
        #expect(ended.text.contains("its sudo runs /usr/bin/cat"), "\(ended.text)")
        #expect(try lines(site, "mine") == [Self.person])
    }

    @Test("passes signals on to its command, which may take them as it likes")
    func signals() throws {
        let site = try prepare(
            """
            cd "$TMPDIR"
            mkfifo ready
            for signal in TERM HUP INT USR1; do
                sudo sh -c 'trap "exit 3" '$signal'; echo >ready; while :; do sleep 0.05; done' &
                read -r nothing <ready
                kill -$signal $!
                wait $!; echo "$signal $?"
            done
            sudo sh -c 'echo >ready; exec sleep 1000' &
            read -r nothing <ready
            kill -TERM $!; wait $!; echo "default $?"
            sudo sh -c 'trap "echo told >told" TERM; echo >ready; while ! [ -e told ]; do sleep 0.05; done' &
            read -r nothing <ready
            kill -KILL $!; wait $! 2>/dev/null
            until [ -e told ]; do sleep 0.05; done; echo gone
            """)
        let ended = try site.run()
        #expect(ended.code == 0, "\(ended.text)")
        // A shell's background jobs ignore INT, and so does sudo then.
        let lines = try lines(site)
        for line in ["TERM 3", "HUP 3", "USR1 3", "default 143", "gone"] {
            #expect(lines.contains(line), "\(line): \(lines)")
        }
    }

    @Test("that floods its sudo waits for its turn, and the run goes on")
    func flood() throws {
        let site = try prepare(
            """
            for i in $(seq 120); do sudo sh -c 'echo one; sleep 0.2' & done
            most=0
            while jobs %% >/dev/null 2>&1 && [ "$(jobs -r | wc -l)" -gt 0 ]; do
                now=$(pgrep -u 0 -cx sleep); [ "$now" -gt "$most" ] && most=$now; sleep 0.05
            done
            wait
            echo "most $most"
            """, manifest: "")
        try site.add("mine", runAs: "user", script: "id -un")
        let ended = try site.run()
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        let lines = try lines(site)
        #expect(lines.count { $0 == "one" } == 120, "\(lines)")
        let most = lines.first { $0.hasPrefix("most ") }.flatMap { Int($0.dropFirst(5)) }
        #expect(most.map { $0 <= SudoCommand.mostAtOnce } == true, "\(lines.last ?? "")")
        #expect(try self.lines(site, "mine") == [Self.person])
        try site.expectNothingLeft()
    }

    @Test("does not lend it to another step of the same account, and what no request is ends the call alone")
    func otherStep() throws {
        let site = try prepare(
            """
            echo "$UPDATE_ALL_SUDO_SOCKET" >/tmp/socket.new; mv /tmp/socket.new /tmp/socket
            until [ -e /tmp/tried ]; do sleep 0.05; done
            python3 - <<'END'
            import os, socket
            for content in [b"", b"x", b"\\1\\0id", b"\\1\\0id\\0", b"\\1\\2\\11", b"\\2\\0id\\0", b"\\1\\1", b"y" * 70000]:
                connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                connection.connect(os.environ["UPDATE_ALL_SUDO_SOCKET"])
                connection.send(content)
                connection.shutdown(socket.SHUT_WR)
                print("said", connection.recv(100))
            END
            echo "still $(sudo id -u)"
            """)
        try shell("rm -f /tmp/socket /tmp/tried")
        try site.add(
            "thief", runAs: "user",
            script: """
                until [ -e /tmp/socket ]; do sleep 0.05; done
                UPDATE_ALL_SUDO_SOCKET=$(cat /tmp/socket) /usr/local/libexec/update-all/shim/sudo id -u; echo "exit $?"
                touch /tmp/tried
                """)
        let ended = try site.run()
        #expect(ended.code == 0, "\(ended.text)")
        let stolen = try lines(site, "thief")
        #expect(stolen == ["sudo: it was not called by a process of caller/execute", "exit 1"], "\(stolen)")
        let said = try lines(site)
        let answers = Set(said.filter { $0.hasPrefix("said") })
        #expect(answers == ["said b''", "said b'\\x01\\x00'"], "\(said)")
        #expect(said.contains("still 0"), "\(said)")
        try shell("rm -f /tmp/socket /tmp/tried")
    }

    @Test("that is a commit has its command in the commit's group, and waits for it should update-all be killed")
    func commit() throws {
        let site = try prepare(
            """
            sudo cat /proc/self/cgroup >"$HOME/group"
            sudo sh -c 'trap "" TERM HUP; echo begun; sleep 4; echo whole >/run/sudo-commit'
            echo "exit $? $(cat /run/sudo-commit)" >"$HOME/ended"
            """, manifest: "protected_phases = [\"execute\"]")
        try shell("rm -f /run/sudo-commit")
        _ = try site.run { pid in kill(pid, SIGKILL) }
        try site.expectNothingLeft(limit: 60)
        let said = try shell("cd ~\(Self.person) && cat group ended; rm -f group ended")
        #expect(said.contains("/protected/caller.execute\n"), "\(said)")
        #expect(said.contains("exit 1 whole\n"), "\(said)")
    }

    @Test("while the run is paused has nothing started, and has it once the run goes on")
    func paused() throws {
        let site = try prepare(
            """
            echo begun
            for i in $(seq 60); do sudo id -u; done
            """)
        let ended = try site.run { _ in
            let steer = "runuser -u \(Self.person) -- /usr/local/bin/update-all"
            try shell("\(steer) pause && sleep 1 && \(steer) resume")
        }
        #expect(ended.code == 0, "\(ended.text)")
        #expect(try lines(site).count { $0 == "0" } == 60)
    }

    @Test("takes what runs as root with it when it is ended", arguments: [SIGINT, SIGKILL])
    func ended(signal: Int32) throws {
        let site = try prepare("sudo sh -c 'trap \"\" TERM INT HUP; echo begun; while :; do sleep 1; done'")
        _ = try site.run { pid in kill(pid, signal) }
        try site.expectNothingLeft(limit: 60)
        #expect(try shell("pgrep -fx 'sh -c trap.*' || true") == "")
    }
}
