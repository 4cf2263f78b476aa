import Glibc
import LinuxSystem
import Testing
import UpdateModel

extension SystemdTests {
    @Suite("A run of a person where systemd runs")
    struct SystemdPersonTests {
        private func person(_ name: String) throws -> String {
            try shell("useradd --create-home --shell /bin/sh \(name)")
            return try shell("id -u \(name)").split(separator: "\n").joined()
        }

        private let preferred = "[step]\nnice = 0\n"

        @Test("With linger it needs no login, lives below the person's manager, and says what that was not delegated")
        func lingering() throws {
            let user = try person("lina")
            try shell(
                "loginctl enable-linger lina && timeout 60 sh -c 'until [ -S /run/user/\(user)/bus ]; do sleep 0.2; done'"
            )
            let run = try SystemdRun()
            try run.give(to: "lina")
            let running = try run.start(
                policy: "memory_max = \"200M\"\ntasks_max = 100", prefix: ["runuser", "-u", "lina", "--"])
            let unit = try #require(try scopes(of: "lina").first)
            #expect(try scopes().isEmpty, "the system's manager has none")
            try shell("systemctl --user --machine=lina@.host stop --no-block \(unit)")
            try running.wait { event in
                if event.plugin?.rawValue == "stays", case .phaseEnd = event.body { true } else { false }
            }
            try run.letCommitEnd()
            let finished = try running.finish()
            #expect(finished.cause == .code(128 + SIGTERM), "\(finished.errors)")
            #expect(finished.lines("commit") == ["begun", "ended"])
            let group = finished.starts("stays").first?.cgroup ?? ""
            #expect(
                group.hasPrefix("/user.slice/user-\(user).slice/user@\(user).service/updateall.slice/\(unit)/"),
                "\(group)")

            let doctor = try Program.command("doctor --state-dir \(run.program.state)", as: "lina")
            #expect(doctor.contains("cpu, memory, pids, without io"), "\(doctor)")
            #expect(doctor.contains("systemctl edit user@.service"), "\(doctor)")
            try shell(
                """
                cp -r '\(Program.sources)/contrib/systemd/user@.service.d' /etc/systemd/system/
                systemctl daemon-reload && systemctl restart user@\(user).service
                timeout 60 sh -c 'until [ -S /run/user/\(user)/bus ]; do sleep 0.2; done'
                """)
            defer { _ = try? shell("rm -r /etc/systemd/system/user@.service.d && systemctl daemon-reload") }
            let mended = try Program.command("doctor --state-dir \(run.program.state)", as: "lina")
            #expect(mended.contains("cpu, io, memory, pids"), "\(mended)")
            try shell("loginctl disable-linger lina")
        }

        @Test("Without linger the end of the last login cancels it, and the commit is waited for")
        func loggingOut() throws {
            let user = try person("ned")
            let run = try SystemdRun()
            try run.give(to: "ned")
            // The login ends with this shell, the run has another session.
            let running = try run.start(
                prefix: [
                    "su", "--login", "--command",
                    "setsid \"$0\" \"$@\" & until [ -e \(run.program.top)/out ]; do sleep 0.2; done", "--", "ned",
                ])
            let unit = try #require(try scopes(of: "ned").first)
            try shell("touch \(run.program.top)/out")
            try running.wait { event in
                if event.plugin?.rawValue == "stays", case .phaseEnd = event.body { true } else { false }
            }
            #expect(try shell("systemctl is-active user@\(user).service || true") == "deactivating\n")
            try run.letCommitEnd()
            let finished = try running.finish()
            #expect(finished.lines("commit") == ["begun", "ended"])
            #expect(finished.end("commit")?.outcome == .succeeded)
            #expect(finished.starts("stays").first?.cgroup?.contains(unit) == true)
            try shell(
                "timeout 60 sh -c 'while systemctl is-active user@\(user).service | grep -q deactivating; do sleep 0.2; done'"
            )
        }

        @Test("Without a login there is no manager: the run goes on without limits, and says what would help")
        func noManager() throws {
            _ = try person("nora")
            let program = try Program()
            try program.add("plain", script: "true")
            try shell("chown -R nora \(program.top)")
            let doctor = try Program.command("doctor --state-dir \(program.state)", as: "nora")
            #expect(doctor.contains("loginctl enable-linger"), "\(doctor)")
            let finished = try program.run(prefix: ["runuser", "-u", "nora", "--"])
            #expect(finished.cause == .code(0), "\(finished.errors)")
            #expect(finished.starts("plain").first?.cgroup == nil)
        }
    }
}
