// `update-all plugin`: what is done with the plugins themselves.

import ArgumentParser

struct PluginTools: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugin", abstract: "Look at plugins as their authors do.", subcommands: [PluginValidate.self])
}
