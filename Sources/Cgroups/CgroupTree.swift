// A run's own groups: the branches `steps`, with the run's limits, and `protected`, whose steps may never be killed by them.

import Glibc
import LinuxSystem
import SystemPackage
import UpdateModel

/// Whether a run has groups.
public enum CgroupSite: Sendable {
    case tree(CgroupTree)
    /// As a clause.
    case unavailable(reason: String)
}

/// The groups of one run.
///
/// The kernel applies limits to everything below a group and may choose any process below it to kill, so protected steps are
/// in a branch of their own, beside the steps'.
public final class CgroupTree: Sendable {
    /// The run's group, below the mount.
    public let path: String
    /// Where the hierarchy is mounted.
    public let mount: String
    /// The controllers that leaves have.
    public let controllers: Set<Controller>
    /// Why the others are missing, as a clause; empty where none is.
    public let missingControllerReason: String
    /// Files of those controllers that this kernel lacks.
    public let missingControlFiles: Set<String>

    /// The scope that systemd has made for the run, if it has.
    public var scope: (any RunScope)? {
        if case .delegated(let scope) = surroundings { scope } else { nil }
    }

    /// The group of all steps that may be killed, as an absolute path: what the guardian ends when update-all dies.
    public var stepsDirectory: String { steps.group.path }

    private let steps: Branch
    private let protected: Branch
    private let base: Group
    private let run: Group
    private let name: String
    private let surroundings: Surroundings

    /// Makes the groups of a run where this machine lets us, and removes those of runs that died.
    /// - Parameter startScope: has systemd make the run's scope, and move this process there.
    public static func prepare(
        run: RunID, startScope: (RunID) throws(SystemdError) -> any RunScope
    ) -> CgroupSite {
        do throws(Errno) {
            return prepare(run: run, environment: try CgroupEnvironment.current(), startScope: startScope)
        } catch {
            return .unavailable(reason: "/proc/self cannot be read: \(error)")
        }
    }

    static func prepare(
        run: RunID, environment: CgroupEnvironment,
        startScope: (RunID) throws(SystemdError) -> any RunScope
    ) -> CgroupSite {
        guard let mount = environment.hierarchy.mount else {
            return .unavailable(reason: "no cgroup v2 hierarchy is mounted")
        }
        do throws(CgroupError) {
            switch Placement.decide(environment) {
            case .unavailable(let reason):
                return .unavailable(reason: reason)
            case .systemdScope(let otherwise):
                switch Result(catching: { () throws(SystemdError) in try startScope(run) }) {
                case .success(let scope):
                    return try inScope(scope, run: run, environment)
                case .failure(let error):
                    let reason = "systemd manages this machine's groups and has given update-all none: \(error)"
                    guard let otherwise else { return .unavailable(reason: reason) }
                    return .tree(
                        try CgroupTree(
                            run: run, movingBelow: otherwise, missingControllerReason: reason,
                            environment: environment))
                }
            case .ownSlice:
                let root = try Group(opening: mount)
                let base = try Group(creating: RunUnits.slice, in: root, orOpening: true)
                var delegation = try Delegation.enable(wanted, below: root)
                try delegation.narrow(by: base)
                return .tree(
                    try CgroupTree(
                        run: run, base: base, path: "/" + RunUnits.slice, delegation: delegation,
                        surroundings: .ownSlice, environment: environment))
            case .below(let own):
                return .tree(try CgroupTree(run: run, movingBelow: own, environment: environment))
            }
        } catch {
            return .unavailable(reason: error.description)
        }
    }

    /// The tree in a scope in which this process is.
    private static func inScope(
        _ scope: any RunScope, run: RunID, _ environment: CgroupEnvironment
    ) throws(CgroupError) -> CgroupSite {
        let path = (try? CgroupEnvironment.current())?.ownGroup ?? ""
        guard path.hasSuffix("/" + scope.unit) else {
            return .unavailable(
                reason: "systemd has started \(scope.unit), and this process is not in it: \(path)")
        }
        let base = join(environment.hierarchy.mount ?? "", path)
        try Sweep.removeDeadScopes(beside: base)
        return .tree(try CgroupTree(run: run, movingBelow: path, scope: scope, environment: environment))
    }

    private static let wanted = Set(Controller.allCases)

    /// What is around the run's groups.
    enum Surroundings {
        /// `updateall.slice`, made by ourselves.
        case ownSlice
        /// A group that was handed over, and that this process was moved out of, into `supervisor`; the scope, where
        /// systemd has made one for this run.
        case delegated((any RunScope)?)
        /// A helper has made the groups and changes them.
        case kept
    }

