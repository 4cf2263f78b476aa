// How a step or a plugin ended, and what that makes of the exit code of a run (the table in docs/contract.md).

import UpdateModel

/// How a step ended; a plugin's outcome is that of its last phase that ran.
public enum Outcome: String, Sendable, CaseIterable {
    case succeeded
    case upToDate = "up_to_date"
    case notApplicable = "not_applicable"
    case failed
    case timedOut = "timed_out"
    case oomKilled = "oom_killed"
    case killed
    case cancelled
    case dependencyFailed = "dependency_failed"
    case needsAuth = "needs_auth"
    case deferred
    case skipped

    /// Whether what requires the step may go on.
    public var satisfiesRequirement: Bool {
        switch self {
        case .succeeded, .upToDate: true
        default: false
        }
    }

    /// Nothing went wrong: the step did its work, or there was none to do.
    public var isSuccess: Bool {
        switch self {
        case .succeeded, .upToDate, .notApplicable, .skipped: true
        default: false
        }
    }
}

/// Exit codes of the program.
public struct ExitCode: Hashable, Sendable {
    public let rawValue: Int32

    private init(_ rawValue: Int32) { self.rawValue = rawValue }

    public static let success = ExitCode(0)
    /// A step failed.
    public static let failure = ExitCode(1)
    /// Wrong usage, or a file that is not valid.
    public static let usage = ExitCode(2)
    /// The policy requires a limit that this machine cannot enforce.
    public static let unenforceable = ExitCode(3)
    /// Authentication failed, or would have to ask where it cannot.
    public static let authentication = ExitCode(4)
    /// Another run holds the lock.
    public static let locked = ExitCode(5)
    /// Outside the policy's window, or deferred by pressure.
    public static let deferredByPolicy = ExitCode(6)
    /// A lock of another program was not released in time (`EX_TEMPFAIL` of sysexits.h).
    public static let deferredByLock = ExitCode(75)
    /// `check` found updates.
    public static let updatesAvailable = ExitCode(100)
    /// Ended by a signal.
    public static func signal(_ number: Int32) -> ExitCode { ExitCode(128 + number) }

    /// The code of a run in which all of `codes` apply: the highest of 128+N, 4, 3, 2, 1, 75, 6, 100 in this order.
    public static func combined(_ codes: some Sequence<ExitCode>) -> ExitCode {
        codes.max { $0.precedence < $1.precedence } ?? .success
    }

    private var precedence: Int {
        switch self {
        case .success: 0
        case .updatesAvailable: 1
        case .deferredByPolicy: 2
        case .deferredByLock: 3
        case .failure: 4
        case .usage: 5
        case .unenforceable: 6
        case .authentication: 7
        default: 8
        }
    }
}
