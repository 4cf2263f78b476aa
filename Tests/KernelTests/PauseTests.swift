import Glibc
import LinuxSystem
import RunModel
import Testing

@Suite("A policy that changes in the middle of a run", .serialized, .enabled(if: hasControllers, "\(noControllers)"))
struct PolicyChangeTests {
    private let policy = """
        memory_high = "400M"
        memory_max = "500M"
        cpu_weight = "idle"
        [step]
        memory_max = "200M"
        tasks_max = 50
        """

    /// A step that waits, a commit that does, and the run's group.
    /// - Returns: with what lets both go on. Each has a FIFO of its own: of one that is shared the first could read for both.
    private func begin(_ program: Program, _ policy: String) throws -> (RunningProgram, goOn: String, group: String) {
        let gates = try ["build", "commit"].map(program.makeFIFO)
        try program.add("build", script: "echo ready; cat \(gates[0])")
        try program.add("commit", manifest: "protected_phases = [\"execute\"]", script: "echo ready; cat \(gates[1])")
        let running = try program.start(policy: policy)
        for plugin in ["build", "commit"] {
            try running.wait { $0.plugin?.rawValue == plugin && $0.lines == ["ready"] }
        }
        let leaf = try #require(running.starts("build").first?.cgroup)
        let goOn = gates.map { "echo go >\($0)" }.joined(separator: "; ")
        return (running, goOn, "/sys/fs/cgroup" + leaf.split(separator: "/").dropLast(2).map { "/\($0)" }.joined())
    }

    @Test(
        "Its limits are rewritten in the groups of the run and of running steps, lifted too, and none of them is on a commit"
    )
    func limits() throws {
        let program = try Program()
        let (running, goOn, group) = try begin(program, policy)
        func read(_ file: String) throws -> String { try readText("\(group)/\(file)") }
        #expect(try read("steps/memory.max") == "\(500 << 20)" && read("cpu.idle") == "1")
        let said = try program.ask(
            "policy set run.memory_max=infinity run.memory_high=300M run.cpu_weight=50 run.cpu_quota=75% "
                + "step.memory_max=100M step.tasks_max=20")
        #expect(said.contains("run.memory_high = \"300M\" (was \"400M\")"), "\(said)")
        #expect(try read("steps/memory.max") == "max" && read("steps/memory.high") == "\(300 << 20)")
        #expect(try read("protected/memory.high") == "\(300 << 20)" && read("protected/memory.max") == "max")
        #expect(try read("cpu.idle") == "0" && read("cpu.weight") == "50" && read("cpu.max") == "75000 100000")
        #expect(try read("steps/build.execute/memory.max") == "\(100 << 20)")
        #expect(try read("steps/build.execute/pids.max") == "20")
        #expect(try read("protected/commit.execute/memory.max") == "max")
        #expect(try read("protected/commit.execute/memory.high") == "\(100 << 20)")
        #expect(try read("protected/commit.execute/pids.max") == "max")
        try shell(goOn)
        let run = try running.finish()
        #expect(run.cause == .code(0), "\(run.errors)")
        try program.expectNothingLeft()
    }

    @Test("What the kernel refuses is refused where the policy requires its limits, and all is as before")
    func refused() throws {
        let program = try Program()
        let (running, goOn, group) = try begin(program, policy)
        // A controller that is taken away under the run: its file is there no more.
        try shell("cd '\(group)/steps' && echo -pids >cgroup.subtree_control")
        #expect(!fileExists("\(group)/steps/build.execute/pids.max"))
        let said = try shell(
            "'\(Program.binaries!)/update-all' policy set --state-dir '\(program.state)' step.tasks_max=20 "
                + "step.memory_max=100M; echo code $?")
        #expect(said.contains("code 3") && said.contains("pids.max"), "\(said)")
        #expect(try readText("\(group)/steps/build.execute/memory.max") == "\(200 << 20)")
        try shell(goOn)
        #expect(try running.finish().cause == .code(0))
        try program.expectNothingLeft()
    }
}

@Suite("A run that is paused", .serialized, .enabled(if: hasControllers, "\(noControllers)"))
struct PauseTests {
    private func frozen(_ branch: String, of run: PhaseStart) throws -> Bool {
        try readText("/sys/fs/cgroup\(stepsGroup(of: run))/../\(branch)/cgroup.events").contains("frozen 1")
    }

