// What a group and all below it have used, as its kernel counts it.

import Cgroups
import LinuxSystem
import RunModel
import UpdateModel

extension Metrics {
    /// Reads the counters of the group at `directory`. What cannot be read stays `nil`.
    /// - Parameters:
    ///   - controllers: those that the group has.
    ///   - wall: how long it has been there.
    init(of directory: CInt, controllers: Set<Controller>, wall: Duration) {
        self.init(wallSeconds: wall.inSeconds)
        // cpu.stat is there in every group, with the controller or without; then it does not throttle either.
        readCPU(directory)
        if controllers.contains(.memory) { readMemory(directory) }
        if controllers.contains(.io) { readIO(directory) }
        if controllers.contains(.pids) { pidsPeak = readNumber("pids.peak", in: directory) }
    }

    private mutating func readCPU(_ directory: CInt) {
        guard let content = try? readControlFile("cpu.stat", in: directory) else { return }
        func seconds(_ key: String) -> Double? { number(of: key, in: content).map { Double($0) * 1e-6 } }
        cpuUserSeconds = seconds("user_usec")
        cpuSystemSeconds = seconds("system_usec")
        throttledSeconds = seconds("throttled_usec")
    }

    private mutating func readMemory(_ directory: CInt) {
        // It can be reset only from Linux 6.12 on: it is the step's own since the group is.
        memoryPeak = readNumber("memory.peak", in: directory).map(ByteCount.init)
        oomKills = (try? MemoryEvents.read(in: directory))?.oomKills
    }

    private mutating func readIO(_ directory: CInt) {
        guard let devices = try? Transfer.read(in: directory) else { return }
        // What goes through a stacked device is counted there and on the disk below.
        let counted = devices.count > 1 ? devices.filter { !isStacked($0.device) } : devices
        ioRead = ByteCount(counted.reduce(0) { $0 &+ $1.read })
        ioWritten = ByteCount(counted.reduce(0) { $0 &+ $1.written })
    }

    private func isStacked(_ device: String) -> Bool {
        ((try? directoryEntries("/sys/dev/block/\(device)/slaves")) ?? []).isEmpty == false
    }
}

/// What memory.events counts, of a group and all below it.
public struct MemoryEvents: Hashable, Sendable {
    /// Times that memory.high made it reclaim or wait.
    public var high: Int64
    /// Times that memory.max was about to be exceeded.
    public var max: Int64
    /// Times that memory.max left nothing but to kill; not each of them did.
    public var oom: Int64
    /// Processes killed, by the group's own limit or because the machine had no memory left.
    public var oomKills: Int64

    static func read(in directory: CInt) throws -> MemoryEvents {
        let content = try readControlFile("memory.events", in: directory)
        func count(_ key: String) -> Int64 { number(of: key, in: content) ?? 0 }
        return MemoryEvents(high: count("high"), max: count("max"), oom: count("oom"), oomKills: count("oom_kill"))
    }
}

/// A line of io.stat: what a group has read from and written to a device, in bytes.
struct Transfer {
    /// `MAJOR:MINOR`
    var device: String
    var read: Int64 = 0
    var written: Int64 = 0

    static func read(in directory: CInt) throws -> [Transfer] {
        try readControlFile("io.stat", in: directory).split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard let device = fields.first else { return nil }
            var transfer = Transfer(device: String(device))
            for field in fields.dropFirst() {
                if field.hasPrefix("rbytes=") { transfer.read = Int64(field.dropFirst(7)) ?? 0 }
                if field.hasPrefix("wbytes=") { transfer.written = Int64(field.dropFirst(7)) ?? 0 }
            }
            return transfer
        }
    }
}

/// The one number in a control file.
func readNumber(_ file: String, in directory: CInt) -> Int64? {
    (try? readControlFile(file, in: directory)).flatMap { Int64($0) }
}
