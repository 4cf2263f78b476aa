// Options that several commands share, and what they mean.

import ArgumentParser
import Configuration
import Execution
import Glibc
import LinuxSystem
import PluginManifests
import Policy
import Presentation
import RunModel
import Terminal
import UpdateModel

extension ColourChoice: ExpressibleByArgument {}
extension DisplayChoice: ExpressibleByArgument {}

/// Where state and logs are.
struct StateOptions: ParsableArguments {
    @Option(name: .customLong("state-dir"), help: "Keep state and logs here.")
    var stateDirectory: String?

    func places(pluginDirectories: [String] = []) -> Places {
        let environment = currentEnvironment()
        let account = (try? Account.numbered(geteuid())) ?? nil
        return Places(
            environment: environment, executable: executablePath(), userID: geteuid(),
            home: environment["HOME"] ?? account?.home ?? "/", stateDirectory: stateDirectory.map(absolutePath),
            pluginDirectories: pluginDirectories)
    }
}

/// Of every command that reads plugins and policy.
struct CommonOptions: ParsableArguments {
    @Option(name: .customLong("plugin-dir"), help: "Look for plugins here only. May be repeated.")
    var pluginDirectories: [String] = []

    @Option(
        name: .customLong("config"),
        help: ArgumentHelp("Read this configuration, and not the machine's and the user's.", valueName: "file"))
    var configurationFile: String?

    @Option(help: ArgumentHelp("The policy: the name of a shipped one, or a file.", valueName: "name|file"))
    var policy: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("One value of the policy. May be repeated.", valueName: "key=value"))
    var assignments: [String] = []

    @OptionGroup var state: StateOptions

    @Option(name: .customLong("color"), help: "When to use colours: auto, always or never.")
    var colour: ColourChoice?

    @Flag(name: .shortAndLong, help: "Say more about what is done.")
    var verbose = false

    /// - Throws: exit code 2 where a directory that was named is not there; one of the usual places need not be.
    func places() throws(RunError) -> Places {
        for directory in pluginDirectories where !fileExists(directory) {
            throw RunError(.usage, "--plugin-dir \(directory): there is no such directory")
        }
        return state.places(pluginDirectories: pluginDirectories)
    }

    /// The configuration in force, these options included.
    func configuration(_ places: Places, display: DisplayChoice? = nil) throws -> Configuration {
        try loadConfiguration(places, file: configurationFile, commandLine: commandLine(display: display))
    }

    /// What these options say of the configuration.
    func commandLine(display: DisplayChoice? = nil) -> Configuration {
        func given<Value>(_ value: Value?, by option: String) -> Configured<Value>? {
            value.map { Configured($0, ConfigurationOrigin(layer: .commandLine, file: option)) }
        }
        var commandLine = Configuration()
        commandLine.policy = given(policy, by: "--policy")
        commandLine.colour = given(colour, by: "--color")
        commandLine.isVerbose = given(verbose ? true : nil, by: "--verbose")
        commandLine.display = given(display, by: "--ui")
        return commandLine
    }

}

extension TerminalCapabilities {
    /// What may be sent to `device`, as configured.
    init(of device: TerminalDevice, _ configuration: Configuration) {
        let environment = currentEnvironment()
        self.init(
            isTerminal: device.isTerminal, term: environment["TERM"], noColor: environment["NO_COLOR"],
            choice: configuration.colour?.value ?? .auto)
    }
}

/// How many steps at a time, and for how long.
struct PaceOptions: ParsableArguments {
    @Option(
        name: [.customShort("j", allowingJoined: true), .long],
        help: ArgumentHelp("Steps at the same time.", valueName: "n"))
    var jobs: Int?

    @Option(help: ArgumentHelp("How long a step may take: 90s, 10m, 1h30m.", valueName: "duration"))
    var timeout: String?

    func validate() throws {
        if let jobs, jobs < 1 { throw ValidationError("--jobs must be at least 1") }
        if let timeout, Duration(text: timeout) == nil {
            throw ValidationError("--timeout: \"\(timeout)\" is no duration; write 90s, 10m or 1h30m")
        }
    }
}

/// Which plugins.
struct SelectionOptions: ParsableArguments {
    @Argument(help: "Only these plugins.")
    var plugins: [String] = []

    @Option(help: ArgumentHelp("Only these plugins, separated by commas. May be repeated.", valueName: "plugins"))
    var only: [String] = []

    @Option(help: ArgumentHelp("Not these plugins, separated by commas. May be repeated.", valueName: "plugins"))
    var skip: [String] = []

    func validate() throws {
        _ = try names(plugins + only)
        _ = try names(skip)
    }

    /// - Throws: exit code 2 where one of the plugins named does not exist.
    func selection(among found: [DiscoveredPlugin]) throws -> Selection {
        var selection = Selection()
        selection.only = try names(plugins + only)
        selection.skip = try names(skip)
        let known = found.map(\.name.rawValue)
        for name in selection.only.union(selection.skip).sorted() where !known.contains(name.rawValue) {
            let meant = nearestName(to: name.rawValue, in: known).map { " (did you mean \"\($0)\"?)" } ?? ""
            throw RunError(.usage, "there is no plugin \"\(name)\"\(meant); update-all list shows them")
        }
        return selection
    }

    private func names(_ lists: [String]) throws -> Set<PluginName> {
        var names: Set<PluginName> = []
        for text in lists.flatMap({ $0.split(separator: ",") }) {
            guard let name = PluginName(text) else {
                throw ValidationError("\"\(text)\" is not the name of a plugin, nor a command; see update-all --help")
            }
            names.insert(name)
        }
        return names
    }
}

enum TableFormat: String, ExpressibleByArgument, CaseIterable { case table, json }
