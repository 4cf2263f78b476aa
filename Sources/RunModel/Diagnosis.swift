// What this machine has of what a run uses: facts, as `update-all doctor` finds them.

import UpdateModel

/// Facts without a judgement on them.
public struct Diagnosis: Hashable, Sendable {
    /// Where cgroup v2 is, and what of it is ours.
    public struct Groups: Hashable, Sendable {
        public enum Hierarchy: Hashable, Sendable {
            case unified, hybrid, none
        }

        public var hierarchy = Hierarchy.none
        public var mount: String?
        /// The group below which a run has its own, below the mount; `nil`: there are none.
        public var place: String?
        /// Why there are none, or why controllers are missing, as a clause.
        public var reason = ""
        public var controllers: Set<Controller> = []
        /// Files that this kernel lacks, of controllers that are there, and of those that every group has.
        public var missingFiles: Set<String> = []
        /// Why a group cannot be frozen, found by freezing one; `nil`: it can.
        public var freezeRefusal: String?
        public var hasSystemd = false

        public init() {}
    }

    /// How a process is started, found by starting one.
    public enum Launch: Hashable, Sendable {
        /// In its group from its first instant.
        case intoGroup
        /// It moves into its group before it becomes the program.
        case thenMoved
        /// The same, without clone3.
        case withoutClone3
        /// There are no groups.
        case withoutGroup
        case failed(reason: String)
    }

    /// A directory that a run writes to.
    public struct Directory: Hashable, Sendable {
        /// What it is for: `state`.
        public var use: String
        public var path: String
        /// Why it cannot be written, as a clause; `nil`: it can.
        public var refusal: String?

        public init(use: String, path: String, refusal: String?) {
            self.use = use
            self.path = path
            self.refusal = refusal
        }
    }

    /// A file that other programs lock, with who waits for it.
    public struct LockedFile: Hashable, Sendable {
        public var path: String
        public var plugins: [PluginName]
        /// `pid 123 (apt-get)`; `nil`: nobody has locked it.
        public var holder: String?

        public init(path: String, plugins: [PluginName], holder: String?) {
            self.path = path
            self.plugins = plugins
            self.holder = holder
        }
    }

    public var hostName: String
    public var isRoot: Bool
    public var groups = Groups()
    public var launch = Launch.withoutGroup
    /// Why a process cannot be watched as a descriptor; `nil`: it can.
    public var pidfdRefusal: String?
    /// Why orphans do not become ours; `nil`: they do.
    public var subreaperRefusal: String?
    public var guardian: String?
    /// The resources whose pressure the kernel tells.
    public var pressure: Set<String> = []
    public var swap: ByteCount?
    /// Of the root directory and of every path that the policy names.
    public var disks: [String: DiskLookup] = [:]
    /// The names below `/dev` of those disks, by number.
    public var diskNames: [String: String] = [:]
    /// Why the kernel cannot hold what a run downloads to a rate, as a clause; `nil`: it can.
    public var downloadLimitRefusal: String?
    /// Why there is no pseudo-terminal for a step; `nil`: there is.
    public var terminalRefusal: String?
    /// Those that a manifest's `[locks]` names and that are there.
    public var locks: [LockedFile] = []
    public var directories: [Directory] = []
    /// Where mutexes are locks of the whole machine.
    public var mutexes: Directory?
    /// The program that makes a person root for the steps that need it; `nil`: there is none, or no helper for it to start.
    public var elevation: String?
    /// Plugins that run as root, or whose sudo may have something run so.
    public var rootPlugins: [PluginName] = []
    /// Where `sudo` is.
    public var sudo: String?
    /// Plugins that call it themselves.
    public var sudoPlugins: [PluginName] = []
    /// Lines that say what is wrong with them; empty: valid.
    public var configurationFaults: [String] = []
    public var policyFaults: [String] = []
    public var policyName = ""
    public var requiresLimits = false
    /// What it has a run do while others suffer.
    public var protection = Protection()
    /// How long it has a step wait for a locked file.
    public var waitTimeout = StepSettings().waitTimeout
    /// What the policy asks for and cannot have here.
    public var deviations: [LimitDeviation] = []
    public var plugins = 0
    /// What is wrong with plugins' files, a line each.
    public var pluginFaults: [String] = []
    /// Plugins that run as root and may not, with the reason, a line each.
    public var untrusted: [String] = []

    public init(hostName: String, isRoot: Bool) {
        self.hostName = hostName
        self.isRoot = isRoot
    }
}

/// One thing that a run uses: what of it is there, and how to mend what is not.
public struct Mechanism: Hashable, Sendable {
    public enum State: String, Hashable, Sendable, CaseIterable {
        case ok
        /// There is a part of it, or something less in its place.
        case degraded
        /// There is none of it, and a run goes without.
        case missing
        /// A run does not start, or not all of it.
        case broken
    }

    /// `cgroup v2`.
    public var name: String
    public var state: State
    /// What was found.
    public var finding: String
    /// What the policy in force loses by it, as a sentence without a full stop; `nil`: nothing.
    public var loss: String?
    /// What to do: a sentence, or a command behind a colon. `nil`: nothing is to be done.
    public var mend: String?
    /// The exit code that a run would have for it, where it is broken.
    public var exitCode: ExitCode

    public init(
        _ name: String, _ state: State, _ finding: String, loss: String? = nil, mend: String? = nil,
        exitCode: ExitCode = .failure
    ) {
        self.name = name
        self.state = state
        self.finding = finding
        self.loss = loss
        self.mend = mend
        self.exitCode = state == .broken ? exitCode : .success
    }
}
