import Glibc
import LinuxSystem
import RunModel
import Testing
import UpdateModel

/// One after the other: /etc is the whole machine's.
@Suite("A policy in a real kernel", .serialized, .enabled(if: isKernelLab, "\(noKernelLab)"))
struct ProgramPolicyTests {
    /// Has `/etc/update-all/policy.toml` say `text` while `body` runs.
    private func withCeiling<Result>(_ text: String, _ body: () throws -> Result) throws -> Result {
        try shell("mkdir -p /etc/update-all && cat >/etc/update-all/policy.toml <<'END'\n\(text)\nEND")
        defer { unlink("/etc/update-all/policy.toml") }
        return try body()
    }

    private func value(_ control: String, _ start: PhaseStart?) -> String? {
        start?.limits.first { $0.file == control }?.value
    }

    @Test("The ceiling of /etc is in force whatever a policy of the command line asks for, and tighter values pass")
    func ceiling() throws {
        let program = try Program()
        for plugin in ["greedy", "modest"] { try program.add(plugin, script: "true") }
        let run = try withCeiling("[run]\nmemory_max = \"1G\"\n[step]\ntasks_max = 50\nmemory_max = \"128M\"") {
            try program.run(
                policy: """
                    memory_max = "2G"
                    [plugin.greedy]
                    tasks_max = "infinity"
                    memory_max = "50%"
                    [plugin.modest]
                    tasks_max = 20
                    memory_max = "64M"
                    """)
        }
        #expect(run.cause == .code(0), "\(run.errors)")
        let (greedy, modest) = (run.starts("greedy").first, run.starts("modest").first)
        #expect(value("pids.max", greedy) == "50" && value("memory.max", greedy) == "\(128 << 20)")
        #expect(value("pids.max", modest) == "20" && value("memory.max", modest) == "\(64 << 20)")
        let limits = run.events.compactMap { event -> LimitDeviation? in
            if case .limit(let deviation) = event.body { deviation } else { nil }
        }
        // What the policy says of [run] lies below /etc, which says the same key.
        #expect(Set(limits.map(\.control)) == ["plugin.greedy.tasks_max", "plugin.greedy.memory_max"])
        #expect(limits.allSatisfy { $0.reason.hasPrefix("the ceiling of /etc/update-all/policy.toml:") })
        try program.expectNothingLeft()
    }

    @Test(
        "The ceiling of /etc is over what is set in the middle of a run, too, and that is said; --timeout stays under it"
    )
    func ceilingWhileRunning() throws {
        let program = try Program()
        let gate = try program.makeFIFO("gate")
        try program.add("first", script: "echo ready; cat \(gate)")
        try program.add("second", manifest: "after = [\"first\"]", script: "exec sleep 1000")
        let run = try withCeiling("[step]\ntimeout = \"5s\"\nmemory_max = \"128M\"\n[plugin.first]\ntimeout = \"1h\"") {
            let running = try program.start(arguments: ["--timeout", "2h"])
            try running.wait { $0.lines == ["ready"] }
            let leaf = "/sys/fs/cgroup" + (try #require(running.starts("first").first?.cgroup))
            let said = try program.ask("policy set step.memory_max=256M plugin.first.memory_max=64M step.stop_grace=1s")
            #expect(
                said.contains("step.memory_max = \"256M\" is \"128M\": the ceiling of /etc/update-all/policy.toml"),
                "\(said)")
            #expect(try readText("\(leaf)/memory.max") == "\(64 << 20)")
            try shell("echo >\(gate)")
            return try running.finish()
        }
        #expect(run.end("first")?.outcome == .succeeded)
        #expect(value("memory.max", run.starts("second").first) == "\(128 << 20)")
        #expect(run.end("second")?.outcome == .timedOut)
        try program.expectNothingLeft()
    }

