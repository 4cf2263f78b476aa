// What a configuration says of plugins, held against the plugins that there are.

import PluginManifests
import TomlDocument
import UpdateModel

/// What does not fit.
public struct PluginFindings: Hashable, Sendable {
    /// Settings that a plugin does not know.
    public var errors: [Diagnostic] = []
    /// Plugins that this machine does not have. One file serves many machines, so this is no error.
    public var warnings: [Diagnostic] = []
}

extension Configuration {
    /// Looks for plugins that do not exist, and for settings that are not in a manifest's `[settings]`. A manifest
    /// without that table may have a plugin that takes any, so there nothing is wrong.
    public func findings(about plugins: [DiscoveredPlugin]) -> PluginFindings {
        let known = Dictionary(plugins.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        let names = known.keys.map(\.rawValue)
        var findings = PluginFindings()
        func check(_ name: PluginName, at origin: ConfigurationOrigin) {
            guard known[name] == nil else { return }
            let message = "warning: there is no plugin \"\(name)\" here\(didYouMean(name.rawValue, in: names))"
            findings.warnings.append(origin.diagnostic(message))
        }
        for (name, found) in switches { check(name, at: found.origin) }
        for name in pluginsWithSettings {
            let settings = settings(of: name)
            if let first = settings.map(\.origin).min(by: Self.isEarlier) { check(name, at: first) }
            guard let manifest = known[name]?.manifest, !manifest.settings.isEmpty else { continue }
            let variables = Set(manifest.settings.map { $0.variableName(of: name) })
            for setting in settings where !variables.contains(setting.value.variableName(of: name)) {
                let key = setting.value.key
                let message =
                    "the plugin \"\(name)\" has no setting \"\(key)\"\(didYouMean(key, in: manifest.settings.map(\.key)))"
                findings.errors.append(setting.origin.diagnostic(message))
            }
        }
        findings.errors.sort()
        findings.warnings.sort()
        return findings
    }

    private static func isEarlier(_ left: ConfigurationOrigin, _ right: ConfigurationOrigin) -> Bool {
        guard left.file == right.file, let one = left.position, let other = right.position else {
            return left.file < right.file
        }
        return one < other
    }
}
