import Glibc
import Launching
import LinuxSystem
import Testing
import UpdateModel

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
