// `update-all policy list`: the shipped policies, and which files are in force.

import ArgumentParser
import Configuration
import Execution
import JSONDocument
import Presentation
import Terminal
import UpdateModel

struct PolicyList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show the policies that there are, and which are in use.")

    @OptionGroup var common: CommonOptions

    @Option(help: "How the list is printed: table or json.")
    var format = TableFormat.table

    func run() throws {
        let places = try common.places()
        let configuration = try common.configuration(places)
        let entries = try listPolicies(places, configuration)
        switch format {
        case .table:
            let device = TerminalDevice(descriptor: 1)
            let rows = entries.map { entry in
                PolicyRow(
                    name: entry.name, state: entry.use.rawValue, description: description(entry), file: entry.file)
            }
            let lines = PolicyTable.lines(rows, columns: device.isTerminal ? device.size.columns : 200)
            try? device.print(lines: lines, colour: TerminalCapabilities(of: device, configuration).hasColour)
        case .json:
            writeToStandardOutput(json(entries))
        }
    }

    private func description(_ entry: PolicyEntry) -> String {
        entry.complaints == 0
            ? entry.description ?? "" : "not valid: update-all policy check \(entry.file) says what is wrong"
    }

    private func json(_ entries: [PolicyEntry]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginArray()
        for entry in entries {
            writer.beginObject()
            writer.key("policy")
            writer.write(entry.name)
            writer.key("file")
            writer.write(entry.file)
            if let description = entry.description {
                writer.key("description")
                writer.write(description)
            }
            writer.key("in_use")
            writer.write(entry.use != .none)
            writer.key("valid")
            writer.write(entry.complaints == 0)
            writer.endObject()
        }
        writer.endArray()
        return writer.bytes + [0x0A]
    }
}
