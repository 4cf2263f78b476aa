// What a machine's administrator and its users have chosen, of one layer or of all of them together: which policy, which
// plugins with which settings, how a run is shown.

import PluginInvocation
import PluginManifests
import RunModel
import TomlDocument
import UpdateModel

/// A configuration; what is `nil` or missing was not chosen.
public struct Configuration: Hashable, Sendable {
    /// The name of a shipped policy, or the path of a file, relative ones already resolved against the file that has it.
    public var policy: Configured<String>?
    /// By what a person becomes root; `nil`: by what the machine has.
    public var elevation: Configured<ElevationMethod>?
    /// How `run` shows itself.
    public var display: Configured<DisplayChoice>?
    public var colour: Configured<ColourChoice>?
    /// More is said on standard error.
    public var isVerbose: Configured<Bool>?
    /// Plugins that were switched on or off.
    public internal(set) var switches: [PluginName: Configured<Bool>] = [:]
    /// Of each plugin, by the name of the variable, which is how two spellings of one key meet.
    private var settings: [PluginName: [String: Configured<PluginSetting>]] = [:]

    public init() {}

    /// What holds where nobody says otherwise.
    /// - Parameter policy: the name of the shipped default.
    public static func builtIn(policy: String) -> Configuration {
        var configuration = Configuration()
        configuration.policy = Configured(policy, .builtIn)
        configuration.display = Configured(.auto, .builtIn)
        configuration.colour = Configured(.auto, .builtIn)
        configuration.isVerbose = Configured(false, .builtIn)
        return configuration
    }

    /// Adds a stronger layer: what it says takes the place of what is here, value by value.
    public mutating func merge(_ stronger: Configuration) {
        policy = stronger.policy ?? policy
        elevation = stronger.elevation ?? elevation
        display = stronger.display ?? display
        colour = stronger.colour ?? colour
        isVerbose = stronger.isVerbose ?? isVerbose
        switches.merge(stronger.switches) { $1 }
        for (plugin, values) in stronger.settings { settings[plugin, default: [:]].merge(values) { $1 } }
    }

    mutating func add(_ setting: Configured<PluginSetting>, of plugin: PluginName) {
        settings[plugin, default: [:]][setting.value.variableName(of: plugin)] = setting
    }

    // MARK: Plugins

    /// What is configured of a plugin's settings, by key; they override those of its manifest.
    public func settings(of plugin: PluginName) -> [Configured<PluginSetting>] {
        (settings[plugin] ?? [:]).values.sorted { $0.value.key < $1.value.key }
    }

    /// The same of every plugin, as plugins are called with them.
    public var pluginSettings: [PluginName: [PluginSetting]] {
        settings.keys.reduce(into: [:]) { all, plugin in all[plugin] = settings(of: plugin).map(\.value) }
    }

    /// Plugins that have settings here, by name.
    public var pluginsWithSettings: [PluginName] { settings.keys.sorted() }

    /// Why a plugin is left alone: `disabled in /etc/update-all/config.toml:3`. `nil`: it is not.
    public func whyDisabled(_ plugin: DiscoveredPlugin) -> DisabledPlugin? {
        if let found = switches[plugin.name] {
            let place = found.origin.description
            return found.value ? nil : DisabledPlugin(place: place, description: "disabled in \(place)")
        }
        guard let manifest = plugin.manifest, !manifest.isOnByDefault else { return nil }
        let place = plugin.manifestPath ?? plugin.executable
        return DisabledPlugin(place: place, description: "off unless enabled, by \(place)")
    }
}

/// A plugin that is not asked and not run.
public struct DisabledPlugin: Hashable, Sendable, CustomStringConvertible {
    /// `FILE:LINE` of the configuration, or the manifest.
    public let place: String
    public let description: String
}
