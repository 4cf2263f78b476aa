// `update-all doctor`: what this machine can enforce, and with which mechanism; each gap with its mend.

import ArgumentParser
import Configuration
import Execution
import Interchange
import Presentation
import Terminal
import UpdateModel

struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what this machine has of what a run uses; each gap with its mend.",
        discussion: """
            Makes and removes what a run would: control groups, a process in one, files in the places of state and \
            logs. Exit codes: 0 all that a run needs is there · 2 a configuration, policy or plugin file is not valid \
            · 3 the policy requires a limit that cannot be enforced here · 1 another thing that a run needs is missing.
            """)

    @OptionGroup var common: CommonOptions

    @Option(help: "How it is printed: table or json.")
    var format = TableFormat.table

    func run() throws {
        var examination = Examination(
            try common.places(), environment: currentEnvironment(), program: executablePath())
        let commandLine = common.commandLine()
        let diagnosis = examination.run(
            configurationFile: common.configurationFile, commandLine: commandLine, assignments: common.assignments)
        let mechanisms = Mechanisms.of(diagnosis)
        switch format {
        case .table:
            let device = TerminalDevice(descriptor: 1)
            let columns = device.isTerminal ? device.size.columns : 200
            let lines = DoctorTable.lines(mechanisms, hostName: diagnosis.hostName, columns: columns)
            try? device.print(lines: lines, colour: TerminalCapabilities(of: device, commandLine).hasColour)
        case .json:
            var bytes: [UInt8] = []
            appendLine(of: mechanisms, hostName: diagnosis.hostName, to: &bytes)
            writeToStandardOutput(bytes)
        }
        throw FinalExit(code: .combined(mechanisms.map(\.exitCode)))
    }
}
