import Accounting
import Glibc
import LinuxSystem
import RunModel
import Spawning
import Testing
import UpdateModel

@testable import Cgroups
@testable import Launching

/// One after the other: they measure.
@Suite("Limits in a real kernel", .serialized, .enabled(if: hasControllers, "\(noControllers)"))
struct LimitTests {
    @Test("All limits are in a step's control files before its first instruction, which runs in its leaf")
    func before() throws {
        try withTree { tree in
            let limits = [
                control("memory.swap.max", "0"), control("memory.high", "\(96 << 20)"),
                control("memory.max", "\(128 << 20)"), control("cpu.max", "50000 100000"), control("pids.max", "64"),
                control("cpu.weight", "10"), control("memory.oom.group", "1"),
            ]
            let leaf = try tree.makeLeaf(step("limits"), isProtected: false, limits: limits)
            #expect(leaf.deviations.filter { $0.control != "memory.swap.max" }.isEmpty)
            let files = limits.map { tree.mount + leaf.path + "/" + $0.file }
            let process = try start("/bin/cat", ["/proc/self/cgroup"] + files, in: leaf)
            let lines = output(of: process).split(separator: "\n").map(String.init)
            #expect(lines.first == "0::" + leaf.path)
            #expect(Array(lines.dropFirst()) == leaf.applied.map(\.value))
            #expect(try end(of: process, in: leaf) == .code(0))
            try leaf.remove()
        }
    }

    @Test("A value that is not whole pages is rounded down, which is no deviation; a wrong one is, with the reason")
    func readBack() throws {
        try withTree { tree in
            let leaf = try tree.makeLeaf(
                step("rounded"), isProtected: false,
                limits: [control("memory.max", "\(64 << 20 | 5)"), control("cpu.max", "1 100000")])
            #expect(leaf.applied == [control("memory.max", "\(64 << 20)")])
            #expect(leaf.deviations.map(\.control) == ["cpu.max"])
            #expect(leaf.deviations.first?.reason == "the kernel refused it: Invalid argument")
            #expect(tree.missingControllerReason.isEmpty)
            #expect(tree.controllers == Set(Controller.allCases))
        }
    }

    @Test("A step over memory.max is killed, its counter says so, and its peak is at the limit")
    func memoryMax() throws {
        try withTree { tree in
            let limit: Int64 = 64 << 20
            let leaf = try tree.makeLeaf(
                step("hungry"), isProtected: false,
                limits: [
                    control("memory.swap.max", "0"), control("memory.max", "\(limit)"),
                    control("memory.oom.group", "1"),
                ])
            // The shell is killed with its child: the group dies whole.
            let process = try start("/bin/sh", ["-c", "head -c 128M /dev/zero | tail; true"], in: leaf)
            #expect(try end(of: process, in: leaf) == .signal(SIGKILL))
            let metrics = leaf.metrics(wall: .zero)
            #expect(try #require(metrics.oomKills) >= 1)
            let peak = try #require(metrics.memoryPeak)
            #expect(peak.bytes <= limit && peak.bytes > limit * 9 / 10)
            #expect(try #require(leaf.memoryEvents()).oomKills == metrics.oomKills)
            try waitUntilEmpty(leaf)
            try leaf.remove()
        }
    }

    @Test("A step whose group has not the memory to start it fails, and the kernel kills nobody else for it")
    func noMemoryToStart() throws {
        try withTree { tree in
            let leaf = try tree.makeLeaf(
                step("tiny"), isProtected: false,
                limits: [
                    control("memory.swap.max", "0"), control("memory.max", "65536"), control("memory.oom.group", "1"),
                ])
            // The kernel gathers them for the new program while the child still shares the memory of this process.
            let arguments = Array(repeating: String(repeating: "x", count: 100_000), count: 15)
            let error = #expect(throws: LaunchError.self) { try start("/bin/true", arguments, in: leaf) }
            #expect(error?.stage == .execute)
            #expect(error?.advice == "its group has no memory left for it: raise memory_max")
            try leaf.remove()
        }
    }

