import Glibc
import Launching
import LinuxSystem
import RunModel
import Spawning
import Testing

/// A kernel that counts no pressure, as that of the kernel lab: by the threads of others that want a CPU.
@Suite(
    "A run beside the work of others", .serialized,
    .enabled(if: isKernelLab && !fileExists("/proc/pressure/cpu"), "\(noKernelLab)"))
struct GovernanceTests {
    private static let policy = """
        [protect]
        load_per_cpu = 1.0
        action = "slow-then-freeze"
        resume_after = "3s"
        """

    private func throttles(_ run: FinishedProgram) -> [Throttle] {
        run.events.compactMap { if case .throttle(let throttle) = $0.body { throttle } else { nil } }
    }

    /// Four loops for each CPU, in no group of ours.
    private func startForeignWork() throws -> LaunchedProcess {
        let script = "for i in 1 2 3 4; do while :; do :; done & done; wait"
        var request = LaunchRequest(
            executable: "/bin/sh", arguments: ["-c", script], environment: [], directory: "/", leaf: nil)
        request.noNewPrivileges = false
        return try InProcessLauncher().launch(request)
    }

    @Test("It steps back while they want the CPUs, in stages, and comes back; a commit is never frozen")
    func stepsBack() throws {
        let program = try Program()
        let fifo = try program.makeFIFO("gate")
        try program.add("build", script: "while :; do :; done & cat \(fifo); kill $!")
        try program.add("later", manifest: "after = [\"build\"]", script: "echo ran")
        try program.add(
            "commit", manifest: "protected_phases = [\"execute\"]",
            script: """
                group=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup); run=$group/../..
                until grep -q 'frozen 1' $run/steps/cgroup.events; do sleep 0.2; done
                cat $run/cpu.max $group/cgroup.freeze
                """)
        let running = try program.start(policy: Self.policy)
        try running.wait { if case .phaseStart = $0.body { $0.plugin?.rawValue == "commit" } else { false } }
        let foreign = try startForeignWork()
        try running.wait { if case .throttle(let throttle) = $0.body { throttle.state == .frozen } else { false } }
        try running.wait { if case .phaseEnd = $0.body { $0.plugin?.rawValue == "commit" } else { false } }
        kill(-foreign.pid, SIGKILL)
        try running.wait { if case .throttle(let throttle) = $0.body { throttle.state == .normal } else { false } }
        try shell("echo go >\(fifo)")
        let run = try running.finish()

        #expect(run.cause == .code(0), "\(run.errors)")
        let throttles = throttles(run)
        #expect(throttles.map(\.share.value).prefix(5) == [1, 0.5, 0.25, 0.125, 0.125])
        #expect(throttles.map(\.state).prefix(5) == [.slowed, .slowed, .slowed, .slowed, .frozen])
        #expect(throttles.last?.state == .normal)
        #expect(throttles.allSatisfy { $0.cause.hasPrefix("other work has a load of ") }, "\(throttles)")
        #expect(run.lines("commit") == ["\(12500 * usableCPUs()) 100000", "0"])
        #expect(run.lines("later") == ["ran"])
        try program.expectNothingLeft()
    }

    @Test("A controller that is taken away under it is told, and it steps back by the other means")
    func controllerVanishes() throws {
        let program = try Program()
        try program.add("build", script: "echo ready; while :; do sleep 0.1; done")
        let running = try program.start(
            policy: Self.policy + "\n[step]\nstop_grace = \"20s\"")
        try running.wait { $0.lines == ["ready"] }
        let leaf = try #require(running.starts("build").first?.cgroup)
        let group = "/sys/fs/cgroup" + leaf.split(separator: "/").dropLast(2).map { "/\($0)" }.joined()
        for place in ["steps/", "protected/", "", "../"] {
            try shell("echo -cpu >'\(group)/\(place)cgroup.subtree_control'")
        }
        #expect(!fileExists("\(group)/cpu.max"))
        let foreign = try startForeignWork()
        try running.wait { if case .throttle(let throttle) = $0.body { throttle.state == .frozen } else { false } }
        kill(-foreign.pid, SIGKILL)
        try running.send(SIGINT)
        let run = try running.finish()
        #expect(run.end("build")?.outcome == .cancelled)
        let errors = run.events.compactMap { if case .error(let text) = $0.body { text } else { nil } }
        #expect(errors.contains { $0.contains("cpu.max of the run cannot be made") }, "\(errors)")
        #expect(Set(errors).count == errors.count, "each is said once")
        try program.expectNothingLeft()
    }

