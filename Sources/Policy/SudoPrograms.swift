// What a step that runs as a person may have run as root, by the sudo that it finds.

import UpdateModel

/// Whose word counts for what a plugin's sudo runs.
public enum SudoRule {
    /// Why a program is not run.
    public static func refusal(of program: String, to plugin: PluginName) -> String {
        "the sudo of \(plugin) may not run \(program): the plugin has to declare it (sudo_programs of its manifest), and the"
            + " administrator to list it in sudo_programs below [plugin.\(plugin)] in /etc/update-all/policy.toml"
    }
}

extension MergedPolicy {
    /// What the policy lists for a plugin, whoever says it; `nil`: nobody says anything.
    /// - Parameter byRoot: by the administrator's files alone.
    public func sudoPrograms(of plugin: PluginName, byRoot: Bool = false) -> [String]? {
        let view = wholeView(.plugin(plugin, nil))
        return (byRoot ? PolicyView(tables: view.ceiling, ceiling: [], facts: view.facts) : view).texts(.sudoPrograms)
    }

    /// What a plugin's sudo may run at most, as absolute paths; empty where nobody said anything.
    /// - Parameter isRoots: root runs update-all, whose every word counts. Of a person's policy only what the administrator's
    ///   files list counts, and what the person takes from that.
    public func sudoPrograms(
        _ plugin: PluginName, _ phase: Phase, on facts: MachineFacts, isRoots: Bool
    ) -> [String] {
        let view = view(Self.tables(of: plugin, phase), on: facts)
        let isAdministrators = view.ceiling.contains { $0.settings[.sudoPrograms] != nil }
        return isRoots || isAdministrators ? view.texts(.sudoPrograms) ?? [] : []
    }
}