    @Test("What is required and cannot be had ends with exit code 3, each limit named, and nothing has run")
    func required() throws {
        let program = try Program()
        try program.add("one", script: "touch \(program.top)/ran")
        let refused = try program.run(
            policy: "io_weight = 10\n[step]\nio = [{ path = \"/dev/shm\", write_iops_max = 5 }]")
        #expect(refused.cause == .code(3), "\(refused.errors)")
        #expect(refused.errors.contains("io.weight = default 10: this kernel has no io.weight"), "\(refused.errors)")
        #expect(refused.errors.contains("io.max = /dev/shm wiops=5: "), "\(refused.errors)")
        #expect(refused.errors.contains("Mend that, or run with what can be enforced: --set enforcement=preferred"))
        let bound = try withCeiling("enforcement = \"required\"") { try program.run(policy: "io_weight = 10") }
        #expect(
            bound.errors.contains("have \"enforcement\" changed in /etc/update-all/policy.toml:1"), "\(bound.errors)")
        // Less than any kernel takes: it is in force, but otherwise.
        let altered = try program.run(policy: "cpu_quota = \"0.5%\"")
        #expect(altered.cause == .code(3), "\(altered.errors)")
        #expect(altered.errors.contains("cpu.max = 500 100000 is 1000 100000: "), "\(altered.errors)")
        #expect(!fileExists("\(program.top)/ran"))
        try program.expectNothingLeft()
    }

    @Test("Each phase has its own limits, the more particular table's first")
    func phases() throws {
        let program = try Program()
        try program.add("one", script: "true")
        try shell("sed -i 's/^separate_download.*/separate_download = true/' \(program.top)/plugins/one.toml")
        let run = try program.run(
            policy: """
                [step]
                tasks_max = 40
                [step.download]
                tasks_max = 30
                nice = 15
                [plugin.one.execute]
                tasks_max = 20
                nice = 5
                """)
        #expect(run.cause == .code(0), "\(run.errors)")
        let limits = run.starts("one").map { "\($0.phase) \(value("pids.max", $0) ?? "")" }
        #expect(limits == ["download 30", "execute 20"])
    }

    @Test("A step of root's has the capabilities that the policy names, and no others")
    func capabilities() throws {
        let program = try Program()
        let script = "sed -n 's/^CapBnd:[[:space:]]*//p; s/^CapEff:[[:space:]]*//p' /proc/self/status"
        for plugin in ["bound", "free"] {
            try program.add(plugin, script: "[ \"$1\" != update ] || \(script)")
        }
        let run = try program.run(
            policy:
                "[plugin.bound]\nrun_as = \"root\"\ncapabilities = [\"cap_kill\", \"cap_chown\"]\n[plugin.free]\nrun_as = \"root\""
        )
        #expect(run.cause == .code(0), "\(run.errors)")
        #expect(run.lines("bound") == ["0000000000000021", "0000000000000021"])
        #expect(run.starts("bound").first?.capabilities == ["cap_kill", "cap_chown"])
        #expect(run.lines("free").allSatisfy { $0 > "0000000000000021" })
    }

    @Test("What outlives a step is killed, kept with its limits, or told of", arguments: ["kill", "keep", "report"])
    func leftovers(policy: String) throws {
        let program = try Program()
        try program.add(
            "one",
            script: "[ \"$1\" = update ] || exit 0; setsid sh -c 'sleep 1000' </dev/null >/dev/null 2>&1 & echo $!")
        let run = try program.run(policy: "[step]\nleftovers = \"\(policy)\"")
        #expect(run.cause == .code(0), "\(run.errors)")
        let pid = try #require(run.lines("one").first.flatMap { pid_t($0) })
        let lives = kill(pid, 0) == 0
        #expect(lives == (policy != "kill"))
        let isTold = run.events.contains { event in
            if case .error(let text) = event.body { text.contains("left processes behind") } else { false }
        }
        #expect(isTold == (policy == "report"))
        guard lives else { return }
        let group = try readText("/proc/\(pid)/cgroup")
        #expect(group.contains("/updateall.slice/"), "\(group)")
        try shell("echo 1 > /sys/fs/cgroup\(group.split(separator: ":").last!.split(separator: "\n")[0])/cgroup.kill")
        try program.waitForProcesses(limit: .seconds(5))
    }

    @Test("A lock that another program does not release within wait_timeout defers the step")
    func waitTimeout() throws {
        let program = try Program()
        try program.add(
            "one", manifest: "[locks]\nupdate = [\"\(program.top)/lock\"]", script: "touch \(program.top)/ran")
        try shell("touch \(program.top)/lock")
        let holder = try openFile("\(program.top)/lock", O_RDWR, mode: 0)
        var lock = flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
        #expect(fcntl(holder.raw, F_SETLK, &lock) == 0)
        let run = try program.run(policy: "[step]\nwait_timeout = \"500ms\"")
        #expect(run.cause == .code(75), "\(run.errors)")
        #expect(run.end("one")?.outcome == .deferred)
        #expect(!fileExists("\(program.top)/ran"))
    }
}
