// What planning knows of the machine: a snapshot, taken once, so that planning itself asks nobody.

/// The controllers of cgroup v2 that a policy uses.
public enum Controller: String, Sendable, CaseIterable, Comparable {
    case cpu, io, memory, pids

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// The controller that a control file belongs to: the part before the first dot.
    public init?(controlFile: String) {
        guard let name = controlFile.split(separator: ".").first.flatMap({ Controller(rawValue: String($0)) }) else {
            return nil
        }
        self = name
    }
}

/// The disk behind a path.
public enum DiskLookup: Hashable, Sendable {
    /// The whole disk's `major:minor`, as `io.max` wants it.
    case disk(String)
    /// No cap is possible there: why, as a clause (`overlay has no disk of its own`).
    case none(reason: String)
}

/// A snapshot of the machine.
public struct MachineFacts: Hashable, Sendable {
    public var hostName: String
    public var memory: ByteCount
    public var cpus: Int
    public var pageSize: Int64
    /// The controllers that a leaf of ours has.
    public var controllers: Set<Controller>
    /// Control files of those controllers that this kernel lacks, such as `io.weight`.
    public var missingControlFiles: Set<String>
    /// Why a controller is not in `controllers`, as a clause; the same for all that are missing.
    public var missingControllerReason: String
    /// For each path of the policy's I/O caps.
    public var disks: [String: DiskLookup]
    /// Why the kernel cannot hold what a run downloads to a rate, as a clause; `nil`: it can.
    public var downloadLimitRefusal: String?

    public init(
        hostName: String, memory: ByteCount, cpus: Int, pageSize: Int64, controllers: Set<Controller>,
        missingControlFiles: Set<String> = [], missingControllerReason: String = "", disks: [String: DiskLookup] = [:],
        downloadLimitRefusal: String? = nil
    ) {
        self.hostName = hostName
        self.memory = memory
        self.cpus = cpus
        self.pageSize = pageSize
        self.controllers = controllers
        self.missingControlFiles = missingControlFiles
        self.missingControllerReason = missingControllerReason
        self.disks = disks
        self.downloadLimitRefusal = downloadLimitRefusal
    }
}
