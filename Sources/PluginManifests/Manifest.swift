// What a manifest, the TOML file beside a plugin's executable, says of it.

import UpdateModel

/// A manifest. `nil` means that it does not say: that is then asked, or taken as the comment says.
public struct Manifest: Hashable, Sendable {
    public var name: PluginName
    public var description: String?
    public var version: String?
    /// Relative to the manifest's directory, or absolute. `nil`: the file beside it that has the plugin's name.
    public var executable: String?
    /// `enabled`: one that is not is left alone until a configuration enables it.
    public var isOnByDefault = true

    /// Programs that must all be on PATH. `nil`: `is-applicable` is asked.
    public var applicableIf: [String]?
    /// Where its programs may be besides on PATH: absolute, or below the home directory of the one it runs as (`~/…`).
    /// Not for what runs as root.
    public var path: [String] = []
    /// `nil`: `does-require-sudo` is asked.
    public var runAs: RunAs?
    /// Absolute paths of what the plugin calls through sudo. `nil`: asked, where it calls sudo at all.
    public var sudoPrograms: [String]?
    /// `nil`: `can-separate-download` is asked.
    public var separateDownload: Bool?
    /// `nil`: as `true`, `estimate-update` is asked. `false`: it is not, and the update always runs.
    public var estimate: Bool?
    public var selfUpdate = false
    /// `nil`: as the executable's bytes suggest, see `DiscoveredPlugin.offersValidation`.
    public var validate: Bool?

    /// Plugins that must have succeeded.
    public var requires: [PluginName] = []
    /// Plugins that come first if they are there.
    public var after: [PluginName] = []
    /// Plugins that never run at the same time.
    public var conflicts: [PluginName] = []
    /// What is asked besides what stands here.
    public var dynamic: Set<DynamicKey> = []

    public var protectedPhases: Set<Phase> = []
    /// `stopSignal(for:)` has the defaults.
    public var stop: [Phase: StopSignal] = [:]
    /// `nil`: as the executable's bytes suggest, see `DiscoveredPlugin.allowsDryRun`.
    public var dryRun: Bool?
    /// What it downloads keeps to the rate that it is told.
    public var keepsDownloadRate = false

    /// In the order of the file.
    public var environment: [EnvironmentVariable] = []
    public var directory = WorkingDirectory.temporary
    /// What is missing takes the command's default.
    public var timeouts: [PluginCommand: Duration] = [:]

    public var claims: [Phase: MutexClaims] = [:]
    /// Mutexes that must be free when the phase starts, and are not held.
    public var free: [Phase: Set<MutexName>] = [:]
    /// Files that other programs lock.
    public var locks: [Phase: [String]] = [:]
    public var demand: [Phase: Demand] = [:]
    /// What a phase that runs as root needs besides the usual capabilities, in the order of the file.
    public var capabilities: [Phase: [CapabilityNeed]] = [:]
    /// Defaults of the plugin's own settings, as text, in the order of the file.
    public var settings: [PluginSetting] = []

    public init(name: PluginName) { self.name = name }

    public func timeout(of command: PluginCommand) -> Duration { timeouts[command] ?? command.defaultTimeout }

    /// `path`, for somebody with that home directory.
    public func programDirectories(home: String) -> [String] {
        path.map { $0.hasPrefix("~/") ? home + $0.dropFirst() : $0 }
    }

    /// What its main process takes as 'finish this package, then stop'; `nil` where it has no such signal: a protected
    /// phase is then only waited for.
    public func stopSignal(for phase: Phase) -> StopSignal? {
        stop[phase] ?? (protectedPhases.contains(phase) ? nil : .terminate)
    }
}

/// Lists of a manifest that a plugin can be asked for as well; the answers are joined.
public enum DynamicKey: String, Sendable, CaseIterable {
    case applicableIf = "applicable_if"
    case sudoPrograms = "sudo_programs"
    case requires, after, conflicts, mutexes, free
}

/// A signal that can ask a process to end, by its name without `SIG`.
public enum StopSignal: String, Sendable, CaseIterable {
    case hangUp = "HUP"
    case interrupt = "INT"
    case quit = "QUIT"
    case user1 = "USR1"
    case user2 = "USR2"
    case terminate = "TERM"

    /// As signal(7) has it for x86 and ARM.
    public var number: Int32 {
        switch self {
        case .hangUp: 1
        case .interrupt: 2
        case .quit: 3
        case .user1: 10
        case .user2: 12
        case .terminate: 15
        }
    }
}

/// Where a plugin's processes start.
public enum WorkingDirectory: Hashable, Sendable {
    /// A fresh private directory, removed afterwards.
    case temporary
    case home
    /// Absolute.
    case path(String)
}

public struct EnvironmentVariable: Hashable, Sendable, CustomStringConvertible {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// As `execve` takes it.
    public var description: String { "\(name)=\(value)" }
}

public struct PluginSetting: Hashable, Sendable {
    public var key: String
    public var value: String

    public init(key: String, value: String) {
        self.key = key
        self.value = value
    }

    /// `UPDATE_ALL_APT_DIST_UPGRADE`. What a shell takes for no part of a name becomes `_`.
    public func variableName(of plugin: PluginName) -> String {
        let text = "UPDATE_ALL_\(plugin)_\(key)".uppercased()
        return text.replacing("-", with: "_").replacing(".", with: "_")
    }
}
