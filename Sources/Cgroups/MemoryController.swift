// memory.*: sizes in bytes, whole pages.

import LinuxSystem
import UpdateModel

enum MemoryController: ControllerFiles {
    static let controller = Controller.memory
    /// Swap accounting can be off (`swapaccount=0`); memory.peak came with Linux 5.19.
    static let optionalFiles = ["memory.swap.max", "memory.oom.group", "memory.peak"]

    /// The kernel rounds sizes down to pages (page_counter_memparse).
    static func isInForce(_ wanted: ControlWrite, effective: String, pageSize: Int64) -> Bool {
        if wanted.value == effective { return true }
        guard let asked = Int64(wanted.value), let given = Int64(effective) else { return false }
        return asked / pageSize * pageSize == given
    }

    static func inUse(in directory: CInt) -> ByteCount? {
        (try? readControlFile("memory.current", in: directory)).flatMap { Int64($0) }.map(ByteCount.init)
    }

    /// Pages of files that the group has in memory, which the kernel takes back where somebody needs the room.
    static func fileCache(in directory: CInt) -> ByteCount? {
        guard let content = try? readControlFile("memory.stat", in: directory),
            let active = number(of: "active_file", in: content),
            let inactive = number(of: "inactive_file", in: content)
        else { return nil }
        return ByteCount(active + inactive)
    }

    static func addMetrics(from directory: CInt, to metrics: inout Metrics) {
        // memory.peak can be reset only from Linux 6.12 on: it is the step's own since the group is.
        let peak = (try? readControlFile("memory.peak", in: directory)).flatMap { Int64($0) }
        metrics.memoryPeak = peak.map(ByteCount.init)
        metrics.oomKills = (try? MemoryEvents.read(in: directory))?.oomKills
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
