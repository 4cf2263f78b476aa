// What update-all tells the guardian. Each message is one packet on a pair of sockets; the answer is none: the guardian
// only listens, until update-all says `finish` or is gone.

import UpdateModel

/// A message to the guardian. File descriptors travel beside it, in the order that each case gives.
public enum GuardianMessage: Equatable, Sendable {
    /// The first message: which run this is, and what belongs to it.
    case begin(Run)
    /// A protected phase runs, or is about to: what is to be read to its end should update-all die.
    /// Takes the place of what was said about the same step before.
    ///
    /// Descriptors: the log, opened for appending; `outputs` read ends of pipes or PTY masters; and, where
    /// `hasProcess`, a pidfd of the step's main process.
    case protect(StepID, outputs: Int, hasProcess: Bool)
    /// A protected phase has ended, or was not started.
    case unprotect(StepID)
    /// An unprotected step runs outside any control group: how its processes are found when they must be ended.
    /// Without a session: it is about to be started.
    case track(StepID, session: Int32?, temporaryDirectory: String)
    case untrack(StepID)
    /// What the terminal needs should update-all die; `nil`: nothing, the display is not active.
    ///
    /// Descriptors: the terminal, where there is a value.
    case terminal(TerminalState?)
    /// A descriptor that is to stay open as long as update-all or its guardian lives, since others take its end for the
    /// run's. The guardian does nothing else with it.
    ///
    /// Descriptors: that one.
    case keepOpen
    /// The run is over and nothing is left to do.
    case finish

    /// What belongs to a run. Paths are absolute.
    public struct Run: Equatable, Sendable {
        public var id: RunID
        /// The group of all steps that may be killed; `nil` where there is no cgroup v2.
        public var stepsGroup: String?
        /// The group that is removed, with all below it, when nothing runs there any more.
        public var runGroup: String?
        /// Where reports and exit records are.
        public var stateDirectory: String

        public init(id: RunID, stepsGroup: String?, runGroup: String?, stateDirectory: String) {
            self.id = id
            self.stepsGroup = stepsGroup
            self.runGroup = runGroup
            self.stateDirectory = stateDirectory
        }
    }

    /// How a terminal is made sane again.
    public struct TerminalState: Equatable, Sendable {
        /// The `struct termios` from before the display, as it is in memory; both sides are built together.
        public var attributes: [UInt8]
        /// Written to the terminal: the cursor on, attributes reset.
        public var escapes: [UInt8]
        /// Process id of the leader of the terminal's session.
        public var sessionLeader: Int32
        /// update-all's process group. The attributes are restored only while it is in the foreground: a shell that has
        /// taken its terminal back has set it to its own liking.
        public var foregroundGroup: Int32

        public init(attributes: [UInt8], escapes: [UInt8], sessionLeader: Int32, foregroundGroup: Int32) {
            self.attributes = attributes
            self.escapes = escapes
            self.sessionLeader = sessionLeader
            self.foregroundGroup = foregroundGroup
        }
    }

    /// No message is longer. Bytes.
    public static let maximumSize = 16_384
    /// No path is longer (`PATH_MAX` of Linux). Bytes.
    public static let maximumPathSize = 4096
    /// Neither a terminal's attributes nor its escape sequences are longer. Bytes.
    public static let maximumTerminalSize = 1024
    /// A step has at most so many outputs: two pipes, or a PTY.
    public static let maximumOutputs = 4

    /// How many descriptors come with the message.
    public var descriptorCount: Int {
        switch self {
        case .protect(_, let outputs, let hasProcess): 1 + outputs + (hasProcess ? 1 : 0)
        case .terminal(.some), .keepOpen: 1
        default: 0
        }
    }
}

extension StepID {
    /// The step that `text` names, `apt/execute`; `nil` where it names none.
    init?(text: some StringProtocol) {
        guard let slash = text.lastIndex(of: "/"), let plugin = PluginName(text[..<slash]),
            let phase = Phase(rawValue: String(text[text.index(after: slash)...]))
        else { return nil }
        self.init(plugin, phase)
    }
}
