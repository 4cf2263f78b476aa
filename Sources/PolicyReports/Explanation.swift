// What a policy does on this machine, in sentences: what is enforced and by which control file, what is not and why.

import Policy
import RunPolicy
import UpdateModel

/// What became of the limits of one control group.
public struct GroupReport: Hashable, Sendable {
    /// As read back from the kernel.
    public var applied: [ControlWrite]
    public var deviations: [LimitDeviation]

    public init(applied: [ControlWrite], deviations: [LimitDeviation]) {
        self.applied = applied
        self.deviations = deviations
    }
}

/// One value of a policy, and what it comes to.
public struct PolicyStatement: Hashable, Sendable {
    public enum State: String, Sendable {
        case enforced
        /// In force otherwise than asked for.
        case altered
        /// Asked for, and not in force here.
        case notEnforced = "not_enforced"
        /// Not for this step, on purpose.
        case leftOut = "left_out"
    }

    public var state: State
    /// Where the value stands in the policy; `nil`: the manifest's, or what holds without one.
    public var slot: PolicySlot?
    /// What it asks for, as a sentence without a full stop.
    public var text: String
    /// Control files with their values, as read back.
    public var controls: [ControlWrite] = []
    /// Why it is not in force as asked, as a clause.
    public var reason: String?

    public init(
        _ state: State, _ slot: PolicySlot?, _ text: String, controls: [ControlWrite] = [], reason: String? = nil
    ) {
        self.state = state
        self.slot = slot
        self.text = text
        self.controls = controls
        self.reason = reason
    }

    /// The key as a person finds it: `[step] memory_max`.
    public var source: String? {
        slot.map { $0.table == .document ? $0.key.rawValue : "\($0.table.header) \($0.key.rawValue)" }
    }
}

/// What a step is, besides what the policy says of it.
public struct ExplainedStep: Hashable, Sendable {
    public var plugin: PluginName
    public var phase: Phase
    /// A commit.
    public var isProtected: Bool
    /// Whether it runs as root.
    public var isRoot: Bool
    /// It runs as the user and calls sudo itself.
    public var callsSudo: Bool
    /// What that runs as root, since plugin and administrator agree on it.
    public var sudoPrograms: [String] = []
    /// Of the manifest, or of the command.
    public var timeout: Duration
    /// Whether the manifest says that what it downloads keeps to a rate; `nil`: it is not the phase that downloads.
    public var keepsDownloadRate: Bool?
    /// What its manifest asks for besides the usual capabilities.
    public var capabilityNeeds: [CapabilityNeed]

    public init(
        _ plugin: PluginName, _ phase: Phase, isProtected: Bool, isRoot: Bool, callsSudo: Bool, timeout: Duration,
        keepsDownloadRate: Bool? = nil, capabilityNeeds: [CapabilityNeed] = []
    ) {
        self.plugin = plugin
        self.phase = phase
        self.isProtected = isProtected
        self.isRoot = isRoot
        self.callsSudo = callsSudo
        self.timeout = timeout
        self.keepsDownloadRate = keepsDownloadRate
        self.capabilityNeeds = capabilityNeeds
    }
}

extension MergedPolicy {
    private static let groupKeys: [PolicyKey] = [
        .memoryHigh, .memoryMax, .memorySwapMax, .cpuQuota, .cpuWeight, .ioWeight, .io, .tasksMax,
    ]

    /// What binds all steps together.
    /// - Parameters:
    ///   - group: the run's own group.
    ///   - steps: the branch of its ordinary steps.
    public func explainRun(group: GroupReport, steps: GroupReport, on facts: MachineFacts) -> [PolicyStatement] {
        let both = GroupReport(
            applied: group.applied + steps.applied, deviations: group.deviations + steps.deviations)
        let limits = LimitExplainer(view: view([.run], on: facts), role: .branch, report: both)
        var statements = Self.groupKeys.flatMap { limits.statements(for: $0) }
        let run = run(on: facts)
        let parallel = run.parallel ?? facts.cpus
        statements.append(
            PolicyStatement(
                .enforced, setting(.parallel, in: .run)?.slot,
                (parallel == 1 ? "One step at a time" : "At most \(parallel) steps at the same time")
                    + (run.parallel == nil ? ", as many as there are CPUs" : "")))
        statements.append(
            PolicyStatement(
                .enforced, setting(.downloads, in: .run)?.slot,
                run.downloads == 1 ? "One download at a time" : "At most \(run.downloads) downloads at the same time"))
        let cuts = [PolicyTable.document, .run, .protect, .window].map { view([$0], on: facts) }
        statements += downloadStatements(run, on: facts) + protectionStatements + windowStatements + hookStatements
        return Self.marked(statements, by: cuts)
    }