    /// The tree that `keeper` has made and keeps: what is in force is read here, what is to change is asked of it.
    /// - Parameter path: of the run's group, below `mount`.
    public init(
        keptBy keeper: any GroupKeeper, mount: String, path: String, controllers: Set<Controller>,
        missingControllerReason: String, missingControlFiles: Set<String>
    ) throws(CgroupError) {
        self.mount = mount
        self.path = path
        self.controllers = controllers
        self.missingControllerReason = missingControllerReason
        self.missingControlFiles = missingControlFiles
        let top = mount + path
        base = try Group(opening: String(top.prefix(upTo: top.lastIndex(of: "/") ?? top.startIndex)))
        run = try Group(opening: top, kept: KeptGroup(keeper: keeper, place: .run))
        name = String(path.split(separator: "/").last ?? "")
        steps = try Branch(
            KeptGroup(keeper: keeper, place: .steps), at: "\(top)/\(Sweep.steps)", path: "\(path)/\(Sweep.steps)")
        protected = try Branch(
            KeptGroup(keeper: keeper, place: .protected), at: "\(top)/\(Sweep.protected)",
            path: "\(path)/\(Sweep.protected)")
        surroundings = .kept
    }

    /// Makes the branches below a group that was handed over, which this process is in.
    /// - Parameter missingControllerReason: why controllers are missing, where that is known.
    private convenience init(
        run: RunID, movingBelow path: String, scope: (any RunScope)? = nil, missingControllerReason: String? = nil,
        environment: CgroupEnvironment
    ) throws(CgroupError) {
        let base = try Group(opening: join(environment.hierarchy.mount ?? "", path))
        try Supervisor.enter(below: base)
        do throws(CgroupError) {
            try self.init(
                run: run, base: try Group(opening: base.path), path: path == "/" ? "" : path,
                delegation: try Delegation.enable(Self.wanted, below: base), surroundings: .delegated(scope),
                missingControllerReason: missingControllerReason, environment: environment)
        } catch {
            Supervisor.leave(base)
            throw error
        }
    }

    /// Makes the branches below `base`, whose children have the controllers of `delegation`.
    init(
        run id: RunID, base: consuming Group, path: String, delegation: Delegation, surroundings: Surroundings,
        missingControllerReason: String? = nil, environment: CgroupEnvironment
    ) throws(CgroupError) {
        try Sweep.removeDeadRuns(in: base)
        name = Sweep.groupName(of: id)
        run = try Group(creating: name, in: base)
        self.path = "\(path)/\(name)"
        var delegation = delegation
        try delegation.narrow(by: run)
        steps = try Branch(name: Sweep.steps, in: run, path: self.path + "/" + Sweep.steps)
        protected = try Branch(name: Sweep.protected, in: run, path: self.path + "/" + Sweep.protected)
        try delegation.narrow(by: steps.group)
        try delegation.narrow(by: protected.group)
        let controllers = delegation.enabled
        let directory = steps.group.directory.raw
        missingControlFiles = Set(
            controllers.flatMap { files(of: $0).optionalFiles }.filter { !fileExists($0, in: directory) })
        self.controllers = controllers
        let isComplete = controllers == Self.wanted
        self.missingControllerReason =
            isComplete
            ? ""
            : missingControllerReason
                ?? Self.reason(for: delegation, in: base.path, surroundings: surroundings, environment)
        mount = environment.hierarchy.mount ?? ""
        self.base = base
        self.surroundings = surroundings
    }

    private static func reason(
        for delegation: Delegation, in base: String, surroundings: Surroundings, _ environment: CgroupEnvironment
    ) -> String {
        if case .hybrid = environment.hierarchy {
            return "this machine's controllers belong to cgroup v1, so that groups of v2 only track and kill"
        }
        if delegation.failure == .resourceBusy {
            let advice =
                environment.isNamespaced
                ? "limit the container itself, or start update-all as its only process"
                : "start update-all in one of its own"
            return "the group \(base) has other processes; \(advice)"
        }
        if let failure = delegation.failure { return "the kernel refused to enable it under \(base): \(failure)" }
        if case .delegated(let scope?) = surroundings, let user = scope.person {
            return "systemd does not delegate it to user@\(user).service; as root: systemctl edit user@.service, write "
                + "[Service] and Delegate=cpu io memory pids there, then log in anew"
        }
        return "it is not available under \(base)"
    }

    // MARK: Use

    /// Puts the run's limits on its group and on the branches.
    ///
    /// A weight counts among siblings only: below `updateall.slice`, where there are none but other runs of ours, it must
    /// be on the slice as well to count against the rest of the machine.
    /// - Returns: what each of the groups has now.
    public func applyRunLimits(
        run: [ControlWrite], steps: [ControlWrite], protected: [ControlWrite]
    ) -> (run: AppliedLimits, steps: AppliedLimits, protected: AppliedLimits) {
        var applied = self.run.apply(run, controllers: controllers)
        applied.deviations += applyToSlice(run.filter { Self.weights.contains($0.file) })
        return (
            applied, self.steps.group.apply(steps, controllers: controllers),
            self.protected.group.apply(protected, controllers: controllers)
        )
    }

    /// What counts among siblings only.
    private static let weights = ["cpu.idle", "cpu.weight", "io.weight"]

