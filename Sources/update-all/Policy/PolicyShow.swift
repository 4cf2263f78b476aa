// `update-all policy show`: the merged policy as a file that says the same, or what one plugin's steps get of it.

import ArgumentParser
import Execution
import JSONDocument
import Policy
import PolicyReports
import UpdateModel

struct PolicyShow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print the policy in force as TOML, or what a plugin's steps get of it.")

    @OptionGroup var common: CommonOptions

    @Argument(help: "Only what this plugin's steps get.")
    var plugin: String?

    @Flag(help: "Say behind each value where it was given.")
    var origin = false

    @Option(help: "How it is printed: table, which is TOML here, or json.")
    var format = TableFormat.table

    func validate() throws { _ = try pluginName() }

    func run() throws {
        let places = try common.places()
        let policy = try loadPolicy(places, try common.configuration(places), assignments: common.assignments)
        let name = try pluginName()
        // Of a ceiling and a value that ask for a share and a size, the machine tells which is less.
        let machine = MachineFacts.current()
        switch format {
        case .table:
            let text =
                name.map { policy.document(of: $0, origins: origin, on: machine) }
                ?? policy.document(origins: origin, on: machine)
            writeToStandardOutput(Array(text.utf8))
        case .json:
            let settings = name.map { policy.shownSettings(of: $0, on: machine) } ?? policy.shownSettings(on: machine)
            writeToStandardOutput(json(policy, settings))
        }
    }

    /// Any name that a plugin can have: a policy may say something of one that is not installed here.
    private func pluginName() throws -> PluginName? {
        guard let plugin else { return nil }
        guard let name = PluginName(plugin) else {
            throw ValidationError("\"\(plugin)\" is not the name of a plugin; update-all list shows them")
        }
        return name
    }

    private func json(_ policy: MergedPolicy, _ settings: [ShownSetting]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("policy")
        writer.write(policy.name)
        writer.key("settings")
        writer.beginArray()
        for setting in settings {
            writer.beginObject()
            let members = [
                ("key", setting.slot.description), ("value", setting.value.text),
                ("origin", setting.origin.description), ("asked", setting.cut?.asked.text),
                ("ceiling", setting.cut?.ceiling.description),
            ]
            for case (let key, let text?) in members {
                writer.key(key)
                writer.write(text)
            }
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes + [0x0A]
    }
}
