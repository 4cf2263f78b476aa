// What a policy says of a step and of a run besides the limits of their control groups.

/// As whom a step runs.
public enum RunAs: Hashable, Sendable, CustomStringConvertible {
    case root
    /// The person who runs update-all, or who called sudo.
    case invokingUser
    case named(String)

    public init(_ text: String) {
        switch text {
        case "root": self = .root
        case "user": self = .invokingUser
        default: self = .named(text)
        }
    }

    public var description: String {
        switch self {
        case .root: "root"
        case .invokingUser: "user"
        case .named(let name): name
        }
    }
}

/// What becomes of processes that outlive a step's main process.
public enum Leftovers: String, Sendable, CaseIterable { case kill, keep, report }

/// Whether a step's output goes through a pseudo-terminal.
public enum TerminalUse: String, Sendable, CaseIterable { case auto, always, never }

/// Whether a limit that cannot be enforced stops the run.
public enum Enforcement: String, Sendable, CaseIterable { case required, preferred }

/// All that a policy gives one step.
public struct StepSettings: Hashable, Sendable {
    public var limits = Limits()
    /// Nice level, −20…19.
    public var nice: Int?
    public var noNewPrivileges = true
    /// Bounding set of a step that runs as root, as libcap's names; `nil`: the usual ones and what the manifest asks for.
    public var capabilities: [String]?
    public var leftovers = Leftovers.kill
    /// Between SIGTERM and the kill.
    public var stopGrace = Duration.seconds(10)
    /// For what another program or another run holds.
    public var waitTimeout = Duration.seconds(1800)
    public var terminal = TerminalUse.auto
    /// Further tries of a step that the kernel killed for memory, each with a larger share.
    public var oomRetries = 0
    /// The most that such a try may have: the run's own limit, or the machine's memory. `nil`: not known.
    public var largestMemory: ByteCount?
    /// `nil`: as the manifest says.
    public var timeout: Duration?
    /// `nil`: as the manifest says.
    public var runAs: RunAs?
    /// What the plugin's executable must be, as 64 hexadecimal digits in lower case; `nil`: anything.
    public var sha256: String?
    /// Whether the plugin updates itself before a run.
    public var updatesItself = false

    public init() {}
}

/// All that a policy gives the whole run.
public struct RunSettings: Hashable, Sendable {
    public var limits = Limits()
    /// Steps at the same time; `nil`: the number of CPUs.
    public var parallel: Int?
    /// Download steps at the same time.
    public var downloads = 2
    /// Bytes a second, of the whole run.
    public var downloadRate: ByteCount?
    /// Whether the kernel is to hold the run to that rate as well.
    public var enforcesDownloadRate = false

    public init() {}
}
