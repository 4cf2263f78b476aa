// What a step that calls sudo gets besides: a socket of its own, and the sudo that knows it.

import Cgroups
import LinuxSystem
import PluginInvocation
import Spawning
import SystemPackage
import UpdateModel

extension StepStarter {
    /// - Returns: `nil` where the step's sudo runs nothing.
    func openSudo(
        for command: StepCommand, persona: Persona, leaf: Leaf?
    ) throws(StartFailure) -> SudoService? {
        guard let access = command.sudo, !access.allowed.isEmpty, let sudo, let leaf else { return nil }
        let right = SudoRight(
            command.step, programs: access.allowed, settings: command.settings,
            // A manifest of somebody else's asks root for nothing.
            needs: personas.distrust(command.plugin) == nil
                ? command.plugin.manifest?.capabilities[command.step.phase] ?? [] : [])
        do throws(Errno) {
            return try sudo.open(
                for: persona.account, changesOwner: persona.needsChange && !isHelped, right: right,
                group: group(of: command), leaf: leaf)
        } catch {
            throw StartFailure(
                outcome: .failed,
                reason:
                    "the socket of its sudo in \(directories.root) cannot be made: \(error). "
                    + "Raise the limit of open files (ulimit -n), or choose another place with --state-dir")
        }
    }

    /// The path that a step's programs are looked for in.
    func path(of command: StepCommand, _ persona: Persona) -> String {
        guard command.sudo != nil, let sudoDirectory else { return persona.path }
        return "\(sudoDirectory):\(persona.path)"
    }

    /// Where the step's sudo finds us, or why it does not.
    func sudoVariable(
        of command: StepCommand, _ service: SudoService?, hasGroup: Bool
    ) -> EnvironmentVariable? {
        guard let access = command.sudo else { return nil }
        if let service { return EnvironmentVariable("UPDATE_ALL_SUDO_SOCKET", service.path) }
        return EnvironmentVariable(
            "UPDATE_ALL_SUDO_REFUSAL", access.refusal(to: command.plugin.name, hasGroup: hasGroup))
    }
}
