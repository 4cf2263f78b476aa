// Other values of the policy for a run in progress: what they change, and how that is put into force.

import Cgroups
import Governing
import Interchange
import LinuxSystem
import Policy
import Reactor
import RunPolicy
import SystemPackage
import TomlDocument
import UpdateModel

/// What `policy set` makes of a run. Made on the event loop; `enforce` is for another thread, since the kernel may have to take
/// memory back before it answers.
struct PolicyRevision: Sendable {
    /// A running step's group with what it is to get.
    private struct LeafChange: Sendable {
        var step: StepID
        var leaf: Leaf
        var writes: [ControlWrite]
        var undo: [ControlWrite]
    }

    /// The writes to the run's own groups.
    private struct RunWrites: Sendable {
        var run: [ControlWrite] = []
        var steps: [ControlWrite] = []
        var protected: [ControlWrite] = []
    }

    /// A step that runs in a group.
    struct RunningStep {
        var step: StepID
        var leaf: Leaf
        var isProtected: Bool
        /// Its memory.high was raised, as a commit's may be.
        var isRaised: Bool
    }

    /// What runs at the moment.
    struct Running {
        /// Those in groups.
        var steps: [RunningStep] = []
        /// The memory.high of the branch of commits was raised.
        var areCommitsRaised = false
        /// The plugins of the plan, each with whether its manifest says that it keeps to a download rate.
        var plugins: [(name: PluginName, keepsRate: Bool)] = []
    }

    let policy: MergedPolicy
    let changes: [PolicyChange]
    let run: RunSettings
    let machine: MachineFacts
    /// What the governor left the run when this was made.
    let share: Fraction
    /// What this machine cannot do of it, by the files that it has.
    let missing: [LimitDeviation]
    /// What the policy wants watched from now on and this machine does not tell.
    let blindness: LimitDeviation?
    /// The memory.high that commits are given, `nil` as the step: that of their branch; `nil` as the value: none.
    let commitHighs: [(step: StepID?, value: String?)]
    private let tree: CgroupTree?
    private let writes: RunWrites
    private let undo: RunWrites
    private let leaves: [LeafChange]

    /// - Parameters:
    ///   - share: what the governor leaves the run at the moment.
    ///   - running: what runs. A memory.high that was raised for a commit is left as it is.
    /// - Throws: why the values cannot be had.
    init(
        _ assignments: [String], of old: MergedPolicy, on machine: MachineFacts, tree: CgroupTree?, share: Fraction,
        running: Running
    ) throws(ControlReply.Refusal) {
        do throws(Diagnostics) {
            policy = try old.setting(assignments)
        } catch {
            throw .init(.usage, error.description)
        }
        changes = policy.changes(from: old)
        for change in changes {
            guard case .never(let reason) = change.slot.changeTime else { continue }
            throw .init(.usage, "\(change.slot) cannot change while the run goes on: \(reason)")
        }
        var machine = machine
        for path in policy.ioPaths where machine.disks[path] == nil { machine.disks[path] = lookUpDisk(path) }
        run = policy.run(on: machine)
        let before = old.run(on: machine)
        var missing: [LimitDeviation] = []
        func change(_ old: Limits, _ new: Limits, _ role: GroupRole, _ share: Fraction = Fraction(1)) -> [ControlWrite]
        {
            let (writes, deviations) = controlWrites(from: old, to: new, of: role, leaving: share, on: machine)
            // What was missing before has been told.
            let known = controlWrites(for: old, of: role, on: machine).deviations
            missing += deviations.filter { !known.contains($0) && !missing.contains($0) }
            return writes
        }
        func back(_ old: Limits, _ new: Limits, _ role: GroupRole, _ share: Fraction = Fraction(1)) -> [ControlWrite] {
            controlWrites(from: new, to: old, of: role, leaving: share, on: machine).writes
        }
        func sparing(_ isRaised: Bool, _ writes: [ControlWrite]) -> [ControlWrite] {
            isRaised ? writes.filter { $0.file != "memory.high" } : writes
        }
        func high(_ limits: Limits, _ role: GroupRole) -> String? {
            controlWrites(for: limits, of: role, on: machine).writes.first { $0.file == "memory.high" }?.value
        }
        writes = RunWrites(
            run: change(before.limits, run.limits, .run, share), steps: change(before.limits, run.limits, .branch),
            protected: sparing(running.areCommitsRaised, change(before.limits, run.limits, .protectedBranch)))
        undo = RunWrites(
            run: back(before.limits, run.limits, .run, share), steps: back(before.limits, run.limits, .branch),
            protected: sparing(running.areCommitsRaised, back(before.limits, run.limits, .protectedBranch)))
        var leaves: [LeafChange] = []
        var highs: [(step: StepID?, value: String?)] = [(nil, high(run.limits, .protectedBranch))]
        for step in running.steps {
            let role: GroupRole = step.isProtected ? .protectedLeaf : .leaf
            let limits = [old, policy].map { $0.step(step.step.plugin, step.step.phase, on: machine).limits }
            let writes = sparing(step.isRaised, change(limits[0], limits[1], role))
            let undo = sparing(step.isRaised, back(limits[0], limits[1], role))
            if step.isProtected { highs.append((step.step, high(limits[1], role))) }
            if writes.isEmpty { continue }
            leaves.append(LeafChange(step: step.step, leaf: step.leaf, writes: writes, undo: undo))
        }
        let told = before.downloadDeviations(of: running.plugins, on: machine).map(\.reason)
        missing += run.downloadDeviations(of: running.plugins, on: machine).filter { !told.contains($0.reason) }
        self.leaves = leaves
        commitHighs = highs
        let blindness = Governance.blindness(of: policy.protection)
        self.blindness = blindness == Governance.blindness(of: old.protection) ? nil : blindness
        self.missing = missing
        self.machine = machine
        self.tree = tree
        self.share = share
    }

