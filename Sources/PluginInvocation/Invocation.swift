// How a plugin's executable is called: its arguments, its environment, where it starts. No shell in between.

import UpdateModel

/// What a command's process is to respect, derived from the limits it runs under; tools that start as many workers as
/// there are CPUs read it. `nil`: not limited, and no hint is given.
public struct ResourceHints: Hashable, Sendable {
    /// At least 1.
    public var cpus: Int?
    public var memory: ByteCount?
    /// Bytes a second.
    public var downloadRate: ByteCount?

    public init() {}

    /// - Parameters:
    ///   - limits: of the step. Where the whole run's are tighter, the caller has joined them.
    ///   - machineCPUs: what a quota beyond it is cut to.
    public init(_ limits: Limits, downloadRate: ByteCount?, machineCPUs: Int) {
        // A part of a CPU is one worker's, that of a second one as well: rounded up.
        cpus = limits.cpuQuota.map { quota in
            max(1, Int(min(quota.value.rounded(.up), Double(max(1, machineCPUs)))))
        }
        memory = [limits.memoryHigh, limits.memoryMax].compactMap(\.self).min()
        self.downloadRate = downloadRate
    }
}

/// The proxies that a plugin is told of, each under its lower-case name and its upper-case twin.
public struct Proxies: Hashable, Sendable {
    public var http: String?
    public var https: String?
    public var exceptions: String?

    public init() {}

    /// As the caller's environment has them; the lower-case name counts where both are set, as in curl.
    public init(environment: [String: String]) {
        func value(_ name: String) -> String? { environment[name] ?? environment[name.uppercased()] }
        http = value("http_proxy")
        https = value("https_proxy")
        exceptions = value("no_proxy")
    }

    fileprivate var variables: [EnvironmentVariable] {
        [("http_proxy", http), ("https_proxy", https), ("no_proxy", exceptions)].flatMap { name, value in
            value.map { [EnvironmentVariable(name, $0), EnvironmentVariable(name.uppercased(), $0)] } ?? []
        }
    }
}

/// What is the same for all that one plugin is called with, or for a whole run.
public struct InvocationContext: Hashable, Sendable {
    public var run: RunID
    /// The account it runs as.
    public var user: String
    public var home: String
    public var path: String
    /// The fresh private directory.
    public var temporaryDirectory: String
    /// From a timer, without anybody who watches.
    public var isScheduled = false
    /// `TERM`, where it gets a pseudo-terminal.
    public var terminal: String?
    public var proxies = Proxies()
    public var hints = ResourceHints()
    /// From the configuration; they override the manifest's by key.
    public var settings: [PluginSetting] = []

    public init(run: RunID, user: String, home: String, path: String, temporaryDirectory: String) {
        self.run = run
        self.user = user
        self.home = home
        self.path = path
        self.temporaryDirectory = temporaryDirectory
    }
}

public struct Invocation: Hashable, Sendable {
    public var executable: String
    /// With the executable as the first one, as `execve` takes them.
    public var arguments: [String]
    /// All of it: nothing of the caller's environment comes along. No name twice.
    public var environment: [EnvironmentVariable]
    public var directory: String

    /// - Parameter dryRun: of `update` only, and only where the plugin `allowsDryRun`.
    public init(
        _ command: PluginCommand, of plugin: PluginProgram, dryRun: Bool = false, in context: InvocationContext
    ) {
        precondition(!dryRun || (command == .update && plugin.allowsDryRun), "a dry run would be a real one")
        executable = plugin.executable
        arguments = [plugin.executable, command.rawValue] + (dryRun ? ["--dry-run"] : [])
        switch plugin.manifest?.directory ?? .temporary {
        case .temporary: directory = context.temporaryDirectory
        case .home: directory = context.home
        case .path(let path): directory = path
        }
        // What comes later wins: a plugin "run" with a setting "id" does not get to say which run this is.
        let settings = (plugin.manifest?.settings ?? []) + context.settings
        environment = Self.unique(
            context.variables + context.hints.variables + (plugin.manifest?.environment ?? [])
                + settings.map { EnvironmentVariable($0.variableName(of: plugin.name), $0.value) }
                + context.ownVariables(of: plugin, phase: command.phase))
    }

    /// Gives a variable its last value.
    public mutating func set(_ variable: EnvironmentVariable) {
        environment = Self.unique(environment + [variable])
    }

    /// Each name at its first place, with its last value.
    private static func unique(_ variables: [EnvironmentVariable]) -> [EnvironmentVariable] {
        var indices: [String: Int] = [:]
        return variables.reduce(into: []) { result, variable in
            if let index = indices[variable.name] {
                result[index].value = variable.value
            } else {
                indices[variable.name] = result.count
                result.append(variable)
            }
        }
    }
}

extension InvocationContext {
    fileprivate var variables: [EnvironmentVariable] {
        [
            EnvironmentVariable("PATH", path), EnvironmentVariable("HOME", home), EnvironmentVariable("USER", user),
            EnvironmentVariable("LOGNAME", user), EnvironmentVariable("LANG", "C.UTF-8"),
            EnvironmentVariable("LC_ALL", "C.UTF-8"), EnvironmentVariable("TMPDIR", temporaryDirectory),
        ] + (terminal.map { [EnvironmentVariable("TERM", $0)] } ?? []) + proxies.variables
    }

    fileprivate func ownVariables(of plugin: PluginProgram, phase: Phase) -> [EnvironmentVariable] {
        [
            EnvironmentVariable("UPDATE_ALL_RUN_ID", run.rawValue),
            EnvironmentVariable("UPDATE_ALL_PHASE", phase.rawValue),
            EnvironmentVariable("UPDATE_ALL_PLUGIN_FILE", plugin.executable),
            EnvironmentVariable("UPDATE_ALL_PLUGIN_TMPDIR", temporaryDirectory),
        ] + (isScheduled ? [EnvironmentVariable("UPDATE_ALL_SCHEDULED", "1")] : [])
    }
}

extension ResourceHints {
    fileprivate var variables: [EnvironmentVariable] {
        var variables: [EnvironmentVariable] = []
        if let cpus {
            variables.append(EnvironmentVariable("UPDATE_ALL_CPUS", "\(cpus)"))
            variables.append(EnvironmentVariable("MAKEFLAGS", "-j\(cpus)"))
            for name in ["CARGO_BUILD_JOBS", "GOMAXPROCS", "npm_config_jobs"] {
                variables.append(EnvironmentVariable(name, "\(cpus)"))
            }
        }
        if let memory { variables.append(EnvironmentVariable("UPDATE_ALL_MEMORY_BYTES", "\(memory.bytes)")) }
        if let downloadRate {
            variables.append(EnvironmentVariable("UPDATE_ALL_DOWNLOAD_RATE_BYTES", "\(downloadRate.bytes)"))
        }
        return variables
    }
}
