import Glibc
import LinuxSystem
import Testing
import UpdateModel

extension SystemdTests {
    /// The helper has its scope from systemd's own programs, and no connection on which it could be asked to stop.
    @Suite("A person's run with steps for root where systemd runs", .enabled(if: fileExists("/usr/bin/sudo")))
    struct SystemdHelperTests {
        private static let gate = "/run/commit-gate"

        /// A step of root's, one of the person's, and a commit that notes the signals it gets and ends when it is let.
        private func install() throws -> Installation {
            let site = try Installation(
                rules:
                    "\(Installation.person) ALL=(root) NOPASSWD: /usr/local/libexec/update-all/update-all-helper \"\"")
            try shell("rm -f \(Self.gate) /run/commit-ended /run/commit-began && mkfifo \(Self.gate)")
            try site.add("roots", runAs: "root", script: "echo begun; exec sleep 1000")
            try site.add("mine", runAs: "user", script: "exec sleep 1001")
            try site.add(
                "commit", runAs: "root", manifest: "protected_phases = [\"execute\"]",
                script: """
                    for signal in HUP INT QUIT TERM CONT; do trap "echo got $signal" $signal; done
                    touch /run/commit-began
                    until read -r word <\(Self.gate); do :; done 2>/dev/null
                    echo whole >/run/commit-ended
                    """)
            return site
        }

        private func waitUntilBegun() throws {
            try shell(
                "timeout 60 sh -c 'until [ -e /run/commit-began ] && pgrep -f \"sleep 1001\"; do sleep 0.2; done' >/dev/null"
            )
        }

        private func waitForStepsEnd() throws {
            try shell("timeout 60 sh -c 'while pgrep -f \"sleep 100[01]\"; do sleep 0.2; done' >/dev/null")
        }

        @Test(
            "systemctl stop of its scope ends it: root's commit ends whole, all other steps are ended, nothing is left")
        func stop() throws {
            let site = try install()
            try shell("printf '[run]\\ncpu_weight = 20\\n' >/etc/update-all/policy.toml")
            var unit = ""
            let ended = try site.run { _ in
                try waitUntilBegun()
                unit = try #require(try scopes().first)
                let shown = try properties(
                    unit, "Slice,Delegate,Description,TasksMax,KillSignal,TimeoutStopUSec,SendSIGKILL,After,CollectMode"
                )
                #expect(shown["Slice"] == "updateall.slice")
                #expect(shown["Delegate"] == "yes")
                #expect(shown["Description"]?.hasPrefix("Updates by update-all, run ") == true)
                #expect(shown["TasksMax"] == "infinity")
                #expect(shown["KillSignal"] == "\(SIGCONT)")
                #expect(shown["TimeoutStopUSec"] == "infinity")
                #expect(shown["SendSIGKILL"] == "no")
                #expect(shown["CollectMode"] == "inactive-or-failed")
                for needed in ["dbus.service", "network.target", "remote-fs.target", "basic.target"] {
                    #expect(shown["After"]?.contains(needed) == true, "\(shown)")
                }
                #expect(try properties("updateall.slice", "CPUWeight")["CPUWeight"] == "20")
                let helper = try shell("pgrep -x update-all-help").split(separator: "\n").joined()
                #expect(try readText("/proc/\(helper)/cgroup") == "0::/updateall.slice/\(unit)/supervisor")
                #expect(!(try readText("/proc/\(helper)/maps")).contains("libsystemd"))

                // Somebody else's SIGCONT is taken, and nothing comes of it.
                try shell("kill -CONT \(helper)")
                try shell(
                    "timeout 60 sh -c 'while grep -E \"(Sig|Shd)Pnd:.*[2367abef]....$\" /proc/\(helper)/status; do sleep 0.1; done'"
                )
                #expect(!site.audit.contains("first process"), "\(site.audit)")
                #expect(try shell("systemctl is-active \(unit)") == "active\n")

                try beginStopping(unit)
                try waitForStepsEnd()
                #expect(try shell("systemctl is-active \(unit) || true") == "deactivating\n")
                #expect(!fileExists("/run/commit-ended"))
                try shell("echo now >\(Self.gate)")
            }
            #expect(ended.code == 128 + SIGTERM, "\(ended.text)\n\(site.audit)")
            for step in ["roots/execute: cancelled", "mine/execute: cancelled"] {
                #expect(ended.text.contains(step), "\(ended.text)")
            }
            #expect(try shell("cat /run/commit-ended") == "whole\n")
            let log = try site.log("commit.execute")
            #expect(log == "got CONT\n")
            #expect(site.audit.components(separatedBy: "told by the first process").count == 2, "\(site.audit)")
            try waitUntilGone(unit)
            try site.expectNothingLeft()

            // The next run has a policy without weights.
            try shell(
                """
                rm /etc/update-all/policy.toml /etc/update-all/plugins.d/*
                printf '[run]\\nparallel = 2\\n' >/etc/update-all/plain.toml
                """)
            try site.add("next", runAs: "root", script: "cat /sys/fs/cgroup/updateall.slice/cpu.weight")
            let next = try site.run("--policy /etc/update-all/plain.toml")
            #expect(next.code == 0, "\(next.text)")
            let weight = try site.log("next.execute")
            #expect(weight == "100\n")
        }

        @Test("After kill -9 of update-all a stop of the scope waits for root's commit, and nothing is left")
        func killed() throws {
            let site = try install()
            _ = try site.run { program in
                try waitUntilBegun()
                let unit = try #require(try scopes().first)
                kill(program, SIGKILL)
                try waitForStepsEnd()
                try beginStopping(unit)
                #expect(!fileExists("/run/commit-ended"))
                try shell("echo now >\(Self.gate)")
                try waitUntilGone(unit)
            }
            #expect(try shell("cat /run/commit-ended") == "whole\n")
            try site.expectNothingLeft()
        }

        @Test("What the policy keeps is in a scope of its own after the run")
        func leftovers() throws {
            let site = try install()
            try shell(
                "rm /etc/update-all/plugins.d/*; printf '[step]\\nleftovers = \"keep\"\\n' >/etc/update-all/policy.toml"
            )
            try site.add("daemon", runAs: "root", script: "setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!")
            let ended = try site.run()
            #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
            let unit = try #require(try scopes().first { $0.hasSuffix("-left.scope") })
            let daemon = try site.log("daemon.execute").split(separator: "\n").joined()
            #expect(try readText("/proc/\(daemon)/cgroup") == "0::/updateall.slice/\(unit)")
            try shell("systemctl stop \(unit)")
            #expect(!fileExists("/proc/\(daemon)"))
            try site.expectNothingLeft()
        }

        @Test("Where systemd-run is missing, or makes no scope, nothing is run, and what it says is said")
        func noScope() throws {
            let site = try install()
            try shell("mv /usr/bin/systemd-run /usr/bin/systemd-run.away")
            let missing = try site.run()
            #expect(missing.code == 4, "\(missing.text)")
            #expect(missing.text.contains("there is no systemd-run in /usr/sbin:"), "\(missing.text)")
            #expect(missing.text.contains("install it (the package systemd)"), "\(missing.text)")
            try shell("mv /usr/bin/systemd-run.away /usr/bin/systemd-run; systemctl mask --runtime updateall.slice")
            defer { _ = try? shell("systemctl unmask --runtime updateall.slice") }
            let failing = try site.run()
            #expect(failing.code == 4, "\(failing.text)")
            #expect(failing.text.contains("updateall.slice is masked"), "\(failing.text)")
            try site.expectNothingLeft()
        }
    }
}
