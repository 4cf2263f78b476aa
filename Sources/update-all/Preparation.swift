// What `run`, `plan` and `list` have in common: the policy, the plugins, and a session in which they are asked.

import Configuration
import Execution
import LinuxSystem
import PluginInvocation
import PluginManifests
import PluginProtocol
import Presentation
import Privilege
import RunModel
import TomlDocument
import UpdateModel

/// A session with the plugins that it is about.
struct Preparation {
    let session: RunSession
    let places: Places
    let configuration: Configuration
    private(set) var plugins: [DiscoveredPlugin]
    let selection: Selection
    /// A plugin's manifest, say, is not valid: the others go on, and the exit code tells.
    private(set) var hasInvalidFiles: Bool
    /// Plugins that updated themselves to something that may not run.
    private var unusable: [PluginFacts] = []

    /// Loads the configuration and the policy, and finds the plugins; nothing is started yet.
    /// - Throws: exit code 2 with what is wrong.
    init(
        _ common: CommonOptions, _ selected: SelectionOptions, pace: PaceOptions? = nil, isDryRun: Bool = false,
        display: DisplayChoice? = nil, saved: Plan? = nil,
        phases: Set<Phase> = Set(Phase.allCases), options: RunOptions = RunOptions(), usesSudo: Bool = true
    ) throws {
        places = try common.places()
        configuration = try common.configuration(places, display: display)
        let policy = try loadPolicy(places, configuration, assignments: common.assignments)
        if policy.name == "built-in" {
            let place = places.policies ?? "share/update-all/policies, beside the installed program"
            complain("the shipped policies are missing (\(place)): the built-in one is in force, which limits nothing")
        }
        let found = findPlugins(in: places.pluginDirectories)
        for problem in found.problems { writeToStandardError("\(problem)\n") }
        plugins = found.plugins
        hasInvalidFiles = !found.problems.isEmpty
        try Self.check(configuration, plugins)
        var selection = try selected.selection(among: plugins)
        selection.isDryRun = isDryRun
        selection.phases = phases
        if let saved {
            // Those that it left out, too: what they are now must be what they were.
            selection.only = Set(saved.steps.filter { $0.hook == nil }.map(\.id.plugin) + saved.skipped.map(\.plugin))
            selection.saved = saved
        }
        selection.jobs = pace?.jobs
        selection.timeout = pace?.timeout.flatMap { Duration(text: $0) }
        for plugin in plugins { selection.disabled[plugin.name] = configuration.whyDisabled(plugin)?.description }
        self.selection = selection
        var session = SessionConfiguration(
            places: places, policy: policy, selection: selection, environment: currentEnvironment(),
            version: programVersion)
        session.options = options
        if usesSudo, !places.isSystemWide {
            session.elevation = .available(configuration.elevation?.value, helper: places.helper)
        }
        session.pluginSettings = configuration.pluginSettings
        self.session = try RunSession(session)
        if isVerbose {
            complain("policy \(policy.name); plugins from \(places.pluginDirectories.joined(separator: ", "))")
            complain("state in \(places.state), logs in \(places.logs)")
        }
        if plugins.isEmpty {
            complain("no plugin was found in \(places.pluginDirectories.joined(separator: ", "))")
        }
    }

    /// Keeps other runs away for the time of `body`.
    func holdingRunLock<Result>(_ body: () async throws -> Result) async throws -> Result {
        let lock = try RunLock.acquire(
            state: places.state, isSystemWide: places.isSystemWide, user: session.userName, clockText: clockText())
        let result = try await body()
        withExtendedLifetime(lock) {}
        return result
    }

    /// Has those plugins update themselves of which the policy wants it, and finds all anew.
    mutating func updatePlugins() async throws {
        let updating = selection.isDryRun ? [] : await session.selfUpdating(wanted)
        if updating.isEmpty { return }
        let reports = await session.updateThemselves(updating)
        if let signal = await session.interruption { throw FinalExit(code: .signal(signal)) }
        let found = findPlugins(in: places.pluginDirectories)
        for problem in found.problems { writeToStandardError("\(problem)\n") }
        plugins = found.plugins
        hasInvalidFiles = hasInvalidFiles || !found.problems.isEmpty
        for report in reports {
            complain(Sanitizer.clean("\(report.plugin): \(report.sentence)"))
            guard case .unusable(let reason) = report.result,
                let plugin = plugins.first(where: { $0.name == report.plugin })
            else { continue }
            unusable.append(PluginFacts(plugin: plugin, verdict: .refused(.failed, "it updated itself: \(reason)")))
        }
    }
    /// - Throws: exit code 2 where a plugin does not know a setting.
    private static func check(_ configuration: Configuration, _ plugins: [DiscoveredPlugin]) throws {
        let findings = configuration.findings(about: plugins)
        for warning in findings.warnings { writeToStandardError("\(warning)\n") }
        if findings.errors.isEmpty { return }
        throw RunError(.usage, Diagnostics(findings.errors).description, namesPlaces: true)
    }

    var isVerbose: Bool { configuration.isVerbose?.value ?? false }

    /// Opens the session for the time of `body`.
    func open<Result>(_ body: () async throws -> Result) async throws -> Result {
        try StateVersion.check(places.state)
        do {
            try await session.open()
            let result = try await body()
            await session.close()
            return result
        } catch {
            await session.abandon()
            throw error
        }
    }

    /// The plugins that were selected and that the configuration leaves alone.
    var disabled: [(DiscoveredPlugin, why: DisabledPlugin)] {
        let named = selection.only.isEmpty ? Set(plugins.map(\.name)) : selection.only
        return plugins.filter { named.subtracting(selection.skip).contains($0.name) }.compactMap { plugin in
            configuration.whyDisabled(plugin).map { (plugin, why: $0) }
        }
    }

    /// The plugins that are asked; disabled ones never are.
    var wanted: [DiscoveredPlugin] { plugins.filter { selection.includes($0.name) } }

    private var askable: [DiscoveredPlugin] {
        let refused = unusable.map(\.name)
        return wanted.filter { !refused.contains($0.name) }
    }

    /// Asks the plugins.
    func ask(for purpose: ProbeConversation.Purpose) async throws -> [PluginFacts] {
        let facts = await session.ask(askable, for: purpose) { complain(Sanitizer.clean($0)) } + unusable
        if let signal = await session.interruption { throw FinalExit(code: .signal(signal)) }
        for warning in facts.flatMap(\.warnings) { complain(Sanitizer.clean(warning)) }
        return facts
    }

    /// Asks the plugins, and plans what they answer.
    func plan() async throws -> PreparedRun {
        let facts = try await ask(for: .plan)
        let prepared = try await session.plan(facts, notSelected: others(than: facts))
        if let trouble = await session.recordTrouble { complain(trouble) }
        return prepared
    }

    /// Asks the plugins what updates there are.
    func check() async throws -> UpdateCheck {
        let facts = try await ask(for: .plan)
        return try await session.check(facts, notSelected: others(than: facts))
    }

    private func others(than facts: [PluginFacts]) -> [PluginName] {
        let asked = Set(facts.map(\.name))
        return plugins.map(\.name).filter { !asked.contains($0) }
    }
}
