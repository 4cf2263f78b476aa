// Where plugins are.

/// The places for plugins, in order of precedence, the last one first in rank.
/// - Parameters:
///   - share: `PREFIX/share/update-all`; `nil` for a program that runs from its build folder.
///   - configurationHome: `$XDG_CONFIG_HOME`, or `~/.config` where that is not set. Not absolute, it is ignored
///     (XDG Base Directory Specification).
///   - pluginPath: `$UPDATE_ALL_PLUGIN_PATH`.
///   - only: what `--plugin-dir` says; not empty: it replaces all others.
public func pluginPlaces(
    share: String?, configurationHome: String?, pluginPath: String?, only: [String]
) -> [String] {
    guard only.isEmpty else { return only }
    let fixed = [
        share.map { "\($0)/plugins" }, "/etc/update-all/plugins.d",
        configurationHome.flatMap { $0.hasPrefix("/") ? $0 : nil }.map { "\($0)/update-all/plugins.d" },
    ]
    return fixed.compactMap(\.self) + (pluginPath ?? "").split(separator: ":").map(String.init)
}