    @Test("A protected step survives a sibling that eats all the memory of the steps")
    func protectedSurvives() throws {
        try withTree { tree in
            let inForce = tree.applyRunLimits(
                run: [], steps: [control("memory.swap.max", "0"), control("memory.max", "\(32 << 20)")], protected: [])
            #expect(inForce.steps.deviations.filter { $0.control != "memory.swap.max" }.isEmpty)
            let commit = try tree.makeLeaf(step("commit"), isProtected: true, limits: [])
            let hungry = try tree.makeLeaf(step("hungry"), isProtected: false, limits: [])
            // Larger than what the steps may have: a bound on an ancestor of both would kill it first.
            let kept = try start("/bin/sh", ["-c", "head -c 48M /dev/zero | tail & wait; echo done"], in: commit)
            let killed = try start("/bin/sh", ["-c", "head -c 96M /dev/zero | tail"], in: hungry)
            _ = try end(of: killed, in: hungry)
            #expect(try #require(hungry.memoryEvents()).oomKills >= 1)
            #expect(output(of: kept).hasSuffix("done\n"))
            #expect(try end(of: kept, in: commit) == .code(0))
            #expect(try #require(commit.memoryEvents()).oomKills == 0)
            for leaf in [commit, hungry] { try waitUntilEmpty(leaf) }
        }
    }

    @Test("A fork bomb stays within pids.max, and one write ends it")
    func pidsMax() throws {
        try withTree { tree in
            let leaf = try tree.makeLeaf(step("bomb"), isProtected: false, limits: [control("pids.max", "32")])
            let process = try start("/bin/sh", ["-c", "b() { b | b & }; b; b; sleep 1000"], in: leaf)
            // Its own errors tell that the bound was met.
            guard let errors = process.takeStderr() else { return }
            #expect(waitReadable(errors.raw, limit: .seconds(60)))
            #expect(try leaf.processes().count <= 32)
            try leaf.kill()
            _ = try end(of: process, in: leaf)
            try waitUntilEmpty(leaf)
            if tree.missingControlFiles.contains("pids.peak") { return }
            #expect(try #require(leaf.metrics(wall: .zero).pidsPeak) <= 32)
        }
    }

    @Test("cpu.max holds within 15 % over ten seconds")
    func cpuMax() throws {
        try withTree { tree in
            let leaf = try tree.makeLeaf(
                step("busy"), isProtected: false, limits: [control("cpu.max", "30000 100000")])
            let process = try start("/bin/sh", ["-c", "while :; do :; done"], in: leaf)
            let begin = monotonicTime()
            let before = leaf.metrics(wall: .zero)
            #expect(!waitReadable(process.pidfd, limit: .seconds(10)))
            let wall = monotonicTime() - begin
            let after = leaf.metrics(wall: wall)
            let cpuTime = try #require(leaf.cpuTime)
            #expect(try #require(leaf.memoryInUse) > ByteCount(0))
            try leaf.kill()
            _ = try end(of: process, in: leaf)
            func used(_ metrics: Metrics) throws -> Double {
                try #require(metrics.cpuUserSeconds) + #require(metrics.cpuSystemSeconds)
            }
            let share = try (used(after) - used(before)) / wall.inSeconds
            #expect((0.255...0.345).contains(share), "\(share) of a CPU, 0.3 asked for")
            #expect(try abs(cpuTime.inSeconds - used(after)) < 0.1)
            #expect(try #require(after.throttledSeconds) > 1)
            try waitUntilEmpty(leaf)
        }
    }

    private static let scratch = "/mnt/disk"

    @Test(
        "io.max holds within 15 % over ten seconds",
        .enabled(if: isMounted(scratch), "no scratch disk on /mnt/disk: kernel-lab --disk 512M"))
    func ioMax() throws {
        guard case .disk(let disk) = lookUpDisk(Self.scratch) else {
            Issue.record("no disk below \(Self.scratch)")
            return
        }
        try withTree { tree in
            let rate = 4 << 20
            let leaf = try tree.makeLeaf(
                step("writer"), isProtected: false, limits: [control("io.max", "\(disk) wbps=\(rate)")])
            #expect(leaf.deviations.isEmpty)
            #expect(leaf.applied.first?.value == "\(disk) rbps=max wbps=\(rate) riops=max wiops=max")
            // 1 MiB at a time, past the cache, for longer than is measured.
            let written = "of=\(Self.scratch)/written"
            let size = ["bs=1M", "count=200", "oflag=direct"]
            let process = try start("/bin/dd", ["if=/dev/zero", written] + size, in: leaf)
            let begin = monotonicTime()
            let before = try #require(leaf.metrics(wall: .zero).ioWritten)
            #expect(!waitReadable(process.pidfd, limit: .seconds(12)))
            let wall = monotonicTime() - begin
            let after = try #require(leaf.metrics(wall: wall).ioWritten)
            try leaf.kill()
            _ = try end(of: process, in: leaf)
            try? removeFile(Self.scratch + "/written")
            let measured = Double(after.bytes - before.bytes) / wall.inSeconds / Double(rate)
            #expect((0.85...1.15).contains(measured), "\(measured) of what was asked for")
            try waitUntilEmpty(leaf)
        }
    }
}