    /// The rate of all downloads together. Whether a plugin's tool keeps to its share is told of its steps.
    private func downloadStatements(_ run: RunSettings, on facts: MachineFacts) -> [PolicyStatement] {
        var statements: [PolicyStatement] = []
        if let rate = run.downloadRate {
            statements.append(
                PolicyStatement(
                    .enforced, setting(.downloadRate, in: .run)?.slot,
                    "Each download is told its share of \(rate) a second when it begins"))
        }
        if run.enforcesDownloadRate {
            let slot = setting(.downloadEnforce, in: .run)?.slot
            let text = "The kernel drops what all steps together receive beyond that rate"
            let refusal = run.downloadRate == nil ? "the policy has no download_rate" : facts.downloadLimitRefusal
            statements.append(PolicyStatement(refusal == nil ? .enforced : .notEnforced, slot, text, reason: refusal))
        }
        return statements
    }

    /// Says of each value that the ceiling has cut what was asked for, and where the ceiling stands.
    private static func marked(_ statements: [PolicyStatement], by views: [PolicyView]) -> [PolicyStatement] {
        statements.map { statement in
            guard let slot = statement.slot, [.enforced, .altered].contains(statement.state) else { return statement }
            let resolved = views.lazy.compactMap { $0.resolve(slot.key) }.first { $0.slot == slot }
            guard let resolved, let cut = resolved.cut else { return statement }
            var statement = statement
            statement.state = .altered
            let reason = "\(cut.requested) was asked for, above \(cut.reason)"
            statement.reason = [statement.reason, reason].compactMap(\.self).joined(separator: "; ")
            return statement
        }
    }

    /// When anything is started.
    private var windowStatements: [PolicyStatement] {
        guard let window else { return [] }
        let windows = window.windows.texts.joined(separator: ", ")
        let allow = PolicyStatement(
            .enforced, setting(.allow, in: .window)?.slot,
            "Nothing is started outside of \(windows); what runs then goes on")
        guard window.finishBy else { return [allow] }
        return [
            allow,
            PolicyStatement(
                .enforced, setting(.finishBy, in: .window)?.slot,
                "Nothing is started that is not expected to end by then"
            ),
        ]
    }

    /// Where a value of the whole run stands.
    private func setting(_ key: PolicyKey, in table: PolicyTable) -> ResolvedSetting? { wholeView(table).resolve(key) }

    /// What the run steps back for; whether this machine tells of it is among the deviations of a plan.
    private var protectionStatements: [PolicyStatement] {
        let protection = protection
        let whose = protection.cgroups.isEmpty ? "the workloads" : protection.cgroups.joined(separator: ", ")
        let wish =
            switch protection.action {
            case .slow: "Slowed"
            case .freeze: "Frozen"
            case .slowThenFreeze: "Slowed, then frozen,"
            }
        let shares: [(PolicyKey, Fraction?, String)] = [
            (.cpuSome, protection.cpuSome, "CPU"), (.memorySome, protection.memorySome, "memory"),
            (.ioSome, protection.ioSome, "I/O"),
        ]
        var statements = shares.compactMap { key, share, resource in
            share.map {
                PolicyStatement(
                    .enforced, setting(key, in: .protect)?.slot,
                    "\(wish) while \(whose) wait for \(resource) in \($0.percentText) of the time; commits are only slowed"
                )
            }
        }
        if let load = protection.loadPerCPU {
            statements.append(
                PolicyStatement(
                    .enforced, setting(.loadPerCPU, in: .protect)?.slot,
                    "\(wish) while others have \(load) runnable threads for each CPU, where no pressure is told"))
        }
        return statements
    }

