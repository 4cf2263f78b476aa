// What a step uses while it runs.

import UpdateModel

/// The figures of one moment, for a display: a newer one takes its place, and no log has them.
public struct Usage: Hashable, Sendable {
    /// Of CPU time since the figures before, 1 being one CPU; `nil` in the first.
    public var cpu: Fraction?
    public var memory: ByteCount?
    /// The lowest limit on its memory that is in force.
    public var memoryLimit: ByteCount?

    public init(cpu: Fraction? = nil, memory: ByteCount? = nil, memoryLimit: ByteCount? = nil) {
        self.cpu = cpu
        self.memory = memory
        self.memoryLimit = memoryLimit
    }
}
