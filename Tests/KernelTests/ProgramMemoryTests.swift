import Glibc
import LinuxSystem
import RunModel
import Testing
import UpdateModel

extension FinishedProgram {
    /// The `limit` events of a plugin; `nil`: of none.
    func limits(_ plugin: String?, _ control: String) -> [LimitDeviation] {
        events.compactMap { event in
            guard event.plugin?.rawValue == plugin, case .limit(let limit) = event.body, limit.control == control else {
                return nil
            }
            return limit
        }
    }

    fileprivate var plan: Plan? {
        events.lazy.compactMap { if case .plan(let plan) = $0.body { plan } else { nil } }.first
    }
}

extension PhaseStart {
    fileprivate func value(of file: String) -> String? { limits.first { $0.file == file }?.value }
}

@Suite("Steps that want more memory", .serialized, .enabled(if: hasControllers, "\(noControllers)"))
struct ProgramMemoryTests {
    /// 100 MiB that are its own.
    private static let hundred = "head -c 100M /dev/zero | tail | wc -c"

    @Test("A step of 64 MiB that needs 100 gets through on its second try, and at once in the next run")
    func retry() throws {
        let program = try Program()
        try program.add("build", script: Self.hundred)
        let policy = """
            memory_max = "512M"
            [plugin.build]
            memory_max = "64M"
            memory_swap_max = "0"
            oom_retry = 1
            """
        let first = try program.run(policy: policy)
        #expect(first.cause == .code(0), "\(first.errors)")
        let starts = first.starts("build")
        #expect(starts.map { $0.value(of: "memory.max") } == ["\(64 << 20)", "\(128 << 20)"])
        #expect(
            starts.compactMap(\.cgroup).map { $0.split(separator: "/").last } == ["build.execute", "build.execute.2"])
        #expect(first.lines("build") == ["\(100 << 20)"])
        #expect(first.end("build")?.outcome == .succeeded)
        let limit = try #require(first.limits("build", "memory.max").first)
        #expect(limit.requested == "\(64 << 20)" && limit.effective == "\(128 << 20)")
        #expect(
            limit.reason == "build/execute was killed at its memory limit, and is tried again, 1 of 1", "\(limit)")
        #expect(first.plan?.steps.first?.demand.memory == nil)

        let second = try program.run(policy: policy)
        #expect(second.cause == .code(0), "\(second.errors)")
        #expect(second.starts("build").map { $0.value(of: "memory.max") } == ["\(128 << 20)"])
        let planned = try #require(second.plan?.steps.first)
        #expect(planned.demand.memorySource == .record)
        #expect((95 << 20...128 << 20).contains(try #require(planned.demand.memory).bytes))
        let lesson = try #require(second.plan?.deviations.first { $0.control == "memory.max" })
        #expect(lesson.effective == "\(128 << 20)" && lesson.reason.hasSuffix("in an earlier run (oom_retry)"))

        // The policy alone decides whether a step may have more than it says.
        let strict = try program.run(policy: policy.replacing("oom_retry = 1", with: "oom_retry = 0"))
        #expect(strict.end("build")?.outcome == .oomKilled)
        #expect(strict.starts("build").count == 1)
        try program.expectNothingLeft()
    }

    @Test("Where the run has no more for it, the step ends as oom_killed and says so")
    func noRetry() throws {
        let program = try Program()
        try program.add("huge", script: "head -c 160M /dev/zero | tail | wc -c")
        let run = try program.run(
            policy: """
                memory_max = "96M"
                memory_swap_max = "0"
                [plugin.huge]
                memory_max = "48M"
                oom_retry = 5
                """)
        #expect(run.cause == .code(1), "\(run.errors)")
        #expect(run.starts("huge").prefix(2).map { $0.value(of: "memory.max") } == ["\(48 << 20)", "\(96 << 20)"])
        let end = try #require(run.end("huge"))
        #expect(end.outcome == .oomKilled)
        let error = try #require(end.error)
        // Its limit is the run's by now: whichever of the two is met first.
        #expect(
            error.hasSuffix(". It was not tried again: it had 96 MiB, and may not have more")
                || error.hasSuffix(". It was not tried again: no other step ran beside it"), "\(error)")
        try program.expectNothingLeft()
    }

    @Test("A step that the limit of the run killed, since another one had the memory, is tried again alone")
    func alone() throws {
        let program = try Program()
        let full = try program.makeFIFO("full")
        // It holds its memory until the first try of the other has gone.
        try program.add(
            "holds",
            script: """
                steps=/sys/fs/cgroup$(cut -c 4- /proc/self/cgroup)/..
                { head -c 50M /dev/zero; echo >\(full); while [ -d $steps/hungry.execute ]; do sleep 0.2; done; } \\
                    | tail | wc -c
                """)
        try program.add(
            "hungry",
            script: """
                [ -e \(program.top)/tried ] || { touch \(program.top)/tried; read -r _ <\(full); }
                \(Self.hundred)
                """)
        let run = try program.run(policy: "memory_max = \"128M\"\nmemory_swap_max = \"0\"\n[step]\noom_retry = 1")
        #expect(run.cause == .code(0), "\(run.errors)")
        #expect(run.lines("holds") == ["\(50 << 20)"])
        #expect(run.lines("hungry") == ["\(100 << 20)"])
        #expect(run.starts("holds").count == 1 && run.starts("hungry").count == 2)
        let limit = try #require(run.limits("hungry", "memory.max").first)
        #expect(limit.requested == "beside others" && limit.effective == "alone")
        #expect(run.events.contains { if case .waiting = $0.body { $0.plugin?.rawValue == "hungry" } else { false } })
        try program.expectNothingLeft()
    }
}

