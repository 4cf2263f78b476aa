// `update-all config`: what is configured and where, and what is wrong with it.

import ArgumentParser
import Configuration
import Execution
import Interchange
import Presentation
import Terminal
import TomlDocument
import UpdateModel

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Show and check the configuration.", subcommands: [Show.self, Check.self])

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show every value that is in force, the settings of plugins included.")

        @OptionGroup var common: CommonOptions

        @Flag(help: "Say where each value stands.")
        var origin = false

        @Option(help: "How it is printed: table or json.")
        var format = TableFormat.table

        func run() throws {
            let places = try common.places()
            let settings = try common.configuration(places)
            let plugins = findPlugins(in: places.pluginDirectories).plugins
            let values = settings.entries(with: plugins)
            switch format {
            case .table:
                let device = TerminalDevice(descriptor: 1)
                let columns = device.isTerminal ? device.size.columns : 200
                let lines = ConfigurationTable.lines(values, showsOrigin: origin, columns: columns)
                let colour = TerminalCapabilities(of: device, settings).hasColour
                try? device.print(lines: lines, colour: colour)
            case .json:
                var bytes: [UInt8] = []
                appendLine(of: values, to: &bytes)
                writeToStandardOutput(bytes)
            }
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say all that is wrong with the files, a line each; those in force where none is named.")

        @OptionGroup var common: CommonOptions

        @Argument(help: "The files.")
        var files: [String] = []

        func run() throws {
            let places = try common.places()
            let texts =
                files.isEmpty
                ? try configurationTexts(places, file: common.configurationFile)
                : try files.map { try configurationText($0) }
            let plugins = findPlugins(in: places.pluginDirectories).plugins
            var isValid = true
            for text in texts {
                let findings = checkConfiguration(text, plugins, places)
                for finding in findings.warnings { writeToStandardError("\(finding)\n") }
                for finding in findings.errors { writeToStandardError("\(finding)\n") }
                if findings.errors.isEmpty {
                    writeToStandardOutput(Array("\(Sanitizer.clean(text.file)): valid\n".utf8))
                } else {
                    isValid = false
                }
            }
            if texts.isEmpty { complain("there is no configuration file; what is built in is in force") }
            if !isValid { throw FinalExit(code: .usage) }
        }
    }
}
