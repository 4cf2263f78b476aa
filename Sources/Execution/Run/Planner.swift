// From what is known of plugins, policy and machine to a plan, and to what the run needs to follow it. Runs nothing.

import Digest
import PluginInvocation
import PluginManifests
import PluginProtocol
import Policy
import PolicyReports
import RunModel
import RunPolicy
import Scheduling
import UpdateModel

/// Which of the plugins found are wanted, and how.
public struct Selection: Sendable, Hashable {
    /// Plugins named on the command line and by `--only`; empty: all.
    public var only: Set<PluginName> = []
    public var skip: Set<PluginName> = []
    /// Plugins that the configuration leaves alone, with the reason; they are not asked.
    public var disabled: [PluginName: String] = [:]
    /// `--jobs`: beats the policy's `parallel`.
    public var jobs: Int?
    /// `--timeout`: for every step, beats the policy's.
    public var timeout: Duration?
    /// Tables of the policy that were given a timeout after `timeout` was: for their steps it counts no more.
    var laterTimeouts: Set<PolicyTable> = []
    public var isDryRun = false
    /// What else a plugin could do is left out.
    public var phases = Set(Phase.allCases)
    /// `run --plan`: what it expects of the steps is expected now, so that they run in the same order.
    public var saved: Plan?

    public init() {}

    public func includes(_ name: PluginName) -> Bool {
        !skip.contains(name) && (only.isEmpty || only.contains(name)) && disabled[name] == nil
    }

    /// Plugins that somebody wants and that are disabled: they are skipped for all to see.
    public var refused: [PluginName] {
        only.subtracting(skip).filter { disabled[$0] != nil }.sorted()
    }
}

/// A plan with all that following it takes.
public struct PreparedRun: Sendable {
    public var plan: Plan
    var graph: StepGraph
    /// For each step what is started.
    var commands: [StepID: StepCommand]
    /// Files that each step's mutexes lock, its free ones included.
    var freeMutexes: [StepID: [String]]
    /// Files that no other program may have locked when a step starts.
    var lockedFiles: [StepID: [String]]
    var downloads: [PluginName: ByteCount]
    /// What each download is told of the policy's rate.
    var downloadShares: DownloadShares
}

/// Makes plans. Everything that it looks at is given: nothing is asked of the machine.
struct Planner {
    let policy: MergedPolicy
    var machine: MachineFacts
    let selection: Selection
    /// In the order in which they run.
    var hooks: [Hook] = []
    /// What steps needed in earlier runs.
    var record = PeakRecord()
    var sudo = SudoSituation()
    /// The account's name, or why a step cannot run as that; the last argument is the pin of the plugin's executable.
    let persona: (RunAs, DiscoveredPlugin, String?) -> Result<String, PersonaRefusal>

    /// Of a step about whose duration nobody said anything; it only serves the order.
    private static let nominalSeconds = 60.0

