// The layers of the configuration, found on disk: the table "Files" of docs/contract.md.

import Configuration
import PluginManifests
import Policy
import TomlDocument
import UpdateModel

/// Loads the configuration in force.
/// - Parameters:
///   - file: `--config`; it takes the place of the administrator's and the user's.
///   - commandLine: what other options say.
/// - Throws: exit code 2 with all that is wrong, a line each.
public func loadConfiguration(
    _ places: Places, file: String?, commandLine: Configuration
) throws(RunError) -> Configuration {
    let texts = try configurationTexts(places, file: file)
    do throws(Diagnostics) {
        return try mergeConfiguration(
            builtIn: .builtIn(policy: places.defaultPolicy), texts, commandLine: commandLine)
    } catch {
        throw RunError(.usage, error.description, namesPlaces: true)
    }
}

/// `nil`: the shipped default.
private func chosenPolicy(_ configuration: Configuration) -> Configured<String>? {
    configuration.policy.flatMap { $0.origin.layer == .builtIn ? nil : $0 }
}

/// The policies that there are, the one in use marked.
public func listPolicies(_ places: Places, _ configuration: Configuration) throws(RunError) -> [PolicyEntry] {
    try listPolicies(places, choice: chosenPolicy(configuration)?.value)
}

/// Loads the policy that the configuration names, `--policy` included.
/// - Throws: exit code 2; where the name of no policy stands in a file, with its place.
public func loadPolicy(
    _ places: Places, _ configuration: Configuration, assignments: [String]
) throws(RunError) -> MergedPolicy {
    guard let choice = chosenPolicy(configuration) else {
        return try loadPolicy(places, choice: nil, assignments: assignments)
    }
    do throws(RunError) {
        return try loadPolicy(places, choice: choice.value, assignments: assignments)
    } catch {
        if choice.origin.position == nil || error.namesPlaces { throw error }
        throw RunError(.usage, choice.origin.diagnostic(error.description).description, namesPlaces: true)
    }
}

/// The files that are in force, the strongest last.
/// - Parameter file: `--config`.
public func configurationTexts(_ places: Places, file: String?) throws(RunError) -> [ConfigurationText] {
    if let file { return [try configurationText(file)] }
    let candidates = [
        (ConfigurationLayer.etc, "\(places.system)/config.toml" as String?), (.user, places.userConfiguration),
    ]
    var texts: [ConfigurationText] = []
    for case (let layer, let path?) in candidates {
        if let bytes = try readOptionalFile(path) {
            texts.append(ConfigurationText(layer: layer, file: path, bytes: bytes))
        }
    }
    return texts
}

/// A file that somebody named.
public func configurationText(_ path: String) throws(RunError) -> ConfigurationText {
    guard let bytes = try readOptionalFile(path) else {
        throw RunError(.usage, "\(path): there is no such file")
    }
    return ConfigurationText(layer: .file, file: path, bytes: bytes)
}

/// Checks one file alone: its text, the policy that it names, and what it says of plugins.
public func checkConfiguration(
    _ text: ConfigurationText, _ plugins: [DiscoveredPlugin], _ places: Places
) -> (errors: [String], warnings: [String]) {
    let configuration: Configuration
    do throws(Diagnostics) {
        configuration = try Configuration(parsing: text)
    } catch {
        return (error.list.map(\.description), [])
    }
    let findings = configuration.findings(about: plugins)
    var errors = findings.errors.map(\.description)
    do throws(RunError) {
        _ = try loadPolicy(places, configuration, assignments: [])
    } catch {
        errors.append(error.description)
    }
    return (errors, findings.warnings.map(\.description))
}
