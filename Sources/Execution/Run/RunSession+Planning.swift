// From what plugins answered to a plan, or to what can be said without one. Nothing is started here.

import Cgroups
import LinuxSystem
import PluginInvocation
import PluginManifests
import PluginProtocol
import Policy
import RunModel
import RunPolicy
import Scheduling
import UpdateModel

extension RunSession {
    /// Plans what was found. Nothing is asked or started.
    public func plan(_ facts: [PluginFacts], notSelected: [PluginName]) throws(RunError) -> PreparedRun {
        lastFacts = (facts, notSelected)
        var planner = planner
        // Steps for root will have root's groups, and all others with them.
        let willBeHelped =
            helper == nil && configuration.elevation != nil
            && facts.contains { $0.runAs == .root || !planner.sudoPrograms(of: $0).isEmpty }
        if willBeHelped { planner.machine.takeRootsControllers() }
        planner.record = peakRecord
        planner.hooks = Hook.all(in: configuration.policy, besides: Set(facts.map(\.name) + notSelected))
        try planner.refuse(questioner?.missingLimits ?? [])
        var prepared = try planner.plan(facts, notSelected: notSelected)
        lessons = MemoryLessons(planner, run: run)
        if case .tree(let tree) = site, !willBeHelped {
            let limits = planner.runSettings.limits
            func writes(_ role: GroupRole) -> [ControlWrite] {
                controlWrites(for: limits, of: role, on: machine).writes
            }
            let inForce = tree.applyRunLimits(
                run: writes(.run), steps: writes(.branch), protected: writes(.protectedBranch))
            systemd?.hear()
            let deviations = [inForce.run, inForce.steps, inForce.protected].flatMap(\.deviations)
            prepared.plan.deviations += deviations
            try planner.refuse(deviations)
        }
        if let blindness = Governance.blindness(of: configuration.policy.protection) {
            prepared.plan.deviations.append(blindness)
            if blindness.effective == nil { try planner.refuse([blindness]) }
        }
        prepared.plan.window = windowGate?.planned(prepared.plan.steps)
        if let saved = configuration.selection.saved { try refuseUnlessSame(prepared.plan, as: saved) }
        return prepared
    }

    /// Plans again what was planned last, for what this machine turned out to be.
    public func replan() throws(RunError) -> PreparedRun {
        guard let lastFacts else { preconditionFailure("plan() comes first") }
        return try plan(lastFacts.facts, notSelected: lastFacts.notSelected)
    }

    /// - Throws: exit code 6 where the policy's window is closed, with when it opens. A dry run changes nothing, and may
    ///   be at any time.
    public nonisolated func refuseOutsideWindow() throws(RunError) {
        guard let refusal = windowGate?.refusal else { return }
        throw refusal
    }

    /// - Throws: exit code 6 where the policy's window would have every step of `plan` put off.
    public nonisolated func refuseToPutOffAll(of plan: Plan) throws(RunError) {
        guard let refusal = windowGate?.refusal(of: plan) else { return }
        throw refusal
    }

    /// What updates there are, by what the plugins said. Of a plan it is the length alone that counts here, so a limit
    /// that cannot be enforced does not matter.
    public func check(_ facts: [PluginFacts], notSelected: [PluginName]) throws(RunError) -> UpdateCheck {
        var planner = planner
        planner.record = peakRecord
        let plan = try planner.plan(facts, notSelected: notSelected, enforces: false).plan
        let asked = facts.map { PluginCheck($0, refusal: planner.refusal(of: $0)) }
        let refused = configuration.selection.refused.map { name in
            PluginCheck(plugin: name, state: .skipped, reason: configuration.selection.disabled[name])
        }
        let isKnown = !plan.steps.isEmpty && plan.steps.allSatisfy(\.durationIsKnown)
        return UpdateCheck(
            hostName: machine.hostName, plugins: (asked + refused).sorted { $0.plugin < $1.plugin },
            expectedSeconds: isKnown ? plan.makespanSeconds : nil)
    }

    /// What the policy does with a plugin's steps here: its limits are written to groups and read back, as for a run.
    public func explain(_ plugin: DiscoveredPlugin) -> PluginExplanation {
        PluginExplainer(
            policy: configuration.policy, machine: machine, site: site, personas: personas, run: run
        ).explain(plugin)
    }

    /// - Throws: exit code 2 where a saved plan is no longer what would be done.
    private func refuseUnlessSame(_ plan: Plan, as saved: Plan) throws(RunError) {
        let differences = plan.differences(from: saved)
        if differences.isEmpty { return }
        let list = differences.map { "  \($0)" }.joined(separator: "\n")
        throw RunError(
            .usage,
            "the saved plan no longer fits, and nothing was run:\n\(list)\nMake another with: update-all plan -o FILE")
    }

    var planner: Planner {
        var planner = Planner(policy: configuration.policy, machine: machine, selection: configuration.selection) {
            [personas] runAs, plugin, pin in
            do throws(PersonaRefusal) {
                return .success(try personas.persona(runAs, for: plugin, pin: pin, isHelped: true).account.name)
            } catch {
                return .failure(error)
            }
        }
        planner.sudo = SudoSituation(
            directory: configuration.places.sudo, isRoot: personas.areRoots,
            canBecomeRoot: personas.areRoots || configuration.elevation != nil)
        return planner
    }

    /// What stands against running plugins that apply, or that could not be asked for the same reason.
    public func obstacles(_ facts: [PluginFacts]) -> [PluginName: PluginObstacle] {
        let planner = planner
        return Dictionary(
            uniqueKeysWithValues: facts.map { plugin in
                (
                    plugin.name,
                    PluginObstacle(distrust: personas.distrust(plugin.plugin), refusal: planner.refusal(of: plugin))
                )
            })
    }
}
