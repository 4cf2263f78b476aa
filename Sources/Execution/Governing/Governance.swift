// Has a run step back while others suffer. Lives on the event loop's thread.

import Cgroups
import Governing
import LinuxSystem
import Policy
import Reactor
import RunModel
import SystemPackage
import UpdateModel

/// Watches how others fare and puts the governor's stages into force.
final class Governance {
    /// What a stage does besides what it writes to control files.
    struct Effects {
        var hold: () -> Void
        var goOn: () -> Void
        /// Stops the steps that may be frozen, or lets them go on. Returns why that cannot be done, as a sentence.
        var setFrozen: (Bool) -> String?
        var publish: (Throttle) -> Void
        /// Something of a stage could not be put into force: why, as a sentence.
        var report: (String) -> Void
    }

    private var limits: Limits
    private var machine: MachineFacts
    private let tree: CgroupTree?
    private let loop: EventLoop
    private let effects: Effects
    private var governor: Governor
    private var sources: [PressureSource] = []
    private let findSources: (Protection) -> [PressureSource]
    private let armTrigger: ArmTrigger
    private var activity: ForeignActivity
    private var triggers: [Trigger] = []
    private var timer: EventLoop.Timer?
    private var lastStrain: Duration?
    private var reported: Set<String> = []
    private var isOver = false

    /// Between two looks while others suffer, or where no trigger tells.
    private static let interval = Duration.seconds(1)
    /// In which a trigger's stall is counted: the least that a person may ask for.
    private static let window = Duration.seconds(2)
    /// So long after the last strain the triggers are trusted to tell of the next one.
    private static let calm = Duration.seconds(15)

    private final class Trigger {
        let source: PressureSource
        let descriptor: OwnedDescriptor
        var watch: EventLoop.Watch?

        init(_ source: PressureSource, _ descriptor: consuming OwnedDescriptor) {
            self.source = source
            self.descriptor = descriptor
        }
    }

    /// Has the kernel tell by a priority event when somebody has had to wait for so long within a window.
    typealias ArmTrigger = (_ source: PressureSource, _ stall: Duration, _ window: Duration) throws -> OwnedDescriptor

    /// - Parameters:
    ///   - limits: of the run.
    ///   - sources: `nil`: those of this machine.
    init(
        _ protection: Protection, limits: Limits, machine: MachineFacts, tree: CgroupTree?, loop: EventLoop,
        sources: ((Protection) -> [PressureSource])? = nil,
        armTrigger: @escaping ArmTrigger = { try armPressureTrigger($0.file, stall: $1, window: $2) },
        effects: Effects
    ) {
        self.limits = limits
        self.machine = machine
        self.tree = tree
        self.loop = loop
        self.effects = effects
        governor = Governor(action: protection.action, resumeAfter: protection.resumeAfter)
        findSources =
            sources ?? { [tree] protection in
                Self.hasPressure ? PressureSource.all(for: protection, mount: tree?.mount, runPath: tree?.path) : []
            }
        self.armTrigger = armTrigger
        activity = ForeignActivity(loadThreshold: nil, watchesDisks: false, tree: tree, cpus: machine.cpus)
        watch(protection)
    }

    /// What says how others fare, by what the policy wants watched.
    private func watch(_ protection: Protection) {
        sources = findSources(protection)
        activity = ForeignActivity(
            loadThreshold: sources.contains { $0.kind == .cpu } ? nil : protection.loadPerCPU,
            watchesDisks: !sources.contains { $0.kind == .io } && protection.ioSome != nil, tree: tree,
            cpus: machine.cpus)
    }

    /// What the policy wants watched and this machine does not tell.
    static func blindness(of protection: Protection) -> LimitDeviation? {
        guard protection.isActive, !hasPressure else { return nil }
        let watched = [
            protection.loadPerCPU.map { _ in "load_per_cpu" }, protection.ioSome.map { _ in "the time disks are busy" },
        ].compactMap { $0 }
        return LimitDeviation(
            control: "[protect]", requested: "pressure of others",
            effective: watched.isEmpty ? nil : watched.joined(separator: " and "),
            reason: "this kernel counts no pressure (psi=1 on its command line may help)")
    }

    private static var hasPressure: Bool { (try? readText("/proc/pressure/cpu")) != nil }

    /// What the run has of what its policy gives it.
    var share: Fraction { governor.stage.share }

