// What a policy gives a step or a whole run, as wishes with units; `ControlWrite` is what becomes of them.

/// Weight of CPU time against other groups.
public enum CPUWeight: Hashable, Sendable {
    /// `cpu.idle`: runs only where nobody else wants the CPU.
    case idle
    /// `cpu.weight`, 1…10000; 100 is the kernel's default.
    case weight(Int)
}

/// Caps on one disk, given by a path on it. Rates a second.
public struct IOCap: Hashable, Sendable {
    public var path: String
    public var readBandwidthMax: ByteCount?
    public var writeBandwidthMax: ByteCount?
    public var readIOPSMax: Int64?
    public var writeIOPSMax: Int64?

    public init(
        path: String, readBandwidthMax: ByteCount? = nil, writeBandwidthMax: ByteCount? = nil,
        readIOPSMax: Int64? = nil, writeIOPSMax: Int64? = nil
    ) {
        self.path = path
        self.readBandwidthMax = readBandwidthMax
        self.writeBandwidthMax = writeBandwidthMax
        self.readIOPSMax = readIOPSMax
        self.writeIOPSMax = writeIOPSMax
    }
}

/// The resources of one control group. `nil`: not limited (`infinity` in a policy is the same).
public struct Limits: Hashable, Sendable {
    public var memoryHigh: ByteCount?
    public var memoryMax: ByteCount?
    public var memorySwapMax: ByteCount?
    /// 1 is one CPU's whole time.
    public var cpuQuota: Fraction?
    public var cpuWeight: CPUWeight?
    /// 1…10000.
    public var ioWeight: Int?
    public var io: [IOCap]
    /// Processes and threads.
    public var tasksMax: Int64?

    public init(
        memoryHigh: ByteCount? = nil, memoryMax: ByteCount? = nil, memorySwapMax: ByteCount? = nil,
        cpuQuota: Fraction? = nil, cpuWeight: CPUWeight? = nil, ioWeight: Int? = nil, io: [IOCap] = [],
        tasksMax: Int64? = nil
    ) {
        self.memoryHigh = memoryHigh
        self.memoryMax = memoryMax
        self.memorySwapMax = memorySwapMax
        self.cpuQuota = cpuQuota
        self.cpuWeight = cpuWeight
        self.ioWeight = ioWeight
        self.io = io
        self.tasksMax = tasksMax
    }
}

/// One write of one value to one control file of a group: `memory.high` ← `805306368`.
public struct ControlWrite: Hashable, Sendable, CustomStringConvertible {
    public let file: String
    public let value: String

    public init(file: String, value: String) {
        self.file = file
        self.value = value
    }

    public var description: String { "\(file) = \(value)" }
}

/// A limit that was asked for and is not in force as asked: applied otherwise, or not at all.
public struct LimitDeviation: Hashable, Sendable {
    /// The control file or the policy's key.
    public let control: String
    public let requested: String
    /// What is in force instead; `nil`: nothing.
    public let effective: String?
    /// Why, as a clause without a full stop.
    public let reason: String

    public init(control: String, requested: String, effective: String?, reason: String) {
        self.control = control
        self.requested = requested
        self.effective = effective
        self.reason = reason
    }
}