    /// - Parameter enforces: whether a policy that requires limits which this machine lacks is an error.
    func plan(
        _ found: [PluginFacts], notSelected: [PluginName], enforces: Bool = true
    ) throws(RunError) -> PreparedRun {
        let run = runSettings
        let facts = selection.saved.map { expecting(of: found, as: $0) } ?? found.map(withEarlierPeaks)
        var nodes: [PluginNode] = []
        var absent = notSelected.map { name in
            AbsentPlugin(
                name: name,
                state: selection.disabled[name].map { .ended(.skipped, reason: $0) } ?? .notSelected)
        }
        var skipped = selection.refused.map { name in
            SkippedPlugin(plugin: name, outcome: .skipped, reason: selection.disabled[name] ?? "")
        }
        var commands: [StepID: StepCommand] = [:]
        var accounts: [StepID: String] = [:]
        var missing: [StepID: [LimitDeviation]] = [:]
        var lessons: [StepID: LimitDeviation] = [:]
        var lockedFiles: [StepID: [String]] = [:]

        for plugin in facts {
            let wanted = wantedSteps(of: plugin)
            var known: [RunAs: String] = [:]
            if let reason = whyNot(plugin, wanted, &known) {
                skipped.append(reason)
                absent.append(
                    AbsentPlugin(name: plugin.name, state: .ended(reason.outcome, reason: reason.reason)))
                continue
            }
            for step in wanted {
                let id = StepID(plugin.name, step.phase.phase)
                var command: StepCommand
                (command, missing[id]) = self.command(for: step, of: plugin, in: run)
                lessons[id] = applyLesson(to: &command)
                commands[id] = command
                accounts[id] = known[command.runAs]
                // One that only says what it would do changes nothing that a lock is for.
                if !selection.isDryRun { lockedFiles[id] = step.phase.locks }
            }
            nodes.append(node(for: plugin, wanted))
        }
        // Where nothing is committed, there is nothing to prepare for.
        for hook in hooks where selection.phases.contains(.execute) {
            if selection.isDryRun {
                let reason = "a hook has no dry run, so it is only planned"
                skipped.append(SkippedPlugin(plugin: hook.plugin.name, outcome: .skipped, reason: reason))
                continue
            }
            let step = StepID(hook.plugin.name, .execute)
            (commands[step], missing[step]) = command(for: hook, in: run)
            nodes.append(
                PluginNode(
                    name: hook.plugin.name,
                    steps: [PluginNode.Step(phase: .execute, duration: Self.nominalSeconds)], hook: hook.moment))
        }

        let graph: StepGraph
        do throws(StepGraphError) {
            graph = try StepGraph(nodes, absent: absent, capacities: capacities(run))
        } catch {
            throw RunError(.usage, error.description)
        }
        // Where nothing else runs, they do not either, and need not be there.
        for hook in hooks where graph.job(StepID(hook.plugin.name, .execute)) != nil {
            accounts[StepID(hook.plugin.name, .execute)] = try hook.account(
                persona(hook.runAs(policy, on: machine), hook.plugin, nil))
        }
        let schedule = Schedule(of: graph.problem)
        let estimated = knownDurations(facts)
        let steps = schedule.entries.map { entry in
            let id = graph.step(entry.job)
            let command = commands[id]
            return PlannedStep(
                id: id, after: graph.predecessors(of: entry.job), mutexes: graph.mutexes(of: entry.job),
                demand: graph.demand(of: entry.job), limits: command?.limits ?? [], runAs: accounts[id] ?? "",
                isProtected: command?.isProtected ?? false, startSeconds: entry.start,
                durationSeconds: entry.finish - entry.start, durationIsKnown: estimated.contains(id), wave: entry.wave,
                waitsFor: entry.cause.map { graph.text(of: $0, for: entry.job) }, hook: command?.hook)
        }
        let running = Set(steps.map(\.id.plugin))
        let downloading = facts.filter { running.contains($0.name) }.map { ($0.name, $0.plugin.keepsDownloadRate) }
        let unenforced = Self.eachOnce(
            Self.branchDeviations(run, on: machine)
                + run.downloadDeviations(of: downloading, on: machine) + steps.flatMap { missing[$0.id] ?? [] })
        if enforces { try refuse(unenforced) }
        let fetched = facts.filter { running.contains($0.name) }.compactMap(\.download)
        var plan = Plan(
            policy: policy.name, hostName: machine.hostName, runLimits: run.limitTexts, steps: steps,
            skipped: (skipped + graph.skipped).sorted { $0.plugin < $1.plugin }, makespanSeconds: schedule.makespan,
            criticalPath: schedule.criticalPath.map { graph.step($0) },
            fetch: fetched.isEmpty ? nil : fetched.reduce(ByteCount(0), +),
            deviations: unenforced + Self.eachOnce(steps.compactMap { lessons[$0.id] }) + cuts(of: steps))
        plan.policyHash = sha256(policy.canonicalText)
        return PreparedRun(
            plan: plan, graph: graph, commands: commands,
            freeMutexes: Dictionary(
                uniqueKeysWithValues: schedule.entries.map {
                    (graph.step($0.job), graph.problem.freeMutexes(of: $0.job))
                }),
            lockedFiles: lockedFiles,
            downloads: Dictionary(
                uniqueKeysWithValues: facts.compactMap { plugin in plugin.download.map { (plugin.name, $0) } }),
            downloadShares: run.downloadShares(
                among: Dictionary(uniqueKeysWithValues: steps.map { ($0.id, $0.demand.downloads) }), on: machine))
    }

