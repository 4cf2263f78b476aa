// When a commit's memory.high is raised. It slows whoever can give memory back; a program that has only memory of its own,
// on a machine without swap, has nothing to give back, and each of its allocations waits for up to two seconds
// (MEMCG_MAX_HIGH_DELAY_JIFFIES in Linux's mm/memcontrol.c): that is no slowing but an end which is never reached.

import UpdateModel

/// The decisions for one group of commits. Values in, values out: the time is an argument.
public struct MemoryRelief: Sendable {
    public enum Answer: Hashable, Sendable {
        /// Nothing is to be done until the kernel tells of the next time that memory.high was met.
        case rest
        /// It may come to a stop before the kernel tells of it again: look at this time.
        case look(at: Duration)
        /// memory.high is to be raised; `nil`: taken away.
        case raise(to: ByteCount?)
    }

    /// Of the machine: a limit that is not below it limits nothing.
    private let machineMemory: ByteCount
    private var highEvents: Int64 = 0
    /// When the limit was last seen to be met, since it was last raised.
    private var lastMet: Duration?

    /// So long after the limit was met it is looked at again.
    private static let watchTime = Duration.seconds(5)
    private static let interval = Duration.milliseconds(100)
    /// A raise gives half as much again, and at least so much: from any limit there are few up to the machine's memory.
    private static let leastRaise = ByteCount(16 << 20)

    public init(machineMemory: ByteCount) { self.machineMemory = machineMemory }

    /// - Parameter now: of a clock that never goes back.
    public mutating func observe(_ memory: HeldMemory, at now: Duration) -> Answer {
        if memory.highEvents > highEvents { lastMet = now }
        highEvents = memory.highEvents
        guard let high = memory.high, let met = lastMet, now - met <= Self.watchTime else { return .rest }
        // An eighth that can be given back is what the kernel needs to find something to reclaim.
        let isNear = memory.held >= high.part(7, of: 8)
        let swapHelps = memory.swapLeft >= high.part(1, of: 8)
        if isNear, !swapHelps {
            lastMet = nil
            let raised = ByteCount(high.bytes + max(high.bytes / 2, Self.leastRaise.bytes))
            return .raise(to: raised < machineMemory ? raised : nil)
        }
        return memory.held >= high.part(1, of: 2) && !swapHelps ? .look(at: now + Self.interval) : .rest
    }
}

extension ByteCount {
    /// Without overflow.
    fileprivate func part(_ parts: Int64, of whole: Int64) -> ByteCount { ByteCount(bytes / whole * parts) }
}
