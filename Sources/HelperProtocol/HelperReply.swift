// What the helper answers: one packet for each request.

import UpdateModel

/// An answer of the helper's.
public enum HelperReply: Equatable, Sendable {
    /// It runs as root, and has made the run's groups.
    case ready(Site)
    /// What a group has now.
    case applied([ControlWrite], deviations: [LimitDeviation])
    /// There is a process. Descriptors: its pidfd.
    case launched(process: Int32)
    case notLaunched(LaunchFailure)
    /// The process has not ended.
    case running
    case ended(ProcessEnding)
    case done
    /// The administrator's files do not allow it: why, as a sentence without a full stop that says what to do.
    case refused(String)
    /// The system did not let it: what was attempted, as a clause, and errno.
    case failed(String, errno: Int32)

    /// Where the run's groups are, and what they can do.
    public struct Site: Equatable, Sendable {
        /// Where the hierarchy is mounted.
        public var mount: String
        /// The run's group, below the mount.
        public var path: String
        public var controllers: Set<Controller>
        /// Why the others are missing, as a clause.
        public var missingControllerReason: String
        /// Files of those controllers that this kernel lacks.
        public var missingControlFiles: Set<String>

        public init(
            mount: String, path: String, controllers: Set<Controller>, missingControllerReason: String = "",
            missingControlFiles: Set<String> = []
        ) {
            self.mount = mount
            self.path = path
            self.controllers = controllers
            self.missingControllerReason = missingControllerReason
            self.missingControlFiles = missingControlFiles
        }
    }

    /// Why a process could not be started, or ended before it was the program.
    public struct LaunchFailure: Equatable, Sendable {
        public var executable: String
        /// As the launcher numbers its stages.
        public var stage: UInt8
        public var attempt: String
        public var errno: Int32
        public var advice: String

        public init(executable: String, stage: UInt8, attempt: String, errno: Int32, advice: String) {
            self.executable = executable
            self.stage = stage
            self.attempt = attempt
            self.errno = errno
            self.advice = advice
        }
    }

    /// How a main process ended, and what it used with the children that it waited for.
    public struct ProcessEnding: Equatable, Sendable {
        /// An exit code, or the number of a signal.
        public var status: Int32
        public var isSignal: Bool
        /// Microseconds.
        public var userTime: Int64
        /// Microseconds.
        public var systemTime: Int64
        /// Bytes, of the largest of them.
        public var peakResident: Int64
        /// It never was the program.
        public var failure: LaunchFailure?

        public init(
            status: Int32, isSignal: Bool, userTime: Int64 = 0, systemTime: Int64 = 0, peakResident: Int64 = 0,
            failure: LaunchFailure? = nil
        ) {
            self.status = status
            self.isSignal = isSignal
            self.userTime = userTime
            self.systemTime = systemTime
            self.peakResident = peakResident
            self.failure = failure
        }
    }

    /// No reply is longer. Bytes.
    public static let maximumSize = 131_072
    /// No text for people is longer; what is, is cut. Bytes.
    public static let maximumTextSize = 1024

    /// How many descriptors come with the reply.
    public var descriptorCount: Int { if case .launched = self { 1 } else { 0 } }
}
