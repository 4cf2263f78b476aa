// Has plugins update themselves: as the owner of their files, and with everything that lets them run looked at again.

import DequeModule
import Digest
import LinuxSystem
import PluginInvocation
import PluginManifests
import PluginProtocol
import RunModel
import SystemPackage
import TomlDocument
import UpdateModel

/// What became of a plugin that was to update itself.
public struct SelfUpdateReport: Hashable, Sendable {
    public enum Result: Hashable, Sendable {
        /// The versions that it told before and after.
        case updated(from: String?, to: String?)
        case unchanged(version: String?)
        case notOffered
        /// It was not asked: why, as a clause.
        case refused(Outcome, String)
        /// It could not; it is what it was, as far as it says so.
        case failed(String)
        /// It updated itself to something that may not run: why, as a clause.
        case unusable(String)
    }

    public var plugin: PluginName
    public var result: Result
}

/// Asks several plugins at a time. Lives on the event loop's thread.
final class SelfUpdater {
    /// They fetch and wait.
    private static let slots = 4

    private let questioner: Questioner
    private let personas: Personas
    private let command: PluginCommand
    /// Finds the plugins anew.
    private let find: () -> Discovery
    private var waiting: Deque<DiscoveredPlugin>
    private var running: [PluginName: Update] = [:]
    private var reports: [SelfUpdateReport] = []
    private var completion: (([SelfUpdateReport]) -> Void)?
    private var isCancelled = false

    /// One plugin's, from its first question on.
    private struct Update {
        let owner: RunAs
        let before: Contents
        var version: String?
        var process: StartedStep?
    }

    /// What a plugin's files are, as far as a change shows in them.
    private struct Contents: Hashable {
        var digests: [String?]

        init(of plugin: DiscoveredPlugin) {
            digests = [plugin.executable, plugin.manifestPath].compactMap(\.self).map { path in
                (try? readFile(path, limit: 64 << 20)).map { sha256($0) }
            }
        }
    }

    /// - Parameter command: `self-update` or `self-upgrade`.
    init(
        _ plugins: [DiscoveredPlugin], by command: PluginCommand, questioner: Questioner, personas: Personas,
        find: @escaping () -> Discovery
    ) {
        waiting = Deque(plugins)
        self.command = command
        self.questioner = questioner
        self.personas = personas
        self.find = find
    }

    /// Calls `completion` with a report for each plugin, by name.
    func start(completion: @escaping ([SelfUpdateReport]) -> Void) {
        self.completion = completion
        fill()
    }

    /// Ctrl-C: what runs is ended, and nothing more is started.
    func cancel() {
        isCancelled = true
        for update in running.values {
            update.process?.process?.stop(.cancelled(signal: SignalNumber.interrupt), isUrgent: true)
        }
    }

    private func fill() {
        while running.count < Self.slots, let plugin = waiting.popFirst() { begin(plugin) }
        if running.isEmpty, waiting.isEmpty, let completion {
            self.completion = nil
            completion(reports.sorted { $0.plugin < $1.plugin })
        }
    }

    private func begin(_ plugin: DiscoveredPlugin) {
        guard plugin.offersSelfUpdate else { return note(plugin, .notOffered) }
        guard !isCancelled else { return note(plugin, .refused(.cancelled, "it was cancelled")) }
        do throws(PersonaRefusal) {
            let owner = try personas.owner(of: plugin)
            if let refusal = questioner.refusal(of: plugin, as: owner) { throw refusal }
            running[plugin.name] = Update(owner: owner, before: Contents(of: plugin))
        } catch {
            return note(plugin, .refused(error.outcome, error.reason))
        }
        askVersion(of: plugin) { [weak self] version in
            self?.running[plugin.name]?.version = version
            self?.update(plugin)
        }
    }

    private func update(_ plugin: DiscoveredPlugin) {
        ask(command, of: plugin) { [weak self] answer in
            switch SelfUpdateAnswer(answer) {
            case .done: self?.inspect(plugin)
            case .notSupported: self?.end(plugin, .notOffered)
            case .failed(let reason): self?.end(plugin, .failed(reason))
            }
        }
    }

    /// Looks at what it has become as if it had never been seen.
    private func inspect(_ plugin: DiscoveredPlugin) {
        guard let update = running[plugin.name] else { return }
        personas.forgetTrust()
        let found = find()
        guard let renewed = found.plugins.first(where: { $0.name == plugin.name }) else {
            let files = ["\(plugin.directory)/", plugin.executable]
            let problem = found.problems.first { problem in files.contains { problem.file.hasPrefix($0) } }
            return end(plugin, .unusable(problem.map { "\($0)" } ?? "it is gone from \(plugin.directory)"))
        }
        do throws(PersonaRefusal) {
            let owner = try personas.owner(of: renewed)
            if owner != update.owner {
                return end(plugin, .unusable("its files belonged to \(update.owner) and belong to \(owner) now"))
            }
        } catch {
            return end(plugin, .unusable(error.reason))
        }
        if let refusal = questioner.refusal(of: renewed, as: update.owner) {
            return end(plugin, .unusable(refusal.reason))
        }
        askVersion(of: renewed) { [weak self] version in
            let hasChanged = version != update.version || Contents(of: renewed) != update.before
            self?.end(plugin, hasChanged ? .updated(from: update.version, to: version) : .unchanged(version: version))
        }
    }

    // MARK: Questions

    private func askVersion(of plugin: DiscoveredPlugin, _ then: @escaping (String?) -> Void) {
        if let version = plugin.manifest?.version { return then(version) }
        ask(.version, of: plugin) { answer in then(answer.version()) }
    }

    private func ask(_ command: PluginCommand, of plugin: DiscoveredPlugin, _ then: @escaping (Answer) -> Void) {
        guard let update = running[plugin.name], !isCancelled else {
            return end(plugin, .refused(.cancelled, "it was cancelled"))
        }
        let process = questioner.ask(
            command, of: plugin, as: update.owner,
            timeout: plugin.manifest?.timeout(of: command) ?? command.defaultTimeout
        ) { [weak self] answer in
            self?.running[plugin.name]?.process = nil
            then(answer)
        }
        // Where there is none, the next one may have been started by the answer.
        if let process { running[plugin.name]?.process = process }
    }

    private func end(_ plugin: DiscoveredPlugin, _ result: SelfUpdateReport.Result) {
        running[plugin.name] = nil
        note(plugin, isCancelled ? .refused(.cancelled, "it was cancelled") : result)
        fill()
    }

    private func note(_ plugin: DiscoveredPlugin, _ result: SelfUpdateReport.Result) {
        reports.append(SelfUpdateReport(plugin: plugin.name, result: result))
    }
}
