// What a group says of its memory, as far as it matters to whom memory.high slows.

import UpdateModel

/// A group's memory at one moment.
public struct HeldMemory: Hashable, Sendable {
    /// memory.high; `nil`: `max`.
    public var high: ByteCount?
    /// Of what the group uses, what cannot be taken back without swap: all but pages of files and caches of the kernel.
    public var held: ByteCount
    /// How often memory.high made the group reclaim or wait, since it was made.
    public var highEvents: Int64
    /// How much more of it could go to swap.
    public var swapLeft: ByteCount

    public init(high: ByteCount?, held: ByteCount, highEvents: Int64, swapLeft: ByteCount) {
        self.high = high
        self.held = held
        self.highEvents = highEvents
        self.swapLeft = swapLeft
    }

    /// - Parameters: the contents of memory.high, memory.current, memory.stat and memory.events.
    /// - Returns: `nil` where one of them is not of the form that the kernel gives it.
    public init?(high: String, current: String, stat: String, events: String, swapLeft: ByteCount) {
        let stat = Self.numbers(stat)
        guard let current = Int64(current), let active = stat["active_file"], let inactive = stat["inactive_file"],
            let highEvents = Self.numbers(events)["high"], high == "max" || Int64(high) != nil
        else { return nil }
        // Linux counts in batches, so that the parts can be more than the whole.
        let held = current - active - inactive - (stat["slab_reclaimable"] ?? 0)
        self.init(
            high: Int64(high).map(ByteCount.init), held: ByteCount(max(0, held)), highEvents: highEvents,
            swapLeft: swapLeft)
    }

    /// Lines of `key number`.
    private static func numbers(_ content: String) -> [Substring: Int64] {
        var numbers: [Substring: Int64] = [:]
        for line in content.split(separator: "\n") {
            let parts = line.split(separator: " ")
            if parts.count == 2 { numbers[parts[0]] = Int64(parts[1]) }
        }
        return numbers
    }
}

/// How much more a group's memory could go to swap.
/// - Parameters:
///   - meminfo: the content of /proc/meminfo.
///   - groups: memory.swap.max and memory.swap.current of the group and of each above it that has them.
public func swapLeft(meminfo: String, groups: [(max: String, current: String)]) -> ByteCount {
    var left: Int64 = 0
    for line in meminfo.split(separator: "\n") where line.hasPrefix("SwapFree:") {
        left = line.split(separator: " ").dropFirst().first.flatMap { Int64($0) }.map { $0 << 10 } ?? 0
    }
    for group in groups {
        guard let most = Int64(group.max) else { continue }
        left = min(left, max(0, most - (Int64(group.current) ?? 0)))
    }
    return ByteCount(left)
}
