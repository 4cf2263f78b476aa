import PluginManifests
import TomlDocument
import UpdateModel

@testable import Configuration

func text(_ content: String, layer: ConfigurationLayer = .user) -> ConfigurationText {
    ConfigurationText(layer: layer, file: "\(layer.rawValue)/config.toml", bytes: Array(content.utf8))
}

/// The files `etc/config.toml` and `user/config.toml` over what is built in.
func merged(
    etc: String? = nil, user: String? = nil, commandLine: Configuration = Configuration()
) throws(Diagnostics) -> Configuration {
    let texts = [etc.map { text($0, layer: .etc) }, user.map { text($0) }].compactMap(\.self)
    return try mergeConfiguration(builtIn: .builtIn(policy: "workstation"), texts, commandLine: commandLine)
}

/// The messages that files earn.
func messages(etc: String? = nil, user: String? = nil) -> [String] {
    do {
        _ = try merged(etc: etc, user: user)
        return []
    } catch {
        return error.list.map(\.description)
    }
}

/// A plugin in `/plugins`, with a manifest where `manifest` is not `nil`.
func plugin(_ name: String, manifest: String? = nil) throws -> DiscoveredPlugin {
    let plugin = PluginName(name)!
    let path = "/plugins/\(name).toml"
    return DiscoveredPlugin(
        name: plugin, directory: "/plugins", executable: "/plugins/\(name)",
        manifest: try manifest.map { try Manifest(parsing: Array($0.utf8), file: path, name: plugin) },
        manifestPath: manifest == nil ? nil : path, mentions: [])
}
