// `update-all plugin`: what is done with the plugins themselves.

import ArgumentParser

struct PluginTools: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugin", abstract: "Write plugins, and look at them as their authors do.",
        subcommands: [PluginNew.self, PluginValidate.self])
}