    /// - Returns: what systemd refused; what the kernel does is told of the run's own group.
    private func applyToSlice(_ weights: [ControlWrite]) -> [LimitDeviation] {
        switch surroundings {
        case .ownSlice:
            _ = base.apply(weights, controllers: controllers)
        case .delegated(let scope?):
            // The slice is systemd's to write.
            let isIdle = weights.contains { $0.file == "cpu.idle" && $0.value == "1" }
            func weight(_ file: String) -> UInt64? { weights.first { $0.file == file }.flatMap { UInt64($0.value) } }
            do throws(SystemdError) {
                try scope.setSliceWeights(cpu: isIdle ? 0 : weight("cpu.weight"), io: weight("io.weight"))
            } catch {
                return weights.map { wanted in
                    LimitDeviation(
                        control: wanted.file, requested: wanted.value, effective: nil,
                        reason: "it counts within the run alone: \(error)")
                }
            }
        case .delegated(nil), .kept:
            break
        }
        return []
    }

    /// Makes the group of a try of a step, with its limits in force before anything can run in it. Limits that are not are in
    /// the leaf's `deviations`: whether it is used then is for the caller to say.
    /// - Parameter attempt: from 1.
    public func makeLeaf(
        _ step: StepID, attempt: Int = 1, isProtected: Bool, limits: [ControlWrite]
    ) throws(CgroupError) -> Leaf {
        let leaf = try Leaf(
            StepGroup(step, attempt: Int32(clamping: attempt), isProtected: isProtected),
            in: isProtected ? protected : steps, limits: limits, controllers: controllers)
        if isProtected { leaf.keepFromSystemdOomd() }
        return leaf
    }

    /// Ends all processes of unprotected steps at once.
    public func killSteps() throws(CgroupError) { try steps.group.kill() }

    /// Freezes all unprotected steps, or lets them go on. Nothing may be launched into them while they are frozen.
    public func freezeSteps(_ isFrozen: Bool) throws(CgroupError) { try steps.group.freeze(isFrozen) }

    /// Changes limits of the run's own group, which bind its commits too; each is read back.
    public func changeRun(_ limits: [ControlWrite]) -> AppliedLimits {
        var applied = run.apply(limits, controllers: controllers)
        let weights = limits.filter { Self.weights.contains($0.file) }
        if !weights.isEmpty { applied.deviations += applyToSlice(weights) }
        return applied
    }

    /// The group of all commits, as an absolute path.
    public var protectedDirectory: String { protected.group.path }

    /// Changes limits of the group of all commits; each is read back.
    public func changeProtected(_ limits: [ControlWrite]) -> AppliedLimits {
        protected.group.apply(limits, controllers: controllers)
    }

    /// Changes limits of the group of all steps that are no commits; each is read back.
    public func changeSteps(_ limits: [ControlWrite]) -> AppliedLimits {
        steps.group.apply(limits, controllers: controllers)
    }

    /// Waits until those that were told to end have ended.
    public func waitForSteps(limit: Duration) throws(CgroupError) { _ = try steps.group.waitUntilEmpty(limit: limit) }

    /// Waits until no commit runs any more, however long that takes.
    public func waitForCommits() throws(CgroupError) {
        while try !protected.group.waitUntilEmpty(limit: .seconds(3600)) {}
    }

    /// All processes of the run's steps.
    public func processes() throws(CgroupError) -> [pid_t] { try run.processes(recursively: true) }

    /// The run's own group, above all of its steps; open as long as this object is there.
    package var directory: CInt { run.directory.raw }

    /// Moves this process to the run's groups, where a person who owns the group that it was started in cannot reach it.
    public func enter() throws(CgroupError) {
        guard case .ownSlice = surroundings else { return }
        let own = try Group(creating: Self.ownGroup, in: run, orOpening: true)
        do {
            try writeControlFile("cgroup.procs", in: own.directory.raw, "0")
        } catch {
            throw CgroupError(attempt: "move into", path: own.path, errno: error)
        }
    }

    /// Moves this process out of the run's groups, so that they can be removed.
    public func leave() {
        guard case .ownSlice = surroundings else { return }
        if let root = try? Group(opening: mount) { try? writeControlFile("cgroup.procs", in: root.directory.raw, "0") }
    }

    private static let ownGroup = "helper"

    /// Removes the run's groups.
    /// - Throws: `.resourceBusy` where a process is still in one.
    public func remove() throws(CgroupError) {
        // Whoever keeps it removes it.
        if case .kept = surroundings { return }
        do throws(CgroupError) {
            do throws(CgroupError) {
                try base.removeChild(name)
            } catch  where error.errno == .resourceBusy {
                guard let scope, (try? scope.moveOut(processes())) != nil else { throw error }
                try base.removeChild(name)
            }
        } catch {
            // What is still there, the policy keeps: no later run is to take it for what a dead run left.
            try Sweep.markKept(run)
            throw error
        }
        if case .delegated = surroundings { Supervisor.leave(base) }
    }
}

extension Delegation {
    /// Hands down, one level further, what has come this far.
    fileprivate mutating func narrow(by group: borrowing Group) throws(CgroupError) {
        let next = try Delegation.enable(enabled, below: group)
        enabled = next.enabled
        failure = failure ?? next.failure
    }
}