    @Test(
        "A policy that changes has it step back as it says now, and come back at once where nothing is watched any more"
    )
    func revised() throws {
        let program = try Program()
        let fifo = try program.makeFIFO("gate")
        try program.add("build", script: "echo ready; cat \(fifo)")
        let running = try program.start()
        try running.wait { $0.lines == ["ready"] }
        let group = try #require(running.starts("build").first?.cgroup).split(separator: "/").dropLast(2).map {
            "/\($0)"
        }
        /// A process that is to freeze does so when it has the CPU next, which others want here.
        func waits(for state: String) throws -> Bool {
            let file = "/sys/fs/cgroup\(group.joined())/steps/cgroup.events"
            return try shell("timeout 60 sh -c \"until grep -q '\(state)' \(file); do sleep 0.1; done\"; echo $?")
                == "0\n"
        }
        // What this kernel does not tell is refused, since the policy requires all that it says.
        let refused = try shell(
            "'\(Program.binaries!)/update-all' policy set --state-dir '\(program.state)' protect.cpu_some=20%; echo code $?"
        )
        #expect(refused.contains("this kernel counts no pressure") && refused.contains("code 3"), "\(refused)")
        let foreign = try startForeignWork()
        defer { kill(-foreign.pid, SIGKILL) }
        let said = try program.ask("policy set protect.load_per_cpu=1.0 protect.action=freeze protect.resume_after=1h")
        #expect(said.contains("protect.action = \"freeze\""), "\(said)")
        try running.wait { if case .throttle(let throttle) = $0.body { throttle.state == .frozen } else { false } }
        #expect(try waits(for: "frozen 1"))
        // There is no such stage any more: what is nearest to it holds, and nothing is frozen.
        _ = try program.ask("policy set protect.action=slow")
        #expect(try waits(for: "frozen 0"))
        #expect(try readText("/sys/fs/cgroup\(group.joined())/cpu.max") == "\(12500 * usableCPUs()) 100000")
        _ = try program.ask("policy set protect.load_per_cpu=1000 protect.resume_after=1s")
        try running.wait { if case .throttle(let throttle) = $0.body { throttle.state == .normal } else { false } }
        try shell("echo go >\(fifo)")
        let run = try running.finish()
        #expect(run.cause == .code(0), "\(run.errors)")
        try program.expectNothingLeft()
    }

    @Test("Its own work alone never has it step back")
    func ownWork() throws {
        let program = try Program()
        for index in 1...4 { try program.add("busy\(index)", script: "while :; do :; done") }
        let run = try program.run(policy: "cpu_weight = \"idle\"\n\(Self.policy)\n[step]\ntimeout = \"12s\"")
        #expect(throttles(run).isEmpty)
        #expect(run.end("busy1")?.outcome == .timedOut)
        try program.expectNothingLeft()
    }

    @Test("Ctrl-C thaws what is frozen, so that it can obey")
    func interrupted() throws {
        let program = try Program()
        try program.add(
            "build",
            script: """
                trap 'echo tidied; exit 1' TERM
                echo 'PROGRESS:{"percent": 1}' >&2
                while :; do sleep 0.1; done
                """)
        let running = try program.start(policy: "\(Self.policy)\n[step]\nstop_grace = \"20s\"")
        // Starved from its start on, it would be frozen before it has set its trap.
        try running.wait { if case .progress = $0.body { true } else { false } }
        let foreign = try startForeignWork()
        try running.wait { if case .throttle(let throttle) = $0.body { throttle.state == .frozen } else { false } }
        try running.send(SIGINT)
        let run = try running.finish()
        kill(-foreign.pid, SIGKILL)
        #expect(run.end("build")?.outcome == .cancelled)
        #expect(run.lines("build").contains("tidied"), "\(run.events.suffix(12))")
        try program.expectNothingLeft()
    }
}
