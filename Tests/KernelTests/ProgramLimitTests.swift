import LinuxSystem
import Testing
import UpdateModel

/// One after the other: they measure.
@Suite("A run's limits in a real kernel", .serialized, .enabled(if: hasControllers, "\(noControllers)"))
struct ProgramLimitTests {
    @Test("A step over its memory_max ends as oom_killed with limit and peak; its sibling lives")
    func memoryMax() throws {
        let program = try Program()
        let fifo = try program.makeFIFO("hungry")
        try program.add("hungry", script: "exec 3>\(fifo); head -c 128M /dev/zero | tail; echo unreachable")
        try program.add("calm", script: "cat \(fifo); echo lives")
        let run = try program.run(
            policy: "[plugin.hungry]\nmemory_max = \"64M\"\nmemory_swap_max = \"0\"")

        #expect(run.cause == .code(1), "\(run.errors)")
        let end = try #require(run.end("hungry"))
        #expect(end.outcome == .oomKilled)
        let error = try #require(end.error)
        #expect(error.contains(": \(ByteCount(64 << 20)) allowed, "), "\(error)")
        #expect(error.contains("MiB used"), "\(error)")
        #expect(error.hasSuffix("--set plugin.hungry.memory_max=128M"), "\(error)")
        let peak = try #require(end.metrics?.memoryPeak).bytes
        #expect((58 << 20...64 << 20).contains(peak))
        #expect(try #require(end.metrics?.oomKills) >= 1)
        #expect(run.lines("hungry").isEmpty)
        #expect(run.end("calm")?.outcome == .succeeded)
        #expect(run.lines("calm") == ["lives"])
        try program.expectNothingLeft()
    }

    private static let scratch = "/mnt/disk"

    @Test(
        "cpu_quota and io hold within 15 % over the twelve seconds that the steps have",
        .enabled(if: isMounted(scratch), "no scratch disk on /mnt/disk: kernel-lab --disk 512M"))
    func rates() throws {
        let program = try Program()
        try program.add("busy", script: "while :; do :; done")
        // 1 MiB at a time, past the cache, for longer than it is given.
        try program.add(
            "writer",
            script: "exec dd if=/dev/zero of=\(Self.scratch)/of-a-run bs=1M count=200 oflag=direct")
        let rate = 4 << 20
        let run = try program.run(
            policy: """
                [plugin.busy]
                cpu_quota = "30%"
                timeout = "12s"
                [plugin.writer]
                io = [{ path = "\(Self.scratch)", write_bandwidth_max = "4M" }]
                timeout = "12s"
                """)
        try? removeFile("\(Self.scratch)/of-a-run")

        #expect(run.cause == .code(1), "\(run.errors)")
        for plugin in ["busy", "writer"] { #expect(run.end(plugin)?.outcome == .timedOut) }
        let busy = try #require(run.end("busy")?.metrics)
        let share = try (#require(busy.cpuUserSeconds) + #require(busy.cpuSystemSeconds)) / busy.wallSeconds
        #expect(busy.wallSeconds >= 10)
        #expect((0.255...0.345).contains(share), "\(share) of a CPU, 0.3 asked for")
        #expect(try #require(busy.throttledSeconds) > 1)
        let writer = try #require(run.end("writer")?.metrics)
        let written = try Double(#require(writer.ioWritten).bytes) / writer.wallSeconds / Double(rate)
        #expect(writer.wallSeconds >= 10)
        #expect((0.85...1.15).contains(written), "\(written) of what was asked for")
        try program.expectNothingLeft()
    }

    @Test("A fork bomb stays within tasks_max, and the rest of the run goes on")
    func forkBomb() throws {
        let program = try Program()
        let fifo = try program.makeFIFO("bomb")
        // dash ends where it cannot fork; the outer shell stays, so that the bomb burns until its timeout.
        try program.add(
            "bomb", script: "b() { b | b & }; (b; b); (b; b); echo burning >\(fifo); read -r nothing <\(fifo)")
        try program.add(
            "calm",
            script: "cat \(fifo); i=0; while [ $i -lt 20 ]; do /bin/true || exit 1; i=$((i + 1)); done; echo lives")
        let run = try program.run(
            policy: "[step]\nleftovers = \"kill\"\n[plugin.bomb]\ntasks_max = 32\ntimeout = \"5s\"\nstop_grace = \"1s\""
        )

        #expect(run.cause == .code(1), "\(run.errors)")
        let end = try #require(run.end("bomb"))
        #expect(end.outcome == .timedOut)
        #expect(try #require(end.metrics?.pidsPeak) == 32)
        #expect(run.end("calm")?.outcome == .succeeded)
        #expect(run.lines("calm") == ["burning", "lives"])
        try program.expectNothingLeft()
    }

    @Test("A step and its children are in its leaf, with its limits, from their first instruction")
    func firstInstruction() throws {
        let program = try Program()
        // The shell itself reads; nothing came before.
        let script = """
            read -r own </proc/self/cgroup; echo "$own"
            cat /proc/self/cgroup
            (cat /proc/self/cgroup | cat) & wait
            setsid --wait cat /proc/self/cgroup
            cat "/sys/fs/cgroup${own#0::}/pids.max"
            """
        try program.add("looks", script: script)
        try program.add("commits", manifest: "protected_phases = [\"execute\"]", script: script)
        let run = try program.run(policy: "[step]\ntasks_max = 77")

        #expect(run.cause == .code(0), "\(run.errors)")
        for (plugin, branch, limit) in [("looks", "steps", "77"), ("commits", "protected", "max")] {
            let lines = run.lines(plugin)
            try #require(lines.count == 5, "\(lines)")
            let group = try #require(run.starts(plugin).first?.cgroup)
            #expect(group.contains("/updateall.slice/run-") && group.hasSuffix("/\(branch)/\(plugin).execute"))
            for line in lines.dropLast() { #expect(line.hasPrefix("0::") && group.hasSuffix(line.dropFirst(3))) }
            #expect(lines.last == limit)
        }
        try program.expectNothingLeft()
    }

    @Test("A commit survives a sibling that eats the run's memory; it and all groups above it have no bound that kills")
    func protectedSurvives() throws {
        let program = try Program()
        let fifo = try program.makeFIFO("hungry")
        // It holds its memory until its sibling has ended.
        try program.add(
            "commit", manifest: "protected_phases = [\"execute\"]",
            script: """
                { head -c 40M /dev/zero; cat \(fifo); } | tail | wc -c
                group=$(cut -c 4- /proc/self/cgroup)
                while [ "$group" ]; do
                    for file in memory.max pids.max; do
                        value=$(cat "/sys/fs/cgroup$group/$file") && echo "${group##*/}: $file $value"
                    done
                    group=${group%/*}
                done
                """)
        try program.add("hungry", script: "exec 3>\(fifo); head -c 512M /dev/zero | tail")
        let run = try program.run(
            policy: """
                memory_max = "96M"
                memory_swap_max = "0"
                tasks_max = 200
                [step]
                memory_max = "1G"
                tasks_max = 100
                """)

        #expect(run.cause == .code(1), "\(run.errors)")
        #expect(run.end("hungry")?.outcome == .oomKilled)
        #expect(run.end("commit")?.outcome == .succeeded)
        #expect(run.end("commit")?.metrics?.oomKills == 0)
        let lines = run.lines("commit")
        #expect(lines.first == "\(40 << 20)")
        // Its leaf, the branch, the run and the slice, each with two files.
        #expect(lines.count == 9 && lines.dropFirst().allSatisfy { $0.hasSuffix(".max max") }, "\(lines)")
        try program.expectNothingLeft()
    }
}
