// A configuration as a list of keys and values: what `config show` prints.

import PluginInvocation
import PluginManifests
import RunModel
import UpdateModel

extension Configuration {
    /// Every value in the order of the tables, with the settings that the manifests of `plugins` give and nobody
    /// overrides. The value of `plugins.NAME` is `enabled` or `disabled`.
    public func entries(with plugins: [DiscoveredPlugin]) -> [ConfiguredValue] {
        var entries: [ConfiguredValue] = []
        func add(_ key: String, _ value: Configured<String>?) {
            guard let value else { return }
            entries.append(
                ConfiguredValue(
                    key: key, value: value.value, layer: value.origin.layer.rawValue, file: value.origin.file,
                    line: value.origin.position?.line))
        }
        add("policy", policy)
        add("elevate", elevation?.map(\.rawValue))
        for (name, isOn) in switches.sorted(by: { $0.key < $1.key }) {
            add("plugins.\(Self.quoted(name.rawValue))", isOn.map { $0 ? "enabled" : "disabled" })
        }
        entries += settingEntries(with: plugins)
        add("display.ui", display?.map(\.rawValue))
        add("display.color", colour?.map(\.rawValue))
        add("display.verbose", isVerbose?.map { $0 ? "true" : "false" })
        return entries
    }

    private func settingEntries(with plugins: [DiscoveredPlugin]) -> [ConfiguredValue] {
        var entries: [PluginName: [String: ConfiguredValue]] = [:]
        func add(_ setting: PluginSetting, of name: PluginName, layer: String, file: String, line: Int?) {
            let key = "plugin.\(Self.quoted(name.rawValue)).\(Self.quoted(setting.key))"
            entries[name, default: [:]][setting.variableName(of: name)] = ConfiguredValue(
                key: key, value: setting.value, layer: layer, file: file, line: line)
        }
        for plugin in plugins {
            for setting in plugin.manifest?.settings ?? [] {
                add(setting, of: plugin.name, layer: "manifest", file: plugin.manifestPath ?? "", line: nil)
            }
        }
        for name in pluginsWithSettings {
            for setting in settings(of: name) {
                let origin = setting.origin
                add(
                    setting.value, of: name, layer: origin.layer.rawValue, file: origin.file,
                    line: origin.position?.line)
            }
        }
        return entries.sorted { $0.key < $1.key }.flatMap { $0.value.values.sorted { $0.key < $1.key } }
    }

    private static func quoted(_ text: String) -> String { text.contains(".") ? "\"\(text)\"" : text }
}