@Suite("Commits that somebody wants to break", .serialized, .enabled(if: hasControllers, "\(noControllers)"))
struct CommitTests {
    private static let isProtected = "protected_phases = [\"execute\"]"
    private static let hundred = "head -c 100M /dev/zero | tail | wc -c"

    @Test(
        "A commit that needs more than its memory_high, without swap, ends in seconds: the limit is raised on it and above",
        .enabled(if: !hasSwap, "this machine has swap"))
    func memoryHigh() throws {
        let program = try Program()
        let highs = "cd /sys/fs/cgroup$(cut -c 4- /proc/self/cgroup); cat memory.high ../memory.high"
        try program.add(
            "commit", manifest: Self.isProtected, script: "\(Self.hundred); \(highs)")
        try program.add("later", manifest: "\(Self.isProtected)\nafter = [\"commit\"]", script: highs)
        let run = try program.run(
            policy: "memory_high = \"40M\"\n[step]\nmemory_high = \"32M\"\n[plugin.commit]\ntimeout = \"1h\"")
        #expect(run.cause == .code(0), "\(run.errors)")
        let wall = try #require(run.end("commit")?.metrics).wallSeconds
        #expect(wall < 60, "\(wall) s")
        let lines = run.lines("commit")
        try #require(lines.count == 3, "\(lines)")
        #expect(lines[0] == "\(100 << 20)")
        for (plugin, policy, found) in [("commit", 32, lines[1]), (nil, 40, lines[2])] as [(String?, Int, String)] {
            let raises = run.limits(plugin, "memory.high")
            #expect(!raises.isEmpty && raises.count <= 4, "\(raises)")
            #expect(raises.allSatisfy { $0.requested == "\(policy << 20)" && $0.reason.contains("without swap") })
            let values = raises.compactMap { $0.effective.flatMap { Int64($0) } }
            #expect(values == values.sorted() && Set(values).count == raises.count, "\(raises)")
            #expect(raises.last?.effective == found)
            #expect(try #require(Int64(found)) > 90 << 20)
        }
        // The next commit begins with what the policy says.
        #expect(run.lines("later") == ["\(32 << 20)", "\(40 << 20)"])
        try program.expectNothingLeft()
    }

