// What `run`, `plan` and `list` have in common: the policy, the plugins, and a session in which they are asked.

import Execution
import LinuxSystem
import PluginProtocol
import Presentation
import TomlDocument
import UpdateModel

/// A session with the plugins that it is about.
struct Preparation {
    let session: RunSession
    let places: Places
    let plugins: [DiscoveredPlugin]
    let selection: Selection
    /// A plugin's manifest, say, is not valid: the others go on, and the exit code tells.
    let hasInvalidFiles: Bool

    /// Loads the policy and finds the plugins; nothing is started yet.
    /// - Throws: exit code 2 with what is wrong.
    init(
        _ common: CommonOptions, _ selected: SelectionOptions, pace: PaceOptions? = nil, isDryRun: Bool = false,
        options: RunOptions = RunOptions()
    ) throws {
        places = common.places()
        let policy = try loadPolicy(places, choice: common.policy, assignments: common.assignments)
        let found = findPlugins(in: places.pluginDirectories)
        for problem in found.problems { writeToStandardError("\(problem)\n") }
        plugins = found.plugins
        hasInvalidFiles = !found.problems.isEmpty
        var selection = try selected.selection(among: plugins)
        selection.isDryRun = isDryRun
        selection.jobs = pace?.jobs
        selection.timeout = pace?.timeout.flatMap { Duration(text: $0) }
        self.selection = selection
        var configuration = SessionConfiguration(
            places: places, policy: policy, selection: selection, environment: currentEnvironment(),
            version: programVersion)
        configuration.options = options
        session = try RunSession(configuration)
        if common.verbose {
            complain("policy \(policy.name); plugins from \(places.pluginDirectories.joined(separator: ", "))")
            complain("state in \(places.state), logs in \(places.logs)")
        }
        if plugins.isEmpty {
            complain("no plugin was found in \(places.pluginDirectories.joined(separator: ", "))")
        }
    }

    /// Opens the session for the time of `body`.
    func open<Result>(_ body: () async throws -> Result) async throws -> Result {
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

    /// The plugins that are asked.
    var wanted: [DiscoveredPlugin] { plugins.filter { selection.includes($0.name) } }

    /// Asks the plugins.
    func ask(for purpose: ProbeConversation.Purpose) async throws -> [PluginFacts] {
        let facts = await session.ask(wanted, for: purpose) { complain(Sanitizer.clean($0)) }
        if let signal = await session.interruption { throw FinalExit(code: .signal(signal)) }
        for warning in facts.flatMap(\.warnings) { complain(Sanitizer.clean(warning)) }
        return facts
    }

    /// Asks the plugins, and plans what they answer.
    func plan() async throws -> PreparedRun {
        let facts = try await ask(for: .plan)
        let asked = Set(facts.map(\.name))
        return try await session.plan(facts, notSelected: plugins.map(\.name).filter { !asked.contains($0) })
    }
}
