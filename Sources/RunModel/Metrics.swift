// What a step used, read from its control group where it has one.

import UpdateModel

/// `nil`: the kernel, or the absence of a group, does not say.
public struct Metrics: Hashable, Sendable {
    public var wallSeconds: Double
    public var cpuUserSeconds: Double?
    public var cpuSystemSeconds: Double?
    public var memoryPeak: ByteCount?
    public var ioRead: ByteCount?
    public var ioWritten: ByteCount?
    /// Processes and threads at the same time.
    public var pidsPeak: Int64?
    public var oomKills: Int64?
    /// Time in which `cpu.max` kept it from running.
    public var throttledSeconds: Double?

    public init(wallSeconds: Double) { self.wallSeconds = wallSeconds }
}
