// What the sudo of a plugin runs: what its manifest declares and the administrator's policy allows.

import PluginProtocol
import Policy
import RunPolicy
import UpdateModel

/// What stands behind the sudo that steps find in this run.
struct SudoSituation: Sendable, Hashable {
    /// The directory that steps find it in; `nil`: it is not installed, and they find the machine's.
    var directory: String?
    /// Root runs update-all.
    var isRoot = false
    /// Root is to be had, now or once somebody has been asked.
    var canBecomeRoot = false
}

/// What a step that calls sudo may have run as root.
struct SudoAccess: Sendable, Hashable {
    /// By the plugin.
    var declared: [String]
    /// By the administrator, of what is declared.
    var allowed: [String]

    /// Why nothing is run for a step for which nobody listens.
    /// - Parameter hasGroup: the step is in a control group.
    func refusal(to plugin: PluginName, hasGroup: Bool) -> String {
        if declared.isEmpty { return "the plugin declares nothing for it (sudo_programs of its manifest)" }
        if allowed.isEmpty { return "nothing allows it to \(plugin): \(SudoRule.advice(plugin, declared))" }
        return hasGroup
            ? "nobody runs anything as root in this run: run update-all as root, with sudo for example"
            : "there are no control groups here, with which a command of root's would end with its step"
    }
}

extension Planner {
    /// `nil` for a step that calls no sudo, or finds the machine's.
    func sudoAccess(_ plugin: PluginFacts, _ phase: Phase, _ runAs: RunAs) -> SudoAccess? {
        guard plugin.callsSudo, runAs != .root, sudo.directory != nil else { return nil }
        let allowed = policy.sudoPrograms(plugin.name, phase, on: machine, isRoots: sudo.isRoot)
        return SudoAccess(
            declared: plugin.sudoPrograms, allowed: SudoProgram.common(plugin.sudoPrograms, allowed))
    }

    /// What of a plugin's steps is run as root, though they are not.
    func sudoPrograms(of plugin: PluginFacts) -> [String] {
        let steps = plugin.phases.map { phase in
            let settings = policy.step(plugin.name, phase.phase, on: machine)
            return sudoAccess(plugin, phase.phase, settings.runAs ?? plugin.runAs)?.allowed ?? []
        }
        return steps.flatMap(\.self).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// Why a step cannot have run as root what it may; `nil` where it can, or may have nothing run.
    func sudoObstacle(_ access: SudoAccess?) -> PersonaRefusal? {
        guard let access, !access.allowed.isEmpty, !sudo.canBecomeRoot else { return nil }
        return PersonaRefusal(
            outcome: .needsAuth,
            reason: "its sudo runs \(access.allowed.joined(separator: ", ")) as root;"
                + " run update-all as root, with sudo for example")
    }
}
