// `update-all check`: what would be updated, how much must be fetched, how long it will take.

import ArgumentParser
import Execution
import Interchange
import Presentation
import RunModel
import Terminal
import UpdateModel

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Show what would be updated; exit code 100 where there is anything.",
        discussion: """
            Asks the plugins and changes nothing. A plugin that runs without saying what it would do counts as no \
            update. Exit codes: 0 no update is known of · 100 updates are available · 1 a plugin's check failed.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var selected: SelectionOptions
    @OptionGroup var pace: PaceOptions

    @Option(help: "How it is printed: table or json.")
    var format = TableFormat.table

    func run() async throws {
        let preparation = try Preparation(common, selected, pace: pace)
        let check = try await preparation.open { try await preparation.check() }
        switch format {
        case .table:
            let device = TerminalDevice(descriptor: 1)
            let lines = CheckTable.lines(check, columns: device.isTerminal ? device.size.columns : 200)
            let colour = TerminalCapabilities(of: device, preparation.configuration).hasColour
            try? device.print(lines: lines, colour: colour)
        case .json:
            var bytes: [UInt8] = []
            appendLine(of: check, to: &bytes)
            writeToStandardOutput(bytes)
        }
        await preparation.session.end()
        var codes: [RunModel.ExitCode] = []
        if check.hasUpdates { codes.append(.updatesAvailable) }
        if check.hasFailures { codes.append(.failure) }
        if preparation.hasInvalidFiles { codes.append(.usage) }
        throw FinalExit(code: .combined(codes))
    }
}
