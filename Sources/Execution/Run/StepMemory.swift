// What a try of a step tells of the memory that the step needs. To be read before its group goes.

import Accounting
import Cgroups
import UpdateModel

/// `nil` throughout where the step had no group, or none with the memory controller.
struct StepMemory {
    /// The most that it needed: its peak, less what was only there since nobody else needed the room.
    private(set) var needed: ByteCount?
    /// Its own `memory.max`.
    private(set) var limit: ByteCount?
    /// The same, where it is what left nothing but to kill.
    private(set) var killingLimit: ByteCount?

    /// What has been written and read fills a group up to its limit, however little its programs need. Below so much it
    /// is not worth the look: memory.stat costs more than the other counters together.
    private static let negligible = ByteCount(16 << 20)

    init(needed: ByteCount? = nil, limit: ByteCount? = nil, killingLimit: ByteCount? = nil) {
        self.needed = needed
        self.limit = limit
        self.killingLimit = killingLimit
    }

    init(of leaf: Leaf?, events: MemoryEvents?, peak: ByteCount?) {
        guard let leaf else { return }
        limit = leaf.applied.first { $0.file == "memory.max" }.flatMap { Int64($0.value) }.map(ByteCount.init)
        // An ancestor's limit, and the machine's, count as kills here and not as the group's own want of memory.
        if let events, events.oom > 0, events.oomKills > 0 { killingLimit = limit }
        guard let peak else { return }
        let cache = peak > Self.negligible ? leaf.fileCache ?? ByteCount(0) : ByteCount(0)
        // The cache may have been empty when the programs needed most: at least they needed what is without it.
        needed = ByteCount(max(0, peak.bytes - cache.bytes))
    }
}
