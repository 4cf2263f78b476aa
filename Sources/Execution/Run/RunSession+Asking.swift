// What a run asks its plugins before anything is planned, and has them do to themselves.

import LinuxSystem
import PluginInvocation
import PluginManifests
import PluginProtocol
import RunModel
import UpdateModel

extension RunSession {
    /// What each of `plugins` is and has to do, by name.
    /// - Parameter onNotice: told what a plugin waits for before it can be asked, as a sentence without a full stop.
    public func ask(
        _ plugins: [DiscoveredPlugin], for purpose: ProbeConversation.Purpose,
        onNotice: @escaping @Sendable (String) -> Void = { _ in }
    ) async -> [PluginFacts] {
        // Ctrl-C may have been faster than the first question.
        guard let questioner, received == nil else { return [] }
        let programs = ProgramLookup(path: personas.path)
        let prober = Prober(
            loop: loop, questioner: questioner, locks: foreignLocks(),
            hasProgram: { [personas] plugin, program in
                programs.isOnPath(program, or: personas.programDirectories(of: plugin))
            },
            purpose: purpose, cpus: machine.cpus
        ) { name, hold in
            onNotice("\(name) waits for \(hold.phrase)")
        }
        self.prober = prober
        defer { self.prober = nil }
        return await withCheckedContinuation { continuation in
            prober.probe(plugins) { facts in continuation.resume(returning: facts) }
        }
    }

    /// Those of `plugins` that the policy has update themselves before a run.
    public func selfUpdating(_ plugins: [DiscoveredPlugin]) -> [DiscoveredPlugin] {
        plugins.filter { $0.offersSelfUpdate && planner.questionRules($0.name).settings.updatesItself }
    }

    /// Has plugins update themselves, each as the owner of its files.
    /// - Parameter command: `self-update` or `self-upgrade`.
    public func updateThemselves(
        _ plugins: [DiscoveredPlugin], by command: PluginCommand = .selfUpdate
    ) async -> [SelfUpdateReport] {
        guard let questioner, received == nil else { return [] }
        let updater = SelfUpdater(
            plugins, by: command, questioner: questioner, personas: personas
        ) { [places = configuration.places] in
            findPlugins(in: places.pluginDirectories)
        }
        selfUpdater = updater
        defer { selfUpdater = nil }
        return await withCheckedContinuation { continuation in
            updater.start { reports in continuation.resume(returning: reports) }
        }
    }

    /// Has a plugin say whether what it looks after is in order.
    /// - Returns: its complaint, as a clause; `nil` where there is none, or it has no such command.
    public func validate(_ plugin: PluginFacts) async -> String? {
        guard let questioner, received == nil, plugin.plugin.offersValidation else { return nil }
        let timeout = plugin.plugin.manifest?.timeout(of: .validate) ?? PluginCommand.validate.defaultTimeout
        return await withCheckedContinuation { continuation in
            _ = questioner.ask(.validate, of: plugin.plugin, as: plugin.runAs, timeout: timeout) { answer in
                switch ValidationAnswer(answer, of: plugin.name) {
                case .inOrder: continuation.resume(returning: nil)
                case .complaint(let text): continuation.resume(returning: text)
                }
            }
        }
    }

    func foreignLocks() -> ForeignLocks { ForeignLocks(MutexLocks(user: personas.ownName), loop: loop) }
}