    private var hookStatements: [PolicyStatement] {
        hooks.map { hook in
            switch hook.moment {
            case .beforeRun:
                PolicyStatement(
                    .enforced, setting(.beforeRun, in: .hooks)?.slot,
                    "\(hook.program) runs before all steps, as a step; if it fails, none of them runs")
            case .afterRun:
                PolicyStatement(
                    .enforced, setting(.afterRun, in: .hooks)?.slot,
                    "\(hook.program) runs after all steps, as a step, however they ended")
            }
        }
    }

    /// What binds all commits together.
    /// - Parameter group: the branch of the run's commits.
    public func explainCommits(group: GroupReport, on facts: MachineFacts) -> [PolicyStatement] {
        let limits = LimitExplainer(view: view([.run], on: facts), role: .protectedBranch, report: group)
        let keys: [PolicyKey] = [.memoryHigh, .memoryMax, .memorySwapMax, .tasksMax]
        return Self.marked(keys.flatMap { limits.statements(for: $0) }, by: [limits.view])
    }

    /// What one step gets.
    public func explain(_ step: ExplainedStep, group: GroupReport, on facts: MachineFacts) -> [PolicyStatement] {
        let view = view(Self.tables(of: step.plugin, step.phase), on: facts)
        let limits = LimitExplainer(view: view, role: step.isProtected ? .protectedLeaf : .leaf, report: group)
        let process = ProcessExplainer(
            view: view, settings: self.step(step.plugin, step.phase, on: facts), step: step, run: run(on: facts),
            rateSlot: setting(.downloadRate, in: .run)?.slot)
        return Self.marked(Self.groupKeys.flatMap { limits.statements(for: $0) } + process.statements, by: [view])
    }
}

/// Explains the limits of one group.
private struct LimitExplainer {
    let view: PolicyView
    let role: GroupRole
    let report: GroupReport

    private var facts: MachineFacts { view.facts }

    func statements(for key: PolicyKey) -> [PolicyStatement] {
        guard let found = view.resolve(key) else { return [] }
        let slot = found.slot
        if case .caps(let caps) = found.value { return caps.map { statement(for: $0, slot) } }
        guard let text = text(of: key, found.value) else {
            return [PolicyStatement(.enforced, slot, "No limit of \(Self.noun(key))")]
        }
        if let reason = whyLeftOut(key) {
            return [PolicyStatement(.leftOut, slot, text, reason: reason)]
        }
        return [judge(slot, text, files: files(of: key), deviates: { _ in true })]
    }

    /// Compares what was asked for with what was read back.
    private func judge(
        _ slot: PolicySlot, _ text: String, files: [String], isOwn: (ControlWrite) -> Bool = { _ in true },
        deviates: (LimitDeviation) -> Bool
    ) -> PolicyStatement {
        let controls = report.applied.filter { files.contains($0.file) && isOwn($0) }
        // Among the deviations of a translation and of the kernel, one that leaves nothing in force counts most.
        let deviations = report.deviations.filter { files.contains($0.control) && deviates($0) }
        if let missing = deviations.first(where: { $0.effective == nil }) {
            return PolicyStatement(.notEnforced, slot, text, reason: missing.reason)
        }
        if let altered = deviations.first {
            return PolicyStatement(.altered, slot, text, controls: controls, reason: altered.reason)
        }
        if controls.isEmpty {
            return PolicyStatement(.notEnforced, slot, text, reason: facts.missingControllerReason)
        }
        return PolicyStatement(.enforced, slot, text, controls: controls)
    }

    private func statement(for cap: IOCap, _ slot: PolicySlot) -> PolicyStatement {
        let device: String? = if case .disk(let device) = facts.disks[cap.path] { device } else { nil }
        return judge(
            slot, Self.text(cap), files: ["io.max"],
            isOwn: { write in device.map { write.value.hasPrefix("\($0) ") } ?? false },
            deviates: { deviation in
                // One for each path without a disk, one for each disk that the kernel refused, or one for all.
                deviation.requested.hasPrefix("\(cap.path) ") || deviation.requested.contains(", \(cap.path) ")
                    || device.map { deviation.requested.hasPrefix("\($0) ") } ?? false
            })
    }