    var runSettings: RunSettings { policy.run(on: machine, jobs: selection.jobs) }

    /// Durations and demands of a saved plan in the place of those that plugins estimate today.
    private func expecting(of facts: [PluginFacts], as saved: Plan) -> [PluginFacts] {
        let steps = Dictionary(saved.steps.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        return facts.map { plugin in
            var plugin = plugin
            for index in plugin.phases.indices {
                guard let step = steps[StepID(plugin.name, plugin.phases[index].phase)] else { continue }
                plugin.phases[index].demand = step.demand
                plugin.phases[index].duration = step.durationIsKnown ? .seconds(step.durationSeconds) : nil
            }
            return plugin
        }
    }

    // MARK: Plugins

    /// One of a plugin's steps, with what the policy says of it.
    private struct WantedStep {
        let phase: PhaseFacts
        let settings: StepSettings
        let runAs: RunAs
    }

    /// A dry run only asks `update --dry-run`.
    private func wantedSteps(of plugin: PluginFacts) -> [WantedStep] {
        let phases = plugin.phases.filter {
            selection.phases.contains($0.phase) && (!selection.isDryRun || $0.phase == .execute)
        }
        return phases.map { phase in
            let settings = policy.step(plugin.name, phase.phase, on: machine, timeout: selection.timeout)
            return WantedStep(phase: phase, settings: settings, runAs: settings.runAs ?? plugin.runAs)
        }
    }

    /// Why nothing of a plugin runs; `nil` where something does, with the names of the accounts that its steps get.
    private func whyNot(
        _ plugin: PluginFacts, _ wanted: [WantedStep], _ accounts: inout [RunAs: String]
    ) -> SkippedPlugin? {
        func skip(_ outcome: Outcome, _ reason: String) -> SkippedPlugin {
            SkippedPlugin(plugin: plugin.name, outcome: outcome, reason: reason)
        }
        switch plugin.verdict {
        case .upToDate: return skip(.upToDate, "up to date")
        case .notApplicable(let reason): return skip(.notApplicable, reason)
        case .failed(let outcome, let reason), .refused(let outcome, let reason): return skip(outcome, reason)
        case .runs: break
        }
        if selection.isDryRun, !plugin.plugin.allowsDryRun {
            return skip(.skipped, "it has no dry run of its own, so it is only planned")
        }
        // Nothing to do, and so in nobody's way.
        if wanted.isEmpty { return skip(.upToDate, "it fetches nothing beforehand") }
        for step in wanted where accounts[step.runAs] == nil {
            switch persona(step.runAs, plugin.plugin, step.settings.sha256) {
            case .success(let account): accounts[step.runAs] = account
            case .failure(let refusal): return skip(refusal.outcome, refusal.reason)
            }
        }
        for step in wanted {
            if let refusal = sudoObstacle(sudoAccess(plugin, step.phase.phase, step.runAs)) {
                return skip(refusal.outcome, refusal.reason)
            }
        }
        return nil
    }

    /// Why a plugin that applies may not run as the account that it is for; `nil` where it may.
    func refusal(of plugin: PluginFacts) -> String? {
        guard plugin.verdict == .runs else { return nil }
        let settings = policy.step(plugin.name, .execute, on: machine)
        switch persona(settings.runAs ?? plugin.runAs, plugin.plugin, settings.sha256) {
        case .success: return nil
        case .failure(let refusal): return refusal.reason
        }
    }

    private func node(for plugin: PluginFacts, _ wanted: [WantedStep]) -> PluginNode {
        PluginNode(
            name: plugin.name,
            steps: wanted.map(\.phase).map { phase in
                PluginNode.Step(
                    phase: phase.phase, mutexes: phase.mutexes.map(\.rawValue).sorted(),
                    freeMutexes: phase.free.map(\.rawValue).sorted(), demand: phase.demand,
                    duration: phase.duration?.inSeconds ?? Self.nominalSeconds)
            },
            requires: plugin.requires, after: plugin.after, conflicts: plugin.conflicts)
    }

    private func knownDurations(_ facts: [PluginFacts]) -> Set<StepID> {
        Set(
            facts.flatMap { plugin in
                plugin.phases.filter { $0.duration != nil }.map { StepID(plugin.name, $0.phase) }
            })
    }

    // MARK: Limits

    private func command(
        for step: WantedStep, of plugin: PluginFacts, in run: RunSettings
    ) -> (StepCommand, deviations: [LimitDeviation]) {
        let phase = step.phase
        var settings = step.settings
        let access = sudoAccess(plugin, phase.phase, step.runAs)
        // It calls the machine's sudo: that needs the privileges which this would forbid.
        if plugin.callsSudo, access?.allowed.isEmpty != false { settings.noNewPrivileges = false }
        let isProtected = phase.isProtected && !selection.isDryRun
        let (writes, deviations) = controlWrites(
            for: settings.limits, of: isProtected ? .protectedLeaf : .leaf, on: machine)
        var command = StepCommand(
            plugin: plugin.plugin, step: StepID(plugin.name, phase.phase), command: phase.command,
            isDryRun: selection.isDryRun, runAs: step.runAs, settings: settings, limits: writes,
            required: required(writes), hints: hints(for: settings.limits, in: run),
            isProtected: isProtected,
            stopSignal: phase.stopSignal?.number,
            timeout: phase.timeout)
        command.sudo = access
        return (command, deviations)
    }

    /// A step's command with what the policy says now: of its limits, and of how it is started and ended. As whom it runs was
    /// planned.
    func revised(_ command: StepCommand) -> StepCommand {
        var revised = command
        let (plugin, phase) = (command.step.plugin, command.step.phase)
        let isTold = selection.laterTimeouts.contains { $0.concerns(plugin, phase) }
        var settings = policy.step(plugin, phase, on: machine, timeout: isTold ? nil : selection.timeout)
        settings.noNewPrivileges = command.settings.noNewPrivileges
        revised.settings = settings
        revised.limits =
            controlWrites(
                for: settings.limits, of: command.isProtected ? .protectedLeaf : .leaf, on: machine
            ).writes
        revised.required = required(revised.limits)
        revised.hints = hints(for: settings.limits, in: runSettings)
        _ = applyLesson(to: &revised)
        return revised
    }

    private func command(for hook: Hook, in run: RunSettings) -> (StepCommand, [LimitDeviation]) {
        let facts = PluginFacts(plugin: hook.plugin, verdict: .runs)
        let step = WantedStep(
            phase: PhaseFacts(phase: .execute),
            settings: policy.step(hook.plugin.name, .execute, on: machine, timeout: selection.timeout),
            runAs: hook.runAs(policy, on: machine))
        var (command, deviations) = command(for: step, of: facts, in: run)
        command.hook = hook.moment
        return (command, deviations)
    }

    /// The tighter of the step's and the run's limits, since that is what the step will feel. A step of the download pool is
    /// told its share of the rate when it starts.
    func hints(for step: Limits, in run: RunSettings) -> ResourceHints {
        var limits = step
        limits.cpuQuota = [limits.cpuQuota, run.limits.cpuQuota].compactMap(\.self).min()
        limits.memoryHigh = [limits.memoryHigh, run.limits.memoryHigh].compactMap(\.self).min()
        limits.memoryMax = [limits.memoryMax, run.limits.memoryMax].compactMap(\.self).min()
        return ResourceHints(limits, downloadRate: run.downloadRateHint(on: machine), machineCPUs: machine.cpus)
    }

    /// What the processes get that answer questions, of which nobody expects much: where the policy says nothing of the
    /// check phase, little. It is not said where a machine cannot enforce that.
    func questionRules(_ plugin: PluginName) -> QuestionRules {
        var settings = policy.step(plugin, .check, on: machine)
        // What the policy says of questions; what follows is our own.
        let asked = controlWrites(for: settings.limits, of: .leaf, on: machine)
        settings.limits.memoryHigh = settings.limits.memoryHigh ?? Self.questionMemory
        settings.limits.memoryMax = settings.limits.memoryMax ?? Self.questionMemoryMax
        settings.limits.tasksMax = settings.limits.tasksMax ?? Self.questionTasks
        return QuestionRules(
            settings: settings, limits: controlWrites(for: settings.limits, of: .leaf, on: machine).writes,
            required: required(asked.writes), missing: policy.enforcement == .required ? asked.deviations : [],
            hints: hints(for: settings.limits, in: runSettings))
    }

    /// The control files without which nothing is started.
    func required(_ writes: [ControlWrite]) -> Set<String> {
        policy.enforcement == .required ? Set(writes.map(\.file)) : []
    }

    /// Room for a package manager that resolves a whole system's dependencies.
    private static let questionMemory = ByteCount(512 << 20)
    private static let questionMemoryMax = ByteCount(1 << 30)
    private static let questionTasks: Int64 = 256

    private func capacities(_ run: RunSettings) -> RunCapacities {
        RunCapacities(
            parallel: run.parallel ?? machine.cpus, downloads: run.downloads, cpus: run.limits.cpuQuota?.value,
            memory: run.limits.memoryHigh ?? run.limits.memoryMax)
    }

    private static func branchDeviations(_ run: RunSettings, on machine: MachineFacts) -> [LimitDeviation] {
        [GroupRole.run, .branch, .protectedBranch].flatMap {
            controlWrites(for: run.limits, of: $0, on: machine).deviations
        }
    }

    /// What of the policy cannot be had here by any of `plugins`, without asking them anything.
    static func deviations(
        of policy: MergedPolicy, for plugins: [DiscoveredPlugin], on machine: MachineFacts
    ) -> [LimitDeviation] {
        let steps = plugins.flatMap { plugin in
            [Phase.download, .execute].flatMap { phase in
                let isProtected = plugin.manifest?.protectedPhases.contains(phase) ?? false
                return controlWrites(
                    for: policy.step(plugin.name, phase, on: machine).limits, of: isProtected ? .protectedLeaf : .leaf,
                    on: machine
                ).deviations
            }
        }
        let run = policy.run(on: machine)
        return eachOnce(
            branchDeviations(run, on: machine)
                + run.downloadDeviations(of: plugins.map { ($0.name, $0.keepsDownloadRate) }, on: machine) + steps)
    }

    /// A limit that many steps share is told once.
    private static func eachOnce(_ deviations: [LimitDeviation]) -> [LimitDeviation] {
        var seen: Set<String> = []
        return deviations.filter { seen.insert("\($0.control)\u{0}\($0.reason)").inserted }
    }

    /// What somebody asked for and the administrator's ceiling has cut: tighter than asked, and so never refused.
    private func cuts(of steps: [PlannedStep]) -> [LimitDeviation] {
        let ofSteps = steps.flatMap {
            policy.stepCuts($0.id.plugin, $0.id.phase, on: machine, timeout: selection.timeout)
        }
        return Self.eachOnce(policy.runCuts(on: machine, jobs: selection.jobs) + ofSteps)
    }

    /// - Throws: exit code 3 where there are any and the policy requires them.
    func refuse(_ missing: [LimitDeviation]) throws(RunError) {
        guard policy.enforcement == .required, !missing.isEmpty else { return }
        let list = missing.map { "  \($0.asMissing)" }.joined(separator: "\n")
        let way =
            policy.enforcementCeiling.map { "have \"enforcement\" changed in \($0)" }
            ?? "run with what can be enforced: --set enforcement=preferred"
        throw RunError(
            .unenforceable,
            "the policy \(policy.name) requires limits that cannot be enforced here:\n\(list)\nMend that, or \(way)")
    }
}
