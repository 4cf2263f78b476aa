// What becomes of a step that the kernel killed for memory: whether it is tried again, and with how much.

import UpdateModel

/// With what a step is tried again.
public enum MemoryRetry: Hashable, Sendable {
    /// A `memory.max` of its own that is larger.
    case larger(ByteCount)
    /// No other step beside it, since it was the run's limit that killed it.
    case alone
}

/// A try of a step that the kernel ended for memory.
public struct MemoryKill: Hashable, Sendable {
    /// The step's own `memory.max`, where that killed it; `nil`: it was another group's limit, or the machine's.
    public var limit: ByteCount?
    /// The `memory_max` of the run, where it has one.
    public var runLimit: ByteCount?
    /// The most that a step may have.
    public var largest: ByteCount
    /// It had all of the run to itself.
    public var wasAlone: Bool
    /// How often it was tried again for memory so far, and may be in all.
    public var retries: Int
    public var allowed: Int

    public init(
        limit: ByteCount?, runLimit: ByteCount?, largest: ByteCount, wasAlone: Bool, retries: Int, allowed: Int
    ) {
        self.limit = limit
        self.runLimit = runLimit
        self.largest = largest
        self.wasAlone = wasAlone
        self.retries = retries
        self.allowed = allowed
    }

    /// Why a step is not tried again.
    public enum Refusal: Error, Hashable, Sendable {
        /// The policy does not ask for it.
        case notWanted
        /// It was, as often as the policy has it.
        case spent(tries: Int)
        /// It had the most that a step may have.
        case noLargerShare(ByteCount)
        /// It had the run to itself, and that was not enough.
        case wasAlone
        /// No limit of ours: there is no share that could be larger.
        case machine
    }

    /// Twice what it had, or what there is; alone where it was not its own limit.
    public var retry: Result<MemoryRetry, Refusal> {
        if allowed == 0 { return .failure(.notWanted) }
        if retries >= allowed { return .failure(.spent(tries: retries)) }
        if let limit {
            let share = MemoryKill.next(after: limit, atMost: largest)
            return share > limit ? .success(.larger(share)) : .failure(.noLargerShare(limit))
        }
        if runLimit == nil { return .failure(.machine) }
        return wasAlone ? .failure(.wasAlone) : .success(.alone)
    }

    /// The share that follows one that was too small.
    static func next(after limit: ByteCount, atMost largest: ByteCount = ByteCount(.max)) -> ByteCount {
        let (doubled, overflows) = limit.bytes.multipliedReportingOverflow(by: 2)
        return min(ByteCount(overflows ? .max : doubled), largest)
    }
}