    /// The run has other limits from now on, of which it was given `given`.
    func limitsHaveChanged(to limits: Limits, on machine: MachineFacts, sharedBy given: Fraction) {
        self.limits = limits
        self.machine = machine
        // The stage may have changed while they were written.
        if given != share { share(share) }
    }

    func start() {
        for source in sources { arm(source) }
        look()
    }

    /// The policy has another `[protect]`, which still has something watched. The stage stays where there is such a one.
    func revise(_ protection: Protection) {
        guard !isOver else { return }
        disarm()
        watch(protection)
        let change = governor.revise(
            action: protection.action, resumeAfter: protection.resumeAfter, at: monotonicTime())
        if let change { enforce(change.to, from: change.from, change.cause) }
        start()
    }

    /// Nothing is held back any more.
    /// - Parameter cause: such as that the run is over, or is to end, so that what runs can end.
    func stop(_ cause: String = "the run ends") {
        guard !isOver else { return }
        isOver = true
        timer?.cancel()
        disarm()
        if governor.stage != .normal { enforce(.normal, from: governor.stage, cause) }
    }

    // MARK: Looking

    private func arm(_ source: PressureSource) {
        let stall = Self.window * source.threshold.value
        guard let descriptor = try? armTrigger(source, stall, Self.window) else { return }
        let trigger = Trigger(source, descriptor)
        trigger.watch = try? loop.watch(trigger.descriptor.raw, for: .priority) { [unowned self, unowned trigger] in
            fired(trigger, $0)
        }
        if trigger.watch != nil { triggers.append(trigger) }
    }

    private func disarm() {
        for trigger in triggers { trigger.watch?.cancel() }
        triggers = []
    }

    private func fired(_ trigger: Trigger, _ interest: EventLoop.Interest) {
        guard interest.contains(.hangup) else { return look(told: trigger.source) }
        // Its group is gone; a later one of the same name is looked at like those that have no trigger.
        trigger.watch?.cancel()
        let source = trigger.source
        triggers.removeAll { $0 === trigger }
        report(
            "the kernel no longer tells of the pressure on \(source.name) (\(source.file)): it is looked at once a second"
        )
        look()
    }

    /// - Parameter told: of this source the kernel has just said that its threshold is reached.
    private func look(told: PressureSource? = nil) {
        timer?.cancel()
        timer = nil
        guard !isOver else { return }
        let now = monotonicTime()
        var strains = sources.compactMap { $0.strain() } + activity.strains(at: now)
        if let told {
            // The average of ten seconds does not know yet.
            let known = strains.first { $0.source == told.name && $0.kind == told.kind }?.value ?? 0
            strains.append(
                Strain(
                    source: told.name, kind: told.kind, value: max(known, told.threshold.value),
                    threshold: told.threshold.value))
        }
        if strains.contains(where: { $0.value >= $0.threshold }) { lastStrain = now }
        if let change = governor.observe(strains, at: now) { enforce(change.to, from: change.from, change.cause) }
        if mustSample(at: now) {
            timer = loop.schedule(at: now + Self.interval) { [weak self] in self?.look() }
        }
    }

    private func mustSample(at now: Duration) -> Bool {
        if governor.stage != .normal || activity.isOfUse || triggers.count < sources.count { return true }
        return lastStrain.map { now - $0 < Self.calm } ?? false
    }

    // MARK: Stages

    private func enforce(_ stage: Stage, from old: Stage, _ cause: String) {
        if old == .frozen, stage != .frozen { freeze(false) }
        if stage.share != old.share { share(stage.share) }
        if old == .normal { effects.hold() }
        if stage == .frozen { freeze(true) }
        let state: Throttle.State =
            switch stage {
            case .normal: .normal
            case .holding, .slowed: .slowed
            case .frozen: .frozen
            }
        effects.publish(Throttle(state: state, share: stage.share, cause: cause))
        if stage == .normal { effects.goOn() }
    }

    private func share(_ share: Fraction) {
        guard let tree else { return }
        for deviation in tree.changeRun(controlWrites(leaving: share, of: limits, on: machine)).deviations {
            report("\(deviation.control) of the run cannot be made \(deviation.requested): \(deviation.reason)")
        }
    }

    private func freeze(_ isFrozen: Bool) {
        if let obstacle = effects.setFrozen(isFrozen) { report(obstacle) }
    }

    /// Once each, since every stage would say it again.
    private func report(_ sentence: String) {
        if reported.insert(sentence).inserted { effects.report(sentence) }
    }
}
