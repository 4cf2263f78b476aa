// `update-all logs`: what the steps of a run printed, as they printed it.

import ArgumentParser
import Execution
import Glibc
import LinuxSystem
import Presentation
import UpdateModel

struct Logs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the logs of a run, the newest one's where none is named.")

    @OptionGroup var state: StateOptions

    @Argument(help: "A run, a plugin of the newest run, or both.")
    var names: [String] = []

    @Flag(name: .shortAndLong, help: "Go on while the run does.")
    var follow = false

    func validate() throws {
        if names.count > 2 { throw ValidationError("at most a run and a plugin can be named") }
    }

    func run() throws {
        let places = state.places()
        try StateVersion.check(places.state)
        let logs = RunLogs(places: places)
        var rest = names[...]
        let run = try logs.run(
            named: rest.first.flatMap { RunID($0) }.map { run in
                rest.removeFirst()
                return run
            })
        let plugin = try rest.first.map { text -> PluginName in
            guard let name = PluginName(text) else {
                throw RunError(
                    .usage, "\"\(text)\" is neither a run nor a plugin; update-all logs alone shows the newest run")
            }
            return name
        }
        // On a terminal no byte of a plugin may drive it; in a pipe or a file the bytes are as they came.
        let printer = LogPrinter(isTerminal: isatty(1) == 1)
        try logs.print(run, plugin: plugin, following: follow) { header, bytes in
            printer.print(header: header, bytes)
        }
    }
}

/// Writes pieces of logs, each step's under its name.
private final class LogPrinter {
    private let isTerminal: Bool
    private var lastHeader: String?
    private var sanitizers: [String: Sanitizer] = [:]

    init(isTerminal: Bool) { self.isTerminal = isTerminal }

    func print(header: String, _ bytes: [UInt8]) {
        var output: [UInt8] = []
        if header != lastHeader {
            output += Array("==> \(header) <==\n".utf8)
            lastHeader = header
        }
        if isTerminal {
            for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast(
                bytes.last == 0x0A ? 1 : 0)
            {
                sanitizers[header, default: Sanitizer()].append(line, to: &output)
                output.append(0x0A)
            }
        } else {
            output += bytes
        }
        writeToStandardOutput(output)
    }
}
