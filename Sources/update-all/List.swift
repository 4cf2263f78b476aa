// `update-all list`: the plugins, where they come from, and whether they apply here.

import ArgumentParser
import Configuration
import Execution
import JSONDocument
import PluginManifests
import PluginProtocol
import Presentation
import Terminal
import UpdateModel

struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the plugins, and whether they apply here.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var selected: SelectionOptions

    @Option(help: "How the list is printed: table or json.")
    var format = TableFormat.table

    func run() async throws {
        let preparation = try Preparation(common, selected)
        let asked = try await preparation.open {
            let facts = try await preparation.ask(for: .list)
            let obstacles = await preparation.session.obstacles(facts)
            return facts.map { ListedPlugin($0, obstacle: obstacles[$0.name]) }
        }
        let plugins = (asked + preparation.disabled.map(ListedPlugin.init)).sorted { $0.name < $1.name }
        switch format {
        case .table:
            let device = TerminalDevice(descriptor: 1)
            let columns = device.isTerminal ? device.size.columns : 200
            let lines = PluginTable.lines(plugins.map(\.row), columns: columns)
            let colour = TerminalCapabilities(of: device, preparation.configuration).hasColour
            try? device.print(lines: lines, colour: colour)
        case .json:
            var writer = JSONWriter()
            writer.beginArray()
            for plugin in plugins { plugin.write(to: &writer) }
            writer.endArray()
            writeToStandardOutput(writer.bytes + [0x0A])
        }
        await preparation.session.end()
        if preparation.hasInvalidFiles { throw FinalExit(code: .usage) }
    }
}

/// A plugin as the list has it: of one that is disabled nothing is known but its files.
private struct ListedPlugin {
    let plugin: DiscoveredPlugin
    let facts: PluginFacts?
    /// Where it was asked.
    let obstacle: PluginObstacle?
    let disabled: DisabledPlugin?

    init(_ facts: PluginFacts, obstacle: PluginObstacle?) {
        plugin = facts.plugin
        self.facts = facts
        self.obstacle = obstacle
        disabled = nil
    }

    init(_ plugin: DiscoveredPlugin, why: DisabledPlugin) {
        self.plugin = plugin
        facts = nil
        obstacle = nil
        disabled = why
    }

    var name: PluginName { plugin.name }

    /// Why it cannot run though it applies.
    private var refusal: String? { obstacle?.refusal }

    private var runAs: RunAs? { facts?.runAs ?? plugin.manifest?.runAs }

    /// Why it does not apply; `nil`: it does.
    private var whyNot: String? { disabled?.description ?? facts?.whyNot }

    var row: PluginRow {
        let state = whyNot ?? refusal ?? (plugin.speaksProtocol ? "applies" : "runs as it is: no protocol")
        return PluginRow(
            name: name, state: state, applies: whyNot == nil && refusal == nil, runAs: runAs.map { "\($0)" } ?? "",
            origin: plugin.directory)
    }

    func write(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.write("plugin", name.rawValue)
        writer.write("enabled", disabled == nil)
        if let disabled { writer.write("disabled_by", disabled.place) }
        writer.write("applicable", whyNot == nil)
        if let whyNot { writer.write("reason", whyNot) }
        if let runAs { writer.write("run_as", "\(runAs)") }
        if let facts { writer.write("needs_root", facts.runAs == .root || facts.callsSudo) }
        writer.write("speaks_protocol", plugin.speaksProtocol)
        writer.write("executable", plugin.executable)
        writer.write("from", plugin.directory)
        if let refusal { writer.write("cannot_run", refusal) }
        if let obstacle {
            writer.write("trusted", obstacle.distrust == nil)
            if let distrust = obstacle.distrust { writer.write("distrust", distrust) }
        }
        writer.write("self_update", plugin.offersSelfUpdate)
        writer.endObject()
    }
}

extension PluginFacts {
    /// `nil`: it applies.
    fileprivate var whyNot: String? {
        switch verdict {
        case .runs, .upToDate: nil
        case .notApplicable(let reason), .refused(_, let reason): reason
        case .failed(_, let reason): "its check failed: \(reason)"
        }
    }
}
