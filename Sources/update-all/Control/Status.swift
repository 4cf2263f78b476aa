// `update-all status`: what the run in progress is doing, or what the newest one was.

import ArgumentParser
import Execution
import Interchange
import Presentation
import RunModel
import Terminal

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what the run in progress is doing.",
        discussion: """
            Asks the run of this account, as root the run of root; --state-dir chooses another. Where none is in \
            progress it says so, tells of the newest, and exits 0.
            """)

    @OptionGroup var state: StateOptions

    @Option(help: "How it is printed: table or json.")
    var format = TableFormat.table

    @Option(name: .customLong("color"), help: "When to use colours: auto, always or never.")
    var colour: ColourChoice = .auto

    func run() throws {
        let places = state.places()
        let client = ControlClient(places)
        let status = try client.ask(.status)?.status
        let newest = status == nil ? client.newestRun() : nil
        switch format {
        case .table:
            let device = TerminalDevice(descriptor: 1)
            let columns = device.isTerminal ? device.size.columns : 200
            let lines =
                status.map { StatusTable.lines($0, columns: columns) }
                ?? StatusTable.lines(newest: newest, in: places.state, columns: columns)
            let environment = currentEnvironment()
            let capabilities = TerminalCapabilities(
                isTerminal: device.isTerminal, term: environment["TERM"], noColor: environment["NO_COLOR"],
                choice: colour)
            try? device.print(lines: lines, colour: capabilities.hasColour)
        case .json:
            var bytes: [UInt8] = []
            if let status { appendLine(of: status, to: &bytes) } else { appendLine(ofNewest: newest, to: &bytes) }
            writeToStandardOutput(bytes)
        }
    }
}
