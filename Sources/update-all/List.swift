// `update-all list`: the plugins, where they come from, and whether they apply here.

import ArgumentParser
import Execution
import JSONDocument
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
        let (facts, obstacles) = try await preparation.open {
            let facts = try await preparation.ask(for: .list)
            return (facts, await preparation.session.obstacles(facts))
        }
        switch format {
        case .table:
            let device = TerminalDevice(descriptor: 1)
            let rows = facts.map { row($0, refusal: obstacles[$0.name]?.refusal) }
            let lines = PluginTable.lines(rows, columns: device.isTerminal ? device.size.columns : 200)
            try? device.print(lines: lines, colour: common.colours(on: device).hasColour)
        case .json:
            writeToStandardOutput(json(facts, obstacles))
        }
        await preparation.session.end()
        if preparation.hasInvalidFiles { throw FinalExit(code: .usage) }
    }

    private func row(_ facts: PluginFacts, refusal: String?) -> PluginRow {
        let (applies, reason) = facts.applicability
        let state =
            applies ? refusal ?? (facts.plugin.speaksProtocol ? "applies" : "runs as it is: no protocol") : reason
        return PluginRow(
            name: facts.name, state: state, applies: applies && refusal == nil, runAs: "\(facts.runAs)",
            origin: facts.plugin.directory)
    }

    private func json(_ facts: [PluginFacts], _ obstacles: [PluginName: PluginObstacle]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginArray()
        for plugin in facts {
            let (applies, reason) = plugin.applicability
            writer.beginObject()
            writer.key("plugin")
            writer.write(plugin.name.rawValue)
            writer.key("applicable")
            writer.write(applies)
            if !applies {
                writer.key("reason")
                writer.write(reason)
            }
            writer.key("run_as")
            writer.write("\(plugin.runAs)")
            writer.key("needs_root")
            writer.write(plugin.runAs == .root || plugin.callsSudo)
            writer.key("speaks_protocol")
            writer.write(plugin.plugin.speaksProtocol)
            writer.key("executable")
            writer.write(plugin.plugin.executable)
            writer.key("from")
            writer.write(plugin.plugin.directory)
            if let refusal = obstacles[plugin.name]?.refusal {
                writer.key("cannot_run")
                writer.write(refusal)
            }
            let distrust = obstacles[plugin.name]?.distrust
            writer.key("trusted")
            writer.write(distrust == nil)
            if let distrust {
                writer.key("distrust")
                writer.write(distrust)
            }
            writer.endObject()
        }
        writer.endArray()
        return writer.bytes + [0x0A]
    }
}

extension PluginFacts {
    fileprivate var applicability: (applies: Bool, reason: String) {
        switch verdict {
        case .runs, .upToDate: (true, "")
        case .notApplicable(let reason): (false, reason)
        case .failed(_, let reason): (false, "its check failed: \(reason)")
        case .refused(_, let reason): (false, reason)
        }
    }
}
