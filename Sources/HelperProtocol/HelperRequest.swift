// What update-all may ask of the helper, the one program that runs as root for a person. The table is closed: what is not
// in it cannot be said, and each entry is answered by exactly one reply. Each request is one packet on a pair of sockets.

import UpdateModel

/// A request to the helper. File descriptors travel beside it, as each case says.
public enum HelperRequest: Equatable, Sendable {
    /// The first request, and only that: which run this is. The helper makes the groups of the run; `ready` answers.
    /// Where sudo logs what goes through the socket, and so stands between, the helper calls back first.
    case begin(RunID, callback: HelperCallback? = nil)
    /// Makes the group of a try of a step, with these limits and those of the administrator's that they leave out; none can
    /// be looser than the administrator's. Answer: `applied`.
    case makeGroup(StepGroup, [ControlWrite])
    /// Changes limits of a group; none can be made looser than the administrator's. Answer: `applied`.
    case limit(GroupPlace, [ControlWrite])
    /// Ends all processes of a group at once; never those of commits. Answer: `done`.
    case kill(GroupPlace)
    /// Freezes all unprotected steps, or lets them go on. Answer: `done`.
    case freeze(Bool)
    /// Removes a group without processes. Answer: `done`.
    case remove(StepGroup)
    /// Starts a step in its group. Answer: `launched`, or `notLaunched`.
    ///
    /// Descriptors: standard output and standard error, or with a terminal that alone; then, where `hasExitRecord`, the
    /// file in which the witness of a commit notes its exit; then, where `hasProgram`, the program.
    case launch(HelperLaunch)
    /// Runs as root, in the group of a step, what that step gave to its sudo. Answer: `launched`, or `notLaunched`.
    ///
    /// Descriptors: standard input, output and errors, and the working directory.
    case sudo(HelperSudo)
    /// Sends a signal to the main process of a step that was launched. Answer: `done`.
    case signal(process: Int32, number: Int32)
    /// Sends a signal to all processes of a group. Answer: `done`.
    case signalAll(StepGroup, number: Int32)
    /// Takes note of the end of a main process. Answer: `running` or `ended`.
    case reap(process: Int32)
    /// The run is over: its groups are removed. Answer: `done`, and the helper ends.
    case finish

    /// No request is longer. Bytes; less than the kernel lets wait in a socket by default (212,992).
    public static let maximumSize = 98_304
    /// No path is longer (`PATH_MAX` of Linux). Bytes.
    public static let maximumPathSize = 4096
    /// A policy has a write for each control file, and one of `io.max` for each disk.
    public static let maximumWrites = 64
    /// The arguments and variables of a person's own step together. Bytes.
    public static let maximumStringsSize = 65_536
    /// The arguments, and the variables, of a person's own step.
    public static let maximumStrings = 1024
    /// Signals that a step may be sent are those of signal(7) before the realtime ones.
    public static let signals: ClosedRange<Int32> = 1...31

    /// How many descriptors come with the request.
    public var descriptorCount: Int {
        if case .sudo = self { return 4 }
        guard case .launch(let launch) = self else { return 0 }
        return (launch.terminal == .none ? 2 : 1) + (launch.hasExitRecord ? 1 : 0) + (launch.hasProgram ? 1 : 0)
    }
}

/// A command that a step gave to its sudo.
public struct HelperSudo: Equatable, Sendable {
    public var group: StepGroup
    /// As it was typed: a name, or a path. Which program that is, and whether it may run, the helper finds out itself.
    public var program: String
    public var arguments: [String]

    public init(group: StepGroup, program: String, arguments: [String]) {
        self.group = group
        self.program = program
        self.arguments = arguments
    }
}

/// Where update-all waits for a helper that did not get its socket.
public struct HelperCallback: Equatable, Sendable {
    /// Of the socket, which keeps the borders of packets.
    public var directory: String
    /// The first packet there, by which update-all knows the helper that it had started.
    public var nonce: [UInt8]

    /// The socket's name in its directory.
    public static let socket = "helper"
    /// Bytes.
    public static let nonceSize = 16

    public init(directory: String, nonce: [UInt8]) {
        self.directory = directory
        self.nonce = nonce
    }
}

/// A step that is to be started.
public struct HelperLaunch: Equatable, Sendable {
    /// As whom, and with it who says what is started.
    public enum Program: Equatable, Sendable {
        /// A plugin of the system's, as root. The helper finds its command, environment and rights itself; `executable`
        /// is where the one who asks believes it to be, so that it is never another plugin of that name.
        case plugin(executable: String, isDryRun: Bool, hints: Hints)
        /// Anything, as the person who asks: it is theirs to run. Nothing of the helper's rights is left then.
        case own(executable: String, arguments: [String], environment: [String], directory: String)
    }

    /// What a plugin is told of its limits.
    public struct Hints: Equatable, Sendable {
        public var cpus: Int32?
        /// Bytes.
        public var memory: Int64?
        /// Bytes a second.
        public var downloadRate: Int64?

        public init(cpus: Int32? = nil, memory: Int64? = nil, downloadRate: Int64? = nil) {
            self.cpus = cpus
            self.memory = memory
            self.downloadRate = downloadRate
        }
    }

    public enum Terminal: UInt8, Sendable, CaseIterable {
        /// A pipe each for output and errors; input is empty.
        case none
        /// Output and errors go to a pseudo-terminal; input is empty.
        case output
        /// All three are a pseudo-terminal, which is the controlling one.
        case controlling
    }

    public var group: StepGroup
    public var program: Program
    public var terminal: Terminal
    public var hasExitRecord: Bool
    /// An open file is executed in place of what the executable's path leads to. Of a person's own step only: root's
    /// programs are found by the helper.
    public var hasProgram = false
    /// −20 … 19; `nil`: as the helper.
    public var nice: Int32?
    /// Only where nothing else wants the CPU and the disk.
    public var isIdle: Bool
    /// For a person's own step; one that runs as root gets what the administrator says.
    public var noNewPrivileges: Bool

    public init(
        group: StepGroup, program: Program, terminal: Terminal = .none, hasExitRecord: Bool = false,
        nice: Int32? = nil, isIdle: Bool = false, noNewPrivileges: Bool = true
    ) {
        self.group = group
        self.program = program
        self.terminal = terminal
        self.hasExitRecord = hasExitRecord
        self.nice = nice
        self.isIdle = isIdle
        self.noNewPrivileges = noNewPrivileges
    }
}