    @Test(
        "What was raised for a commit stays under a policy that changes, and goes to the new value behind it",
        .enabled(if: !hasSwap, "this machine has swap"))
    func raisedAndSet() throws {
        let program = try Program()
        let gates = try ["raised", "more"].map(program.makeFIFO)
        let group = "cd /sys/fs/cgroup$(cut -c 4- /proc/self/cgroup)"
        // It holds what it has read until the gate is opened.
        try program.add(
            "commit", manifest: Self.isProtected,
            script: """
                \(group)
                { head -c 100M /dev/zero; echo >&2 'PROGRESS:{"percent": 50}'; cat \(gates[0]) \(gates[1]); } | tail | wc -c
                """)
        try program.add(
            "later", manifest: "\(Self.isProtected)\nafter = [\"commit\"]",
            script: "\(group); cat memory.high ../memory.high")
        let running = try program.start(policy: "memory_high = \"40M\"\n[step]\nmemory_high = \"32M\"")
        try running.wait { if case .progress = $0.body { true } else { false } }
        let leaf = "/sys/fs/cgroup" + (try #require(running.starts("commit").first?.cgroup))
        func highs() throws -> [Int64] {
            try ["memory.high", "../memory.high"].map { file in
                Int64(try readText("\(leaf)/\(file)")) ?? .max
            }
        }
        let raised = try highs()
        #expect(raised.allSatisfy { $0 > 90 << 20 }, "\(raised)")
        _ = try program.ask("policy set step.memory_high=48M run.memory_high=56M")
        #expect(try highs() == raised)
        // More than it was raised to is what it gets.
        _ = try program.ask("policy set plugin.commit.memory_high=1G")
        #expect(try highs() == [1 << 30, raised[1]])
        try shell("echo >\(gates[0]); echo >\(gates[1])")
        let run = try running.finish()
        #expect(run.cause == .code(0), "\(run.errors)")
        #expect(run.lines("later") == ["\(48 << 20)", "\(56 << 20)"])
        try program.expectNothingLeft()
    }

    @Test(
        "A commit that is given a memory_high in the middle is watched from then on, and not stopped by it",
        .enabled(if: !hasSwap, "this machine has swap"))
    func limitedLater() throws {
        let program = try Program()
        let gate = try program.makeFIFO("gate")
        try program.add(
            "commit", manifest: Self.isProtected,
            script:
                "echo ready; cat \(gate); \(Self.hundred); cat /sys/fs/cgroup$(cut -c 4- /proc/self/cgroup)/memory.high"
        )
        let running = try program.start()
        try running.wait { $0.lines == ["ready"] }
        _ = try program.ask("policy set step.memory_high=32M")
        try shell("echo >\(gate)")
        let run = try running.finish()
        #expect(run.cause == .code(0), "\(run.errors)")
        let wall = try #require(run.end("commit")?.metrics).wallSeconds
        #expect(wall < 60, "\(wall) s")
        #expect(try #require(run.lines("commit").last.flatMap { Int64($0) }) > 90 << 20, "\(run.lines("commit"))")
        try program.expectNothingLeft()
    }

    private static let scratch = "/mnt/disk"

    @Test(
        "A memory_high that slows is kept: what a commit writes to files can be taken back",
        .enabled(if: isMounted(scratch), "no scratch disk on /mnt/disk: kernel-lab --disk 512M"))
    func kept() throws {
        let program = try Program()
        try program.add(
            "commit", manifest: Self.isProtected,
            script: """
                head -c 150M /dev/zero >\(Self.scratch)/of-a-commit
                rm \(Self.scratch)/of-a-commit
                cat /sys/fs/cgroup$(cut -c 4- /proc/self/cgroup)/memory.high
                """)
        let run = try program.run(policy: "[step]\nmemory_high = \"48M\"")
        #expect(run.cause == .code(0), "\(run.errors)")
        #expect(run.lines("commit") == ["\(48 << 20)"])
        #expect(run.limits("commit", "memory.high").isEmpty)
        try program.expectNothingLeft()
    }

    @Test(
        "Limits that kill, a timeout, Ctrl-C twice and a sibling that eats the run's memory, all at once, break nothing"
    )
    func allAtOnce() throws {
        let program = try Program()
        let gate = try program.makeFIFO("gate")
        try program.add(
            "commit", manifest: Self.isProtected,
            script: """
                trap 'echo told' INT TERM
                for i in 1 2 3 4 5; do sleep 60 & others="$others $!"; done
                { head -c 40M /dev/zero; cat \(gate); } | tail | wc -c
                kill $others
                cd "/sys/fs/cgroup$(cut -c 4- /proc/self/cgroup)"
                cat memory.max pids.max ../memory.max ../pids.max cgroup.freeze
                """)
        try program.add("hungry", script: "head -c 512M /dev/zero | tail; echo unreachable")
        let running = try program.start(
            policy: """
                memory_max = "96M"
                memory_swap_max = "0"
                tasks_max = 30
                [plugin.commit.execute]
                memory_max = "24M"
                memory_swap_max = "0"
                tasks_max = 2
                leftovers = "kill"
                timeout = "2s"
                stop_grace = "100ms"
                """)
        try running.wait { if case .limit(let limit) = $0.body { limit.control == "timeout" } else { false } }
        try running.wait { if case .phaseEnd = $0.body { $0.plugin?.rawValue == "hungry" } else { false } }
        for _ in 1...2 {
            try running.send(SIGINT)
            try running.wait { if case .stopping = $0.body { $0.plugin?.rawValue == "commit" } else { false } }
        }
        try shell("echo go >\(gate)")
        let run = try running.finish()
        #expect(run.cause == .code(128 + SIGINT))
        #expect(run.end("hungry")?.outcome == .oomKilled)
        let end = try #require(run.end("commit"))
        #expect(end.outcome == .succeeded, "\(end)")
        #expect(end.metrics?.oomKills == 0)
        #expect(run.lines("commit") == ["\(40 << 20 | 3)", "max", "max", "max", "max", "0"], "\(run.lines("commit"))")
        try program.expectNothingLeft()
    }
}

/// Whether this machine could swap.
private let hasSwap: Bool = {
    guard let text = try? readText("/proc/swaps") else { return false }
    return text.split(separator: "\n").count > 1
}()