    var isRequired: Bool { policy.enforcement == .required }

    /// Of what cannot be had here the first that a policy which requires its limits does not go without.
    var lack: LimitDeviation? { missing.first ?? blindness.flatMap { $0.effective == nil ? $0 : nil } }

    /// Whether one of the keys of a table is given another value.
    func changes(_ table: PolicyTable) -> Bool { changes.contains { $0.slot.table == table } }

    /// What the ceiling has cut of the values that are others, for the run and for `steps`.
    func cuts(for steps: some Sequence<StepID>) -> [LimitDeviation] {
        let changed = Set(changes.map(\.slot.description))
        let ofSteps = steps.flatMap { policy.stepCuts($0.plugin, $0.phase, on: machine) }
        var seen: Set<String> = []
        return (policy.runCuts(on: machine) + ofSteps).filter {
            changed.contains($0.control) && seen.insert($0.control).inserted
        }
    }

    /// Whether one of the keys is given another value.
    func changes(_ key: PolicyKey) -> Bool { changes.contains { $0.slot == PolicySlot(table: .run, key: key) } }

    /// Writes the limits and reads them back.
    /// - Returns: those that are not in force as asked for, of the run and of each step.
    func enforce() -> [(step: StepID?, deviation: LimitDeviation)] { apply(writes, leaves.map { ($0, $0.writes) }) }

    /// Puts back what was.
    func revert() { _ = apply(undo, leaves.map { ($0, $0.undo) }) }

    private func apply(
        _ writes: RunWrites, _ leaves: [(LeafChange, [ControlWrite])]
    ) -> [(step: StepID?, deviation: LimitDeviation)] {
        var deviations: [(step: StepID?, deviation: LimitDeviation)] = []
        if let tree {
            let result = tree.applyRunLimits(run: writes.run, steps: writes.steps, protected: writes.protected)
            deviations += [result.run, result.steps, result.protected].flatMap(\.deviations).map { (nil, $0) }
        }
        for (change, writes) in leaves { deviations += change.leaf.change(writes).deviations.map { (change.step, $0) } }
        return deviations
    }
}

/// Does `work` on a thread of its own.
func onOwnThread<Value: Sendable>(_ name: String, _ work: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        do throws(Errno) {
            try startThread(name: name) { continuation.resume(returning: work()) }
        } catch {
            // No thread can be had: the loop waits for it.
            continuation.resume(returning: work())
        }
    }
}
