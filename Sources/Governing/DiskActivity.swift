// What disks did, for kernels that count no pressure.

import UpdateModel

/// One disk's counters since the machine booted (Documentation/admin-guide/iostats.rst).
public struct DiskCounters: Hashable, Sendable {
    public var name: String
    /// Time in which at least one request was under way.
    public var busy: Duration
    /// Read and written.
    public var transferred: ByteCount

    public init(name: String, busy: Duration, transferred: ByteCount) {
        self.name = name
        self.busy = busy
        self.transferred = transferred
    }

    /// The counters of each device of `/proc/diskstats`, by `MAJOR:MINOR`. Lines of another form are left out.
    public static func parse(diskstats content: String) -> [String: DiskCounters] {
        var disks: [String: DiskCounters] = [:]
        for line in content.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 13, let read = Int64(fields[5]), let written = Int64(fields[9]),
                let milliseconds = Int64(fields[12])
            else { continue }
            // Sectors are 512 bytes here, whatever the disk's are.
            disks["\(fields[0]):\(fields[1])"] = DiskCounters(
                name: String(fields[2]), busy: .milliseconds(milliseconds),
                transferred: ByteCount((read &+ written) &* 512))
        }
        return disks
    }
}

/// The share of the time in which a disk was busy for others.
public struct ForeignDiskUse: Sendable {
    private struct Look {
        var counters: DiskCounters
        var own: ByteCount
        var at: Duration
    }
    private var last: Look?

    public init() {}

    /// - Parameter own: what our run has read and written on it up to now.
    /// - Returns: its busy share since the look before, cut down to the part of the bytes that were not ours; `nil` at the
    ///   first look.
    public mutating func take(_ counters: DiskCounters, own: ByteCount, at now: Duration) -> Fraction? {
        let look = Look(counters: counters, own: own, at: now)
        defer { last = look }
        guard let last, now > last.at else { return nil }
        let busy = (counters.busy - last.counters.busy) / (now - last.at)
        let all = Double(counters.transferred.bytes &- last.counters.transferred.bytes)
        let ours = Double(own.bytes &- last.own.bytes)
        guard all > 0 else { return Fraction(0) }
        return Fraction(min(1, max(0, busy)) * min(1, max(0, 1 - ours / all)))
    }
}
