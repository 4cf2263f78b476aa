// `update-all plugin validate`: what an author should know of a plugin before others run it.

import ArgumentParser
import Execution
import PluginInvocation
import PluginManifests
import PluginProtocol
import Presentation
import TomlDocument
import UpdateModel

struct PluginValidate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Say what is wrong with plugins, and what they answer here.",
        discussion: """
            Reads manifests and executables, then asks what a plan asks: questions that change nothing, each in a \
            control group with the limits of the policy, and has those that apply validate what they look after. \
            Exit code 2 if a plugin cannot run like this; warnings and notes leave it at 0.
            """)

    @OptionGroup var common: CommonOptions

    @Argument(help: "Executables, manifests, or directories of plugins.")
    var paths: [String]

    func run() async throws {
        let places = try common.places()
        let configuration = try common.configuration(places)
        var findings: [PluginFinding] = []
        var plugins: [DiscoveredPlugin] = []
        for path in paths {
            let discovery = try findPlugins(at: path)
            findings += discovery.problems.map { PluginFinding(.error, $0) }
            plugins += discovery.plugins
        }
        try refuseEqualNames(plugins)
        for plugin in plugins {
            findings += review(plugin, programPath: currentEnvironment()["PATH"] ?? "")
        }
        let broken = Set(findings.filter { $0.weight == .error }.map(\.diagnostic.file))
        let sound = plugins.filter { !broken.contains($0.executable) && !broken.contains($0.manifestPath ?? "") }

        var session = SessionConfiguration(
            places: places, policy: try loadPolicy(places, configuration, assignments: common.assignments),
            selection: Selection(), environment: currentEnvironment(), version: programVersion)
        session.pluginSettings = configuration.pluginSettings
        let (facts, complaints) = try await ask(sound, in: try RunSession(session))
        findings += facts.flatMap(\.findings) + complaints
        for finding in findings { writeToStandardError(Sanitizer.clean(finding.description) + "\n") }
        for fact in facts where !fact.hasFailed { print("\(fact.name): \(fact.answers)") }
        if findings.contains(where: { $0.weight == .error }) { throw FinalExit(code: .usage) }
    }

    /// Two plugins of one name could not be told apart below.
    private func refuseEqualNames(_ plugins: [DiscoveredPlugin]) throws {
        var seen: [PluginName: String] = [:]
        for plugin in plugins {
            if let other = seen.updateValue(plugin.executable, forKey: plugin.name), other != plugin.executable {
                throw RunError(
                    .usage, "\(other) and \(plugin.executable) are both \"\(plugin.name)\": validate one at a time")
            }
        }
    }

    /// - Returns: what they answer, and what those that apply say is not in order.
    private func ask(
        _ plugins: [DiscoveredPlugin], in session: RunSession
    ) async throws -> ([PluginFacts], [PluginFinding]) {
        do {
            try await session.open()
            let facts = await session.ask(plugins, for: .plan)
            var complaints: [PluginFinding] = []
            for plugin in facts where plugin.applies {
                guard let text = await session.validate(plugin) else { continue }
                let complaint = Diagnostic(
                    file: plugin.plugin.executable, position: nil, message: "validate: \(text)")
                complaints.append(PluginFinding(.warning, complaint))
            }
            if let signal = await session.interruption { throw FinalExit(code: .signal(signal)) }
            await session.close()
            await session.end()
            return (facts, complaints)
        } catch {
            await session.abandon()
            throw error
        }
    }

    private func print(_ line: String) { writeToStandardOutput(Array((Sanitizer.clean(line) + "\n").utf8)) }
}

extension PluginFacts {
    fileprivate var applies: Bool {
        switch verdict {
        case .runs, .upToDate: true
        case .notApplicable, .failed, .refused: false
        }
    }

    fileprivate var hasFailed: Bool {
        switch verdict {
        case .failed, .refused: true
        case .runs, .upToDate, .notApplicable: false
        }
    }

    /// What went wrong while it was asked.
    fileprivate var findings: [PluginFinding] {
        func finding(_ weight: PluginFinding.Weight, _ text: String) -> PluginFinding {
            PluginFinding(weight, Diagnostic(file: plugin.executable, position: nil, message: text))
        }
        let prefix = "\(name): "
        var all = warnings.map { finding(.warning, $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0) }
        switch verdict {
        case .failed(_, let reason), .refused(_, let reason): all.append(finding(.error, reason))
        case .runs, .upToDate, .notApplicable: break
        }
        return all
    }

    /// `applies here; runs as user: download (23 B), then execute ⛨`
    fileprivate var answers: String {
        switch verdict {
        case .runs:
            let steps = phases.map { phase in
                let size = phase.phase == .download ? download.map { " (\($0))" } ?? "" : ""
                return "\(phase.phase)\(size)\(phase.isProtected ? " ⛨" : "")"
            }
            return "applies here; runs as \(runAs): \(steps.joined(separator: ", then "))"
        case .upToDate: return "applies here; is up to date"
        case .notApplicable(let reason): return "does not apply here: \(reason)"
        case .failed(_, let reason), .refused(_, let reason): return reason
        }
    }
}