    /// Why a commit does not get it.
    private func whyLeftOut(_ key: PolicyKey) -> String? {
        guard role.isProtected else { return nil }
        switch key {
        case .memorySwapMax: return "without swap, memory.high stops what has nothing to give back"
        case .tasksMax: return "fork would fail in the middle of a commit"
        case .memoryMax where isHeldByMemoryHigh:
            return "it kills; memory_high holds a commit"
        case .memoryHigh where view.bytes(.memoryHigh) != nil && !isHeldByMemoryHigh:
            return "memory_max is lower, and holds a commit"
        default: return nil
        }
    }

    /// Of the two that become its `memory.high`, the lower one.
    private var isHeldByMemoryHigh: Bool {
        guard let high = view.bytes(.memoryHigh) else { return false }
        return view.bytes(.memoryMax).map { high <= $0 } ?? true
    }

    private func files(of key: PolicyKey) -> [String] {
        switch key {
        case .memoryHigh: ["memory.high"]
        case .memoryMax: role.isProtected ? ["memory.high"] : ["memory.max", "memory.oom.group"]
        case .memorySwapMax: ["memory.swap.max"]
        case .cpuQuota: ["cpu.max"]
        case .cpuWeight: ["cpu.idle", "cpu.weight"]
        case .ioWeight: ["io.weight"]
        case .tasksMax: ["pids.max"]
        default: ["io.max"]
        }
    }

    // MARK: Words

    /// `nil`: the value says that there is no limit.
    private func text(of key: PolicyKey, _ value: PolicyValue) -> String? {
        switch (key, value) {
        case (_, .memory(.infinity)), (_, .cpu(.infinity)), (_, .tasks(nil)):
            return nil
        case (.memoryHigh, .memory(let amount)):
            return "Slowed from \(text(amount)) of memory on"
        case (.memoryMax, .memory(let amount)) where role.isProtected && whyLeftOut(key) == nil:
            return "Slowed from \(text(amount)) of memory on, and not killed"
        case (.memoryMax, .memory(let amount)):
            let whom = role == .branch ? "one of them" : "the step"
            return "At most \(text(amount)) of memory; beyond that \(whom) is killed"
        case (.memorySwapMax, .memory(let amount)):
            let size = bytes(amount)
            return size.bytes == 0 ? "No swap" : "At most \(size) of swap"
        case (.cpuQuota, .cpu(.cpus(let share))):
            return "At most \(share.percentText) of one CPU"
        case (.cpuQuota, .cpu(.machine(let share))):
            return "At most \(share.percentText) of all \(facts.cpus) CPUs"
        case (.cpuWeight, .cpuWeight(.idle)):
            return "CPU only where nobody else wants it"
        case (.cpuWeight, .cpuWeight(.weight(let weight))):
            return "CPU weight \(weight) among its siblings; 100 is usual"
        case (.ioWeight, .integer(let weight)):
            return "I/O weight \(weight) among its siblings; 100 is usual"
        case (.tasksMax, .tasks(let count?)):
            return "At most \(count) processes and threads"
        default:
            return "\(key.rawValue) = \(value.text)"
        }
    }

    private func bytes(_ amount: MemoryAmount) -> ByteCount { amount.bytes(on: facts) ?? facts.memory }

    /// `1.0 GiB (25 % of the machine's)`.
    private func text(_ amount: MemoryAmount) -> String {
        if case .share(let share) = amount { return "\(bytes(amount)) (\(share.percentText) of the machine's)" }
        return bytes(amount).description
    }

    private static func noun(_ key: PolicyKey) -> String {
        switch key {
        case .memoryHigh, .memoryMax: "memory"
        case .memorySwapMax: "swap"
        case .cpuQuota: "CPU time"
        default: "processes and threads"
        }
    }

    private static func text(_ cap: IOCap) -> String {
        let caps = [
            cap.readBandwidthMax.map { "\($0) a second read" }, cap.writeBandwidthMax.map { "\($0) a second written" },
            cap.readIOPSMax.map { "\($0) reads a second" }, cap.writeIOPSMax.map { "\($0) writes a second" },
        ]
        return "On the disk of \(cap.path) at most \(caps.compactMap(\.self).joined(separator: ", "))"
    }
}
