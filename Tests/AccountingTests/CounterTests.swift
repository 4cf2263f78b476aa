import Glibc
import LinuxSystem
import RunModel
import SystemPackage
import Testing
import UpdateModel

@testable import Accounting

@Suite("The counters of groups of other kernels, as plain files")
struct CounterTests {
    @Test("Each controller's counters are read in the units of the metrics")
    func metrics() throws {
        let group = try PlainGroup([
            "memory.peak": "1048576\n",
            "memory.events": "low 0\nhigh 7\nmax 5\noom 4\noom_kill 3\noom_group_kill 1\n",
            "cpu.stat": "usage_usec 3500000\nuser_usec 2000000\nsystem_usec 1500000\nthrottled_usec 250000\n",
            "io.stat": "7:0 \n259:9999 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n",
            "pids.peak": "12\n",
        ])
        let metrics = group.metrics(.cpu, .io, .memory, .pids)
        #expect(metrics.wallSeconds == 2)
        #expect(metrics.memoryPeak == ByteCount(1_048_576))
        #expect(metrics.oomKills == 3)
        #expect(metrics.cpuUserSeconds == 2 && metrics.cpuSystemSeconds == 1.5 && metrics.throttledSeconds == 0.25)
        #expect(metrics.ioRead == ByteCount(4096) && metrics.ioWritten == ByteCount(8192))
        #expect(metrics.pidsPeak == 12)
        let events = try MemoryEvents.read(in: group.directory.raw)
        #expect(events == MemoryEvents(high: 7, max: 5, oom: 4, oomKills: 3))
        let transfers = try Transfer.read(in: group.directory.raw)
        #expect(transfers.map(\.device) == ["7:0", "259:9999"])
        #expect(transfers.map(\.read) == [0, 4096] && transfers.map(\.written) == [0, 8192])
    }

    @Test("What a kernel does not count, or a group has no controller for, is not made up")
    func missing() throws {
        var nothing = Metrics(wallSeconds: 2)
        #expect(try PlainGroup([:]).metrics(.cpu, .io, .memory, .pids) == nothing)
        #expect(try PlainGroup(["pids.peak": "12\n", "memory.peak": "4096\n"]).metrics() == nothing)
        (nothing.ioRead, nothing.ioWritten) = (ByteCount(0), ByteCount(0))
        #expect(try PlainGroup(["io.stat": ""]).metrics(.io) == nothing)
    }
}

/// A directory of plain files that looks like a group of another kernel.
private final class PlainGroup {
    let directory: OwnedDescriptor
    private let path: String

    init(_ files: [String: String]) throws {
        var template = Array("/tmp/update-all-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        directory = try openDirectory(path)
        for (name, text) in files {
            let file = try openFile(name, in: directory.raw, O_WRONLY | O_CREAT, mode: 0o644)
            try writeAll(file.raw, Array(text.utf8))
        }
    }

    deinit { try? removeTree(path) }

    func metrics(_ controllers: Controller...) -> Metrics {
        Metrics(of: directory.raw, controllers: Set(controllers), wall: .seconds(2))
    }
}
