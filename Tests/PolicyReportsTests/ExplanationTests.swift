import PolicyFixtures
import Testing
import UpdateModel

@testable import Policy
@testable import PolicyReports

/// As the kernel of `machine` would answer: all that is written is in force.
private func report(_ limits: Limits, _ role: GroupRole, on facts: MachineFacts = machine) -> GroupReport {
    let (writes, deviations) = controlWrites(for: limits, of: role, on: facts)
    return GroupReport(applied: writes, deviations: deviations)
}

private func lines(_ statements: [PolicyStatement]) -> [String] {
    statements.map { statement in
        let controls = statement.controls.map(\.description).joined(separator: ", ")
        return [
            "\(statement.state.rawValue): \(statement.text)", controls, statement.source ?? "", statement.reason ?? "",
        ]
        .joined(separator: " | ")
    }
}

@Suite("The explanation of a policy")
struct ExplanationTests {
    private func explain(
        _ text: String, _ phase: Phase = .execute, protected: Bool = false, isRoot: Bool = true,
        callsSudo: Bool = false, needs: [CapabilityNeed] = [],
        on facts: MachineFacts = machine
    ) throws -> [String] {
        let policy = try merge(base: text)
        let step = ExplainedStep(
            apt, phase, isProtected: protected, isRoot: isRoot, callsSudo: callsSudo, timeout: .seconds(3600),
            capabilityNeeds: needs)
        let group = report(
            policy.step(apt, phase, on: facts).limits, protected ? .protectedLeaf : .leaf, on: facts)
        return lines(policy.explain(step, group: group, on: facts))
    }

    private let text = """
        [step]
        memory_max = "768M"
        memory_swap_max = 0
        cpu_weight = "idle"
        tasks_max = 512
        stop_grace = "1m"
        capabilities = ["cap_chown"]
        [plugin.apt]
        io = [{ path = "/", write_bandwidth_max = "40M" }, { path = "/tmp", read_iops_max = 9 }]
        timeout = "2h"
        """

