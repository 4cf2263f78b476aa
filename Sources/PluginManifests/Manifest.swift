// What a manifest, the TOML file beside a plugin's executable, says of it.

import PluginInvocation
import RunModel
import UpdateModel

/// A manifest: how the plugin is called, and what planning needs. `nil` means that it does not say: that is then asked, or
/// taken as the comment says.
@dynamicMemberLookup
public struct Manifest: Hashable, Sendable {
    /// Its members are this one's, too.
    public var invocation: InvocationManifest
    public var description: String?
    public var version: String?
    /// `enabled`: one that is not is left alone until a configuration enables it.
    public var isOnByDefault = true

    /// Programs that must all be on PATH. `nil`: `is-applicable` is asked.
    public var applicableIf: [String]?
    /// Where its programs may be besides on PATH: absolute, or below the home directory of the one it runs as (`~/…`).
    /// Not for what runs as root.
    public var path: [String] = []
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

    /// What it downloads keeps to the rate that it is told.
    public var keepsDownloadRate = false

    /// What is missing takes the command's default.
    public var timeouts: [PluginCommand: Duration] = [:]

    public var claims: [Phase: MutexClaims] = [:]
    /// Mutexes that must be free when the phase starts, and are not held.
    public var free: [Phase: Set<MutexName>] = [:]
    /// Files that other programs lock.
    public var locks: [Phase: [String]] = [:]
    public var demand: [Phase: Demand] = [:]

    public init(name: PluginName) { invocation = InvocationManifest(name: name) }

    public subscript<Member>(dynamicMember member: WritableKeyPath<InvocationManifest, Member>) -> Member {
        get { invocation[keyPath: member] }
        set { invocation[keyPath: member] = newValue }
    }

    public func timeout(of command: PluginCommand) -> Duration { timeouts[command] ?? command.defaultTimeout }

    /// `path`, for somebody with that home directory.
    public func programDirectories(home: String) -> [String] {
        path.map { $0.hasPrefix("~/") ? home + $0.dropFirst() : $0 }
    }
}

/// Lists of a manifest that a plugin can be asked for as well; the answers are joined.
public enum DynamicKey: String, Sendable, CaseIterable {
    case applicableIf = "applicable_if"
    case sudoPrograms = "sudo_programs"
    case requires, after, conflicts, mutexes, free
}