    /// Relative to the mount.
    private func stepsGroup(of run: PhaseStart) throws -> String {
        try #require(run.cgroup).split(separator: "/").dropLast().map { "/\($0)" }.joined()
    }

    @Test("Its steps are frozen by the kernel, its commit goes on, and cancel leaves nothing of it")
    func commit() throws {
        let program = try Program()
        let gate = try program.makeFIFO("gate")
        try program.add("build", script: "trap 'echo tidied; exit 1' TERM; echo ready; while :; do :; done")
        try program.add(
            "commit", manifest: "protected_phases = [\"execute\"]", script: "echo ready; cat \(gate); echo whole")
        let running = try program.start(policy: "[step]\nstop_grace = \"20s\"")
        for plugin in ["build", "commit"] {
            try running.wait { $0.plugin?.rawValue == plugin && $0.lines == ["ready"] }
        }
        let start = try #require(running.starts("build").first)
        #expect(try !frozen("steps", of: start))
        #expect(try program.ask("pause").contains("frozen: build/execute"))
        #expect(try frozen("steps", of: start) && !frozen("protected", of: start))
        #expect(try program.ask("status").contains("Paused by root"))

        #expect(try program.ask("cancel").contains("commits are waited for"))
        try running.wait { if case .phaseEnd = $0.body { $0.plugin?.rawValue == "build" } else { false } }
        try shell("echo go >\(gate)")
        let run = try running.finish()
        #expect(run.cause == .code(128 + SIGTERM), "\(run.errors)")
        #expect(run.end("build")?.outcome == .cancelled)
        #expect(run.lines("build") == ["ready", "tidied"], "thawed, it could obey")
        #expect(run.end("commit")?.outcome == .succeeded)
        #expect(run.lines("commit") == ["ready", "go", "whole"])
        #expect(!fileExists("\(program.state)/current"))
        try program.expectNothingLeft()
    }

    @Test("A step that exits while it is being frozen is seen to have, whichever of the two came first")
    func exitsMeanwhile() throws {
        try withTree { tree in
            for round in 0..<40 {
                let leaf = try tree.makeLeaf(step("short\(round)"), isProtected: false, limits: [])
                let script = round.isMultiple(of: 2) ? "exit 3" : "sleep 0.0\(round % 10); exit 3"
                let process = try start("/bin/sh", ["-c", script], in: leaf)
                try tree.freezeSteps(true)
                while try !readText("\(tree.mount)\(leaf.path)/cgroup.events").contains("frozen 1") {
                    #expect(try waitForPriority(leaf.eventsDescriptor, limit: .seconds(10)))
                }
                // It has ended by now, or stands still before that.
                let hasEnded = waitReadable(process.pidfd, limit: .zero)
                #expect(try hasEnded || leaf.isPopulated)
                try tree.freezeSteps(false)
                #expect(try end(of: process, in: leaf) == .code(3), "round \(round)")
                try waitUntilEmpty(leaf)
                try leaf.remove()
            }
        }
    }

    @Test("A frozen step that is killed ends at once, and what waits for it starts when the run goes on")
    func killedWhileFrozen() throws {
        let program = try Program()
        try program.add("build", script: "echo $$; exec sleep 1000")
        try program.add("later", manifest: "after = [\"build\"]", script: "echo ran")
        let running = try program.start()
        var process: pid_t?
        try running.wait { event in
            process = event.lines.first.flatMap { pid_t($0) }
            return process != nil
        }
        let start = try #require(running.starts("build").first)
        #expect(try program.ask("pause").contains("frozen: build/execute"))
        kill(try #require(process), SIGKILL)
        try running.wait { if case .phaseEnd = $0.body { $0.plugin?.rawValue == "build" } else { false } }
        #expect(try program.ask("status").contains("Paused by root"))
        #expect(try readText("/sys/fs/cgroup\(stepsGroup(of: start))/cgroup.freeze") == "1")
        #expect(running.starts("later").isEmpty)
        _ = try program.ask("resume")
        let run = try running.finish()
        #expect(run.end("build")?.outcome == .killed && run.end("later")?.outcome == .succeeded)
        #expect(run.lines("later") == ["ran"])
        try program.expectNothingLeft()
    }
}
