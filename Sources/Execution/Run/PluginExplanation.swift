// What a policy does with one plugin on this machine: found out by doing what a run does, but for starting anything.

import Cgroups
import PluginInvocation
import PluginManifests
import Policy
import PolicyReports
import UpdateModel

/// All that binds the steps of one plugin, in the order from the whole run down to each of its phases.
public struct PluginExplanation: Sendable {
    public struct Part: Sendable {
        public enum Scope: Hashable, Sendable {
            /// All steps together.
            case run
            /// All commits together.
            case commits
            case step(Phase)
        }

        public var scope: Scope
        /// As it will be in a run, below the mount: `/updateall.slice/run-RUN/steps`; `nil` where there is no group.
        public var group: String?
        public var isProtected = false
        /// Of a step: the account, or why it cannot run as that, as a clause.
        public var account: Result<String, AccountRefusal>?
        public var statements: [PolicyStatement]
    }

    public struct AccountRefusal: Error {
        public var reason: String
    }

    public var plugin: PluginName
    public var policy: String
    public var host: String
    public var parts: [Part]
}

/// Explains by means of the groups of a session that is open.
struct PluginExplainer {
    let policy: MergedPolicy
    let machine: MachineFacts
    let site: CgroupSite
    let personas: Personas
    let run: RunID

    func explain(_ plugin: DiscoveredPlugin) -> PluginExplanation {
        PluginExplanation(
            plugin: plugin.name, policy: policy.name, host: machine.hostName,
            parts: runParts() + phases(of: plugin).map { part(for: $0, of: plugin) })
    }

    private func runParts() -> [PluginExplanation.Part] {
        let limits = policy.run(on: machine).limits
        let wanted = [GroupRole.run, .branch, .protectedBranch].map { controlWrites(for: limits, of: $0, on: machine) }
        var reports = wanted.map { GroupReport(applied: [], deviations: $0.deviations) }
        if case .tree(let tree) = site {
            let inForce = tree.applyRunLimits(
                run: wanted[0].writes, steps: wanted[1].writes, protected: wanted[2].writes)
            for (index, group) in [inForce.run, inForce.steps, inForce.protected].enumerated() {
                reports[index].applied = group.applied
                reports[index].deviations += group.deviations
            }
        }
        return [
            PluginExplanation.Part(
                scope: .run, group: path(""),
                statements: policy.explainRun(group: reports[0], steps: reports[1], on: machine)),
            PluginExplanation.Part(
                scope: .commits, group: path("/protected"), isProtected: true,
                statements: policy.explainCommits(group: reports[2], on: machine)),
        ]
    }

    /// The group of this name in a run that is yet to come.
    private func path(_ name: String) -> String? {
        guard case .tree(let tree) = site else { return nil }
        return tree.path.replacing(run.rawValue, with: "RUN") + name
    }

    /// As far as the manifest says: asking would run the plugin.
    private func phases(of plugin: DiscoveredPlugin) -> [Phase] {
        if !plugin.speaksProtocol { return [.execute] }
        return Phase.allCases.filter { $0 != .download || plugin.manifest?.separateDownload != false }
    }

    /// Whether the phase is the one in which a plugin downloads, as far as it has such a thing.
    private func downloads(_ plugin: DiscoveredPlugin, in phase: Phase) -> Bool {
        phase == (phases(of: plugin).contains(.download) ? .download : .execute)
    }

    private func part(for phase: Phase, of plugin: DiscoveredPlugin) -> PluginExplanation.Part {
        let manifest = plugin.manifest
        let isProtected = manifest?.protectedPhases.contains(phase) ?? false
        let settings = policy.step(plugin.name, phase, on: machine)
        let runAs = settings.runAs ?? manifest?.runAs ?? .invokingUser
        let account: Result<String, PluginExplanation.AccountRefusal>
        var isRoot = false
        do throws(PersonaRefusal) {
            let persona = try personas.persona(runAs, for: plugin)
            account = .success(persona.account.name)
            isRoot = persona.account.user == 0
        } catch {
            account = .failure(PluginExplanation.AccountRefusal(reason: error.reason))
        }
        let command = PluginCommand(doing: phase)
        let declared = manifest?.sudoPrograms ?? []
        var step = ExplainedStep(
            plugin.name, phase, isProtected: isProtected, isRoot: isRoot,
            callsSudo: !declared.isEmpty,
            timeout: manifest?.timeout(of: command) ?? command.defaultTimeout,
            keepsDownloadRate: downloads(plugin, in: phase) ? plugin.keepsDownloadRate : nil,
            capabilityNeeds: manifest?.capabilities[phase] ?? [])
        let allowed = policy.sudoPrograms(plugin.name, phase, on: machine, isRoots: personas.areRoots)
        step.sudoPrograms = SudoProgram.common(declared, allowed)
        let report = report(of: StepID(plugin.name, phase), isProtected: isProtected, settings.limits)
        return PluginExplanation.Part(
            scope: .step(phase), group: path("/\(isProtected ? "protected" : "steps")/\(plugin.name).\(phase)"),
            isProtected: isProtected, account: account,
            statements: policy.explain(step, group: report, on: machine))
    }

    /// Makes the step's group, with its limits, and removes it again.
    private func report(of step: StepID, isProtected: Bool, _ limits: Limits) -> GroupReport {
        let (writes, deviations) = controlWrites(for: limits, of: isProtected ? .protectedLeaf : .leaf, on: machine)
        var report = GroupReport(applied: [], deviations: deviations)
        guard case .tree(let tree) = site else { return report }
        do throws(CgroupError) {
            let leaf = try tree.makeLeaf(step, isProtected: isProtected, limits: writes)
            report.applied = leaf.applied
            report.deviations += leaf.deviations
            try leaf.remove()
        } catch {
            report.deviations += writes.map {
                LimitDeviation(control: $0.file, requested: $0.value, effective: nil, reason: error.description)
            }
        }
        return report
    }
}
