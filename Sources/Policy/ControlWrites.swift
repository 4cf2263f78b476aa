// Limits as wishes become writes to control files, in the order in which the kernel wants them.

import UpdateModel

/// The control group that limits are for.
public enum GroupRole: Hashable, Sendable, CaseIterable {
    /// The run's own group, above its branches: what binds all steps together and can kill none of them.
    case run
    /// The branch of the run's ordinary steps.
    case branch
    /// The branch of the run's commits.
    case protectedBranch
    /// A phase's own group.
    case leaf
    /// A commit's own group.
    case protectedLeaf

    /// Nothing that can kill or stop what is below may be set here.
    public var isProtected: Bool { self == .run || self == .protectedBranch || self == .protectedLeaf }

    /// Weights, `cpu.max` and `io.max`: those of a run bind its commits too, so they are on the group above the branches,
    /// and not once more on each of them.
    fileprivate var sharesTime: Bool { self == .run || self == .leaf || self == .protectedLeaf }

    /// Memory and processes: those of a run kill what is below, so they are on the branches.
    fileprivate var holdsMemory: Bool { self != .run }
}

/// Translates limits for one group on one machine.
///
/// Swap comes before max and high before max, so that a group is never killed for what it could have given back. A
/// protected group gets weights, `cpu.max`, `io.max` and `memory.high` alone: `memory.max` kills, `pids.max` lets fork
/// fail in the middle of a commit, and without swap `memory.high` stops what has nothing to give back. There the lower
/// of `memory_max` and `memory_high` is the `memory.high`.
/// - Returns: The writes in order, and what the machine cannot do: one deviation for each control, and one for each
///   path without a disk.
public func controlWrites(
    for limits: Limits, of role: GroupRole, on facts: MachineFacts
) -> (writes: [ControlWrite], deviations: [LimitDeviation]) {
    var translation = Translation(facts: facts)
    if role.holdsMemory { translation.memory(limits, role) }
    if role.sharesTime {
        translation.cpu(limits)
        translation.io(limits)
    }
    if !role.isProtected, let tasks = limits.tasksMax { translation.write("pids.max", "\(tasks)") }
    return (translation.writes, translation.deviations)
}

private struct Translation {
    let facts: MachineFacts
    var writes: [ControlWrite] = []
    var deviations: [LimitDeviation] = []

    mutating func write(_ file: String, _ value: String) {
        if let reason = whyMissing(file) {
            deviate(file, value, reason: reason)
        } else {
            writes.append(ControlWrite(file: file, value: value))
        }
    }

    private mutating func deviate(_ file: String, _ value: String, effective: String? = nil, reason: String) {
        deviations.append(LimitDeviation(control: file, requested: value, effective: effective, reason: reason))
    }

    /// `nil` where the file is there.
    private func whyMissing(_ file: String) -> String? {
        if let controller = Controller(controlFile: file), !facts.controllers.contains(controller) {
            return facts.missingControllerReason
        }
        return facts.missingControlFiles.contains(file) ? "this kernel has no \(file)" : nil
    }

    // MARK: memory

    mutating func memory(_ limits: Limits, _ role: GroupRole) {
        if role.isProtected {
            let high = [limits.memoryHigh, limits.memoryMax].compactMap(\.self).min()
            if let high { write("memory.high", pages(high, atLeast: 1)) }
            return
        }
        if let swap = limits.memorySwapMax { write("memory.swap.max", pages(swap, atLeast: 0)) }
        if let high = limits.memoryHigh { write("memory.high", pages(high, atLeast: 1)) }
        if let maximum = limits.memoryMax { write("memory.max", pages(maximum, atLeast: 1)) }
        // A step dies whole; a branch never does, since its other steps have done nothing. Nobody asked for it, so
        // where it is missing no wish is unfulfilled.
        if role == .leaf, whyMissing("memory.oom.group") == nil { write("memory.oom.group", "1") }
    }

    /// The kernel counts pages and rounds down; rounded here, what is read back is what was written.
    private func pages(_ size: ByteCount, atLeast minimum: Int64) -> String {
        "\(max(size.bytes / facts.pageSize, minimum) * facts.pageSize)"
    }

    // MARK: cpu

    /// Microseconds: the kernel's default period, and the least quota that it takes (`min_cfs_quota_period`).
    private static let period: Int64 = 100_000
    private static let leastQuota: Int64 = 1000

    mutating func cpu(_ limits: Limits) {
        switch limits.cpuWeight {
        case .idle:
            // Linux 5.15; before that the least weight is the nearest there is.
            if whyMissing("cpu.idle") != nil, whyMissing("cpu.weight") == nil {
                deviate("cpu.idle", "1", effective: "cpu.weight = 1", reason: "this kernel has no cpu.idle")
                write("cpu.weight", "1")
            } else {
                write("cpu.idle", "1")
            }
        case .weight(let weight): write("cpu.weight", "\(weight)")
        case nil: break
        }
        guard let quota = limits.cpuQuota else { return }
        let wanted = Int64((quota.value * Double(Self.period)).rounded())
        let given = max(wanted, Self.leastQuota)
        if given != wanted, whyMissing("cpu.max") == nil {
            let (asked, effective) = ("\(wanted) \(Self.period)", "\(given) \(Self.period)")
            deviate("cpu.max", asked, effective: effective, reason: "the kernel takes no quota below 1 ms")
        }
        write("cpu.max", "\(given) \(Self.period)")
    }

    // MARK: io

    mutating func io(_ limits: Limits) {
        if let weight = limits.ioWeight { write("io.weight", "default \(weight)") }
        guard !limits.io.isEmpty else { return }
        if let reason = whyMissing("io.max") {
            let wishes = limits.io.map { "\($0.path) \(Self.text($0))" }
            return deviate("io.max", wishes.joined(separator: ", "), reason: reason)
        }
        // In the order in which the policy names the disks.
        var disks: [(device: String, cap: IOCap)] = []
        for cap in limits.io {
            switch facts.disks[cap.path] ?? .none(reason: "nobody looked for the disk of \(cap.path)") {
            case .none(let reason): deviate("io.max", "\(cap.path) \(Self.text(cap))", reason: reason)
            case .disk(let device):
                if let index = disks.firstIndex(where: { $0.device == device }) {
                    disks[index].cap = disks[index].cap.tighter(cap)
                } else {
                    disks.append((device, cap))
                }
            }
        }
        for disk in disks { write("io.max", "\(disk.device) \(Self.text(disk.cap))") }
    }

    /// `rbps=83886080 wiops=400`: what is not capped is left out and stays `max`.
    private static func text(_ cap: IOCap) -> String {
        let caps: [(String, Int64?)] = [
            ("rbps", cap.readBandwidthMax?.bytes), ("wbps", cap.writeBandwidthMax?.bytes),
            ("riops", cap.readIOPSMax), ("wiops", cap.writeIOPSMax),
        ]
        return caps.compactMap { name, value in value.map { "\(name)=\($0)" } }.joined(separator: " ")
    }
}
