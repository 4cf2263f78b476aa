// A policy that changes while its run goes on: which values are others than before, which of them a run can still take, and
// what its groups are told then.

import Policy
import UpdateModel

/// A value of a policy that is another than before.
public struct PolicyChange: Hashable, Sendable {
    public var slot: PolicySlot
    /// As TOML.
    public var value: String
    /// `nil`: there was none.
    public var previous: String?
}

/// When a run takes another value of a key.
public enum PolicyChangeTime: Hashable, Sendable {
    case atOnce
    /// Steps that run already keep what they were started with.
    case forLaterSteps
    /// Why not, as a clause.
    case never(String)
}

extension MergedPolicy {
    /// The values that are others than in `old`.
    public func changes(from old: MergedPolicy) -> [PolicyChange] {
        let known = Dictionary(uniqueKeysWithValues: old.settings.map { ($0.slot, $0.setting.value) })
        return settings.compactMap { slot, setting in
            let previous = known[slot]
            if previous == setting.value { return nil }
            return PolicyChange(slot: slot, value: setting.value.text, previous: previous?.text)
        }
    }
}

extension PolicySlot {
    /// When a run in progress takes another value.
    public var changeTime: PolicyChangeTime {
        switch (table, key) {
        case (.run, .parallel), (.run, .downloads), (.log, .keepDays), (.log, .keepBytes), (.protect, _): .atOnce
        case (.run, .downloadRate): .forLaterSteps
        case (.run, _) where key.home == .group, (.step, _) where key.home == .group,
            (.plugin, _) where key.home == .group:
            .atOnce
        case (_, .nice), (_, .capabilities), (_, .leftovers), (_, .stopGrace), (_, .waitTimeout), (_, .pty),
            (_, .timeout):
            .forLaterSteps
        case (.log, _): .never("logs that are being written keep their limit")
        default: .never("the run was planned with it")
        }
    }
}

/// What brings a group from `old` limits to `new` ones. A limit that is no longer there is lifted.
///
/// What is lifted comes first, since a group of the idle class takes no weight; the rest is in the order in which a fresh
/// group gets it.
/// - Parameter share: of the CPU time and disk bandwidth the part that the governor leaves the run; of any other group 1.
public func controlWrites(
    from old: Limits, to new: Limits, of role: GroupRole, leaving share: Fraction = Fraction(1), on facts: MachineFacts
) -> (writes: [ControlWrite], deviations: [LimitDeviation]) {
    func wanted(_ limits: Limits) -> (writes: [ControlWrite], deviations: [LimitDeviation]) {
        var result = controlWrites(for: limits, of: role, on: facts)
        guard role == .run, share < Fraction(1) else { return result }
        result.writes.removeAll { $0.file == "cpu.max" || $0.file == "io.max" }
        result.writes += controlWrites(leaving: share, of: limits, on: facts)
        return result
    }
    let before = wanted(old).writes
    let (after, deviations) = wanted(new)
    let kept = Set(after.map(\.target))
    let lifted = before.filter { !kept.contains($0.target) }.compactMap(\.lifted)
    let changed = after.filter { !before.contains($0) }.map { write in
        before.first { $0.target == write.target }.map { write.lifting($0) } ?? write
    }
    return (lifted + changed, deviations)
}

extension ControlWrite {
    /// What the write is about: the file, and where that has a line for each device, the device.
    fileprivate var target: String {
        file == "io.max" ? "\(file) \(value.prefix { $0 != " " })" : file
    }

    /// The same, with what `before` capped of that disk and this does not.
    fileprivate func lifting(_ before: ControlWrite) -> ControlWrite {
        guard file == "io.max" else { return self }
        func names(_ text: String) -> [Substring] {
            text.split(separator: " ").dropFirst().map { $0.prefix { $0 != "=" } }
        }
        let own = names(value)
        let lost = names(before.value).filter { !own.contains($0) }
        return ControlWrite(file: file, value: value + lost.map { " \($0)=max" }.joined())
    }

    /// What takes it back; `nil` where nothing is to be.
    fileprivate var lifted: ControlWrite? {
        switch file {
        case "memory.high", "memory.max", "memory.swap.max", "pids.max": ControlWrite(file: file, value: "max")
        case "cpu.max": ControlWrite(file: file, value: "max")
        case "cpu.weight": ControlWrite(file: file, value: "100")
        case "cpu.idle": ControlWrite(file: file, value: "0")
        case "io.weight": ControlWrite(file: file, value: "default 100")
        case "io.max":
            ControlWrite(file: file, value: "\(value.prefix { $0 != " " }) rbps=max wbps=max riops=max wiops=max")
        default: nil
        }
    }
}
