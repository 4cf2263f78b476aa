// What a policy's [protect] says: when updates step back for the sake of other workloads.

import UpdateModel

/// Pressure on others from which on the run steps back. Without any threshold it never does.
public struct Protection: Hashable, Sendable {
    public enum Action: String, Sendable, CaseIterable {
        /// Smaller shares for the run, in stages.
        case slow
        /// What may be frozen is.
        case freeze
        case slowThenFreeze = "slow-then-freeze"
    }

    /// Of pressure stall information: the share of the last ten seconds in which somebody had to wait.
    public var cpuSome: Fraction?
    public var memorySome: Fraction?
    public var ioSome: Fraction?
    /// Runnable threads of others, for each CPU; serves where the kernel tells no pressure.
    public var loadPerCPU: Double?
    /// Groups that are watched, below the mount of cgroup v2; where there are none the slices that systemd has for
    /// workloads.
    public var cgroups: [String] = []
    public var action = Action.slow
    /// How long others must have been well before the run takes one stage back.
    public var resumeAfter = Duration.seconds(30)

    public init() {}

    /// Whether there is anything to watch for.
    public var isActive: Bool { cpuSome != nil || memorySome != nil || ioSome != nil || loadPerCPU != nil }
}
