import Glibc
import LinuxSystem
import SystemPackage
import Testing
import UpdateModel

@testable import Cgroups

/// A directory of plain files that looks like a group of another kernel.
final class PlainGroup {
    let path: String

    init(_ files: [String: String]) throws {
        var template = Array("/tmp/update-all-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for (name, text) in files {
            let file = try openFile(path + "/" + name, O_WRONLY | O_CREAT, mode: 0o644)
            try writeAll(file.raw, Array(text.utf8))
        }
    }

    func metrics(_ controllers: Controller...) throws -> Metrics {
        let directory = try openDirectory(path)
        var metrics = Metrics(wallSeconds: 0)
        for controller in controllers { files(of: controller).addMetrics(from: directory.raw, to: &metrics) }
        return metrics
    }

    deinit {
        for name in (try? directoryEntries(path)) ?? [] { try? removeFile(path + "/" + name) }
        try? removeDirectory(path)
    }
}

@Suite("Groups of other kernels, as plain files")
struct PlainFileTests {
    @Test("Each controller reads its own counters, in the units of the metrics")
    func metrics() throws {
        let group = try PlainGroup([
            "memory.peak": "1048576\n",
            "memory.events": "low 0\nhigh 7\nmax 5\noom 4\noom_kill 3\noom_group_kill 1\n",
            "cpu.stat": "usage_usec 3500000\nuser_usec 2000000\nsystem_usec 1500000\nthrottled_usec 250000\n",
            "io.stat": "7:0 \n259:9999 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n",
            "pids.peak": "12\n",
        ])
        let metrics = try group.metrics(.cpu, .io, .memory, .pids)
        #expect(metrics.memoryPeak == ByteCount(1_048_576))
        #expect(metrics.oomKills == 3)
        #expect(metrics.cpuUserSeconds == 2 && metrics.cpuSystemSeconds == 1.5 && metrics.throttledSeconds == 0.25)
        #expect(metrics.ioRead == ByteCount(4096) && metrics.ioWritten == ByteCount(8192))
        #expect(metrics.pidsPeak == 12)
        let directory = try openDirectory(group.path)
        #expect(try MemoryEvents.read(in: directory.raw) == MemoryEvents(high: 7, max: 5, oom: 4, oomKills: 3))
    }

    @Test("What a kernel does not count is not made up")
    func missing() throws {
        #expect(try PlainGroup([:]).metrics(.cpu, .io, .memory, .pids) == Metrics(wallSeconds: 0))
        let idle = try PlainGroup(["io.stat": ""]).metrics(.io)
        #expect(idle.ioRead == ByteCount(0) && idle.ioWritten == ByteCount(0))
    }

    @Test("Without cgroup.kill, all are frozen, killed one by one, and thawed")
    func oldKill() throws {
        var id = pid_t()
        let arguments = [strdup("sleep"), strdup("1000"), nil]
        defer { for argument in arguments { free(argument) } }
        try #require(posix_spawn(&id, "/bin/sleep", nil, nil, arguments, nil) == 0)
        let group = try PlainGroup(["cgroup.procs": "\(id)\n", "cgroup.freeze": "0"])
        try Group(opening: group.path).kill()
        var status: CInt = 0
        waitpid(id, &status, 0)
        #expect(status & 0x7F == SIGKILL)
        #expect(try readText(group.path + "/cgroup.freeze") == "0")
    }

    @Test("Controllers that are handed down already are not asked for again, and absent ones are no failure")
    func delegation() throws {
        let group = try PlainGroup([
            "cgroup.controllers": "cpuset cpu memory\n", "cgroup.subtree_control": "cpu memory\n",
        ])
        let all = Set(Controller.allCases)
        let delegation = try Delegation.enable(all, below: Group(opening: group.path))
        #expect(delegation == Delegation(enabled: [.cpu, .memory], failure: nil))
        #expect(throws: CgroupError.self) { _ = try Delegation.enable(all, below: Group(opening: "/tmp")) }
    }
}
