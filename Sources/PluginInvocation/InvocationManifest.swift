// What a manifest, the TOML file beside a plugin's executable, says of how the plugin is called and ended, and with which
// rights it runs.

import UpdateModel

/// The part of a manifest that calls need. `nil` means that it does not say.
public struct InvocationManifest: Hashable, Sendable {
    public var name: PluginName
    /// Relative to the manifest's directory, or absolute. `nil`: the file beside it that has the plugin's name.
    public var executable: String?
    /// `nil`: `does-require-sudo` is asked.
    public var runAs: RunAs?
    public var protectedPhases: Set<Phase> = []
    /// `stopSignal(for:)` has the defaults.
    public var stop: [Phase: StopSignal] = [:]
    /// `nil`: as the executable's bytes suggest, see `PluginProgram.allowsDryRun`.
    public var dryRun: Bool?
    /// In the order of the file.
    public var environment: [EnvironmentVariable] = []
    public var directory = WorkingDirectory.temporary
    /// What a phase that runs as root needs besides the usual capabilities, in the order of the file.
    public var capabilities: [Phase: [CapabilityNeed]] = [:]
    /// Defaults of the plugin's own settings, as text, in the order of the file.
    public var settings: [PluginSetting] = []

    public init(name: PluginName) { self.name = name }

    /// What its main process takes as 'finish this package, then stop'; `nil` where it has no such signal: a protected
    /// phase is then only waited for.
    public func stopSignal(for phase: Phase) -> StopSignal? {
        stop[phase] ?? (protectedPhases.contains(phase) ? nil : .terminate)
    }
}

/// A plugin as it is called.
public struct PluginProgram: Hashable, Sendable {
    public var name: PluginName
    public var executable: String
    public var manifest: InvocationManifest?
    public var manifestPath: String?
    /// Whether `update --dry-run` may be called.
    public var allowsDryRun: Bool

    public init(
        name: PluginName, executable: String, manifest: InvocationManifest?, manifestPath: String?, allowsDryRun: Bool
    ) {
        self.name = name
        self.executable = executable
        self.manifest = manifest
        self.manifestPath = manifestPath
        self.allowsDryRun = allowsDryRun
    }
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