    @Test("names the control file, its value and the key for each limit of an ordinary step")
    func step() throws {
        #expect(
            try explain(text) == [
                "enforced: At most 768 MiB of memory; beyond that the step is killed | memory.max = 805306368, memory.oom.group = 1 | [step] memory_max | ",
                "enforced: No swap | memory.swap.max = 0 | [step] memory_swap_max | ",
                "enforced: CPU only where nobody else wants it | cpu.idle = 1 | [step] cpu_weight | ",
                "enforced: On the disk of / at most 40 MiB a second written | io.max = 8:0 wbps=41943040 | [plugin.apt] io | ",
                "not_enforced: On the disk of /tmp at most 9 reads a second |  | [plugin.apt] io | tmpfs has no disk",
                "enforced: At most 512 processes and threads | pids.max = 512 | [step] tasks_max | ",
                "enforced: Nice level 10 |  | [step] nice | ",
                "enforced: Started in the idle classes of the CPU and I/O schedulers, group or not |  | [step] cpu_weight | ",
                "enforced: Gains no privileges through set-user-ID programs |  | [step] no_new_privileges | ",
                "enforced: Root with no capability but cap_chown |  | [step] capabilities | ",
                "enforced: Stopped after 2h |  | [plugin.apt] timeout | ",
                "enforced: Told to stop, it has 1m before it is killed |  | [step] stop_grace | ",
                "enforced: What outlives its main process is killed |  | [step] leftovers | ",
                "enforced: Put off if what another run or program holds is not free after 30m |  | [step] wait_timeout | ",
            ])
    }

    @Test("says what of it never reaches a commit, and why")
    func commit() throws {
        let found = try explain(text, protected: true, isRoot: false)
        for line in [
            "enforced: Slowed from 768 MiB of memory on, and not killed | memory.high = 805306368 | [step] memory_max | ",
            "left_out: No swap |  | [step] memory_swap_max | without swap, memory.high stops what has nothing to give back",
            "left_out: At most 512 processes and threads |  | [step] tasks_max | fork would fail in the middle of a commit",
            "left_out: Root with no capability but cap_chown |  | [step] capabilities | it does not run as root",
            "enforced: After 2h it is shown as overdue, and waited for |  | [plugin.apt] timeout | ",
            "left_out: Told to stop, it has 1m before it is killed |  | [step] stop_grace | a commit is waited for",
            "altered: What outlives its main process is reported |  | [step] leftovers | nothing of a commit is killed",
        ] {
            #expect(found.contains(line), "\(line)\nis missing in\n\(found.joined(separator: "\n"))")
        }
        let both = try explain("[step]\nmemory_max = \"2G\"\nmemory_high = \"1G\"", protected: true)
        #expect(
            both[0] == "enforced: Slowed from 1.0 GiB of memory on | memory.high = 1073741824 | [step] memory_high | ")
        #expect(both[1].hasPrefix("left_out: At most 2.0 GiB of memory"))
    }

    @Test("says which capabilities root has, and what a manifest asks for and does not get")
    func capabilities() throws {
        let needs = [
            CapabilityNeed(name: "cap_sys_admin", reason: "mounts"), CapabilityNeed(name: "cap_chown", reason: "files"),
        ]
        let usual = try explain("", needs: needs)
        #expect(
            usual.filter { $0.contains("Root") || $0.contains("cap_") } == [
                "enforced: Root with no capability but the usual ones, for files, users and services |  |  | ",
                "enforced: cap_sys_admin too, as its manifest asks: mounts |  |  | ",
                "enforced: cap_chown too, as its manifest asks: files |  |  | ",
            ])
        let listed = try explain("[step]\ncapabilities = [\"cap_chown\"]", needs: needs)
        #expect(
            listed.filter { $0.contains("cap_") } == [
                "enforced: Root with no capability but cap_chown |  | [step] capabilities | ",
                "left_out: cap_sys_admin, as its manifest asks: mounts |  | [step] capabilities | the policy's list does not have it",
            ])
        #expect(try explain("", isRoot: false, needs: needs).allSatisfy { !$0.contains("cap_") })
    }

    @Test("of a machine without controllers says so of each limit, and that the rest holds all the same")
    func noControllers() throws {
        var facts = machine
        facts.controllers = []
        facts.missingControllerReason = "no cgroup v2 hierarchy is mounted"
        let found = try explain(text, on: facts)
        #expect(found.filter { $0.hasSuffix("| no cgroup v2 hierarchy is mounted") }.count == 6)
        #expect(found.contains { $0.hasPrefix("enforced: Nice level 10") })
    }

    @Test("says where something else is in force than was asked for")
    func altered() throws {
        var facts = machine
        facts.missingControlFiles = ["cpu.idle", "io.weight"]
        let found = try explain("[step]\ncpu_weight = \"idle\"\nio_weight = 10\ncpu_quota = \"0.5%\"", on: facts)
        #expect(
            found[0...2] == [
                "altered: At most 1 % of one CPU | cpu.max = 1000 100000 | [step] cpu_quota | the kernel takes no quota below 1 ms",
                "altered: CPU only where nobody else wants it | cpu.weight = 1 | [step] cpu_weight | this kernel has no cpu.idle",
                "not_enforced: I/O weight 10 among its siblings; 100 is usual |  | [step] io_weight | this kernel has no io.weight",
            ])
        // Told by the kernel, which made another value of it.
        let policy = try merge(base: "[step]\nmemory_high = \"1G\"")
        let refused = GroupReport(
            applied: [],
            deviations: [
                LimitDeviation(control: "memory.high", requested: "1073741824", effective: nil, reason: "it refused it")
            ])
        let step = ExplainedStep(apt, .check, isProtected: false, isRoot: true, callsSudo: false, timeout: .seconds(10))
        #expect(lines(policy.explain(step, group: refused, on: machine))[0].hasSuffix("| it refused it"))
    }

    @Test("has words for every value")
    func words() throws {
        let found = try explain(
            """
            [step]
            memory_high = "infinity"
            memory_max = "25%"
            memory_swap_max = "1G"
            cpu_quota = "50% of machine"
            cpu_weight = 20
            io_weight = 10
            tasks_max = "infinity"
            capabilities = []
            leftovers = "keep"
            pty = "always"
            oom_retry = 2
            """, callsSudo: true)
        for part in [
            "enforced: No limit of memory | ", "At most 4.0 GiB (25 % of the machine's) of memory",
            "At most 1.0 GiB of swap",
            "At most 50 % of all 8 CPUs", "CPU weight 20 among its siblings", "I/O weight 10 among its siblings",
            "No limit of processes and threads", "Root with no capability | ", "is left alone",
            "Runs on a pseudo-terminal",
            "enforced: Killed for memory, it is tried up to 2 times more, each time with twice as much, at most 16 GiB |",
            "left_out: Gains no privileges through set-user-ID programs |  | [step] no_new_privileges | the plugin calls sudo",
            "Stopped after 1h, as its manifest or its command has it |  |  | ",
        ] {
            #expect(found.contains { $0.contains(part) }, "\(part)\nis missing in\n\(found.joined(separator: "\n"))")
        }
        #expect(
            try explain("[step]\nleftovers = \"report\"\nmemory_swap_max = \"infinity\"")[0].contains(
                "No limit of swap"))
        #expect(try explain("[step]\ncpu_quota = \"infinity\"")[0].contains("No limit of CPU time"))
        #expect(
            try explain("[step]\npty = \"always\"", .check).allSatisfy {
                !$0.contains("terminal") && !$0.contains("Put off")
            })
    }

    @Test("says of what the ceiling has cut what was asked for, and when anything is started")
    func ceiling() throws {
        let policy = try merge(
            etc: ["[run]\nparallel = 2\n[step]\nmemory_max = \"1G\"\nnice = 10"],
            set: [
                "run.parallel=9", "step.memory_max=25%", "step.nice=3", "window.allow=[\"22:00-05:00\"]",
                "window.finish_by=true",
            ])
        let step = ExplainedStep(apt, .check, isProtected: false, isRoot: true, callsSudo: false, timeout: .seconds(9))
        let found = lines(
            policy.explain(step, group: report(policy.step(apt, .check, on: machine).limits, .leaf), on: machine))
        #expect(
            found[0] == "altered: At most 1.0 GiB of memory; beyond that the step is killed | memory.max = 1073741824, "
                + "memory.oom.group = 1 | [step] memory_max | \"25%\" was asked for, above the ceiling of etc-0.toml:4")
        #expect(
            found[1] == "altered: Nice level 10 |  | [step] nice | 3 was asked for, above the ceiling of etc-0.toml:5")
        let run = lines(policy.explainRun(group: report(Limits(), .run), steps: report(Limits(), .branch), on: machine))
        for line in [
            "altered: At most 2 steps at the same time |  | [run] parallel | 9 was asked for, above the ceiling of etc-0.toml:2",
            "enforced: Nothing is started outside of 22:00-05:00; what runs then goes on |  | [window] allow | ",
            "enforced: Nothing is started that is not expected to end by then |  | [window] finish_by | ",
        ] {
            #expect(run.contains(line), "\(line)\nis missing in\n\(run.joined(separator: "\n"))")
        }
    }

    @Test("of a run tells what binds all steps, and what of that binds commits")
    func run() throws {
        let policy = try merge(base: "[run]\nmemory_max = \"25%\"\ncpu_quota = \"150%\"\ntasks_max = 9\nparallel = 1")
        let limits = policy.run(on: machine).limits
        #expect(
            lines(policy.explainRun(group: report(limits, .run), steps: report(limits, .branch), on: machine)) == [
                "enforced: At most 4.0 GiB (25 % of the machine's) of memory; beyond that one of them is killed | memory.max = 4294967296 | [run] memory_max | ",
                "enforced: At most 150 % of one CPU | cpu.max = 150000 100000 | [run] cpu_quota | ",
                "enforced: At most 9 processes and threads | pids.max = 9 | [run] tasks_max | ",
                "enforced: One step at a time |  | [run] parallel | ",
                "enforced: At most 2 downloads at the same time |  | [run] downloads | ",
            ])
        #expect(
            lines(policy.explainCommits(group: report(limits, .protectedBranch), on: machine)) == [
                "enforced: Slowed from 4.0 GiB (25 % of the machine's) of memory on, and not killed | memory.high = 4294967296 | [run] memory_max | ",
                "left_out: At most 9 processes and threads |  | [run] tasks_max | fork would fail in the middle of a commit",
            ])
        let protecting = try merge(
            base:
                "[protect]\nio_some = \"15%\"\nload_per_cpu = 1.5\naction = \"slow-then-freeze\"\n[hooks]\nbefore_run = [\"/s\"]\nafter_run = [\"/h\"]"
        )
        let more = lines(
            protecting.explainRun(group: report(Limits(), .run), steps: report(Limits(), .branch), on: machine))
        #expect(
            more.suffix(4) == [
                "enforced: Slowed, then frozen, while the workloads wait for I/O in 15 % of the time; commits are only slowed |  | [protect] io_some | ",
                "enforced: Slowed, then frozen, while others have 1.5 runnable threads for each CPU, where no pressure is told |  | [protect] load_per_cpu | ",
                "enforced: /s runs before all steps, as a step; if it fails, none of them runs |  | [hooks] before_run | ",
                "enforced: /h runs after all steps, as a step, however they ended |  | [hooks] after_run | ",
            ])
        let plain = try merge()
        let statements = plain.explainRun(group: report(Limits(), .run), steps: report(Limits(), .branch), on: machine)
        #expect(
            lines(statements)[0] == "enforced: At most 8 steps at the same time, as many as there are CPUs |  |  | ")
    }
}
