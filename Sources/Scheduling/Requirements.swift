// What the end of a job means for those that require it.

import RunModel

extension Outcome {
    /// Something went wrong with the step itself.
    var isFailure: Bool {
        switch self {
        case .failed, .timedOut, .oomKilled, .killed: true
        default: false
        }
    }

    /// How a job ends whose requirement ended like this, without running; `nil` where it goes on. It is a failure only
    /// behind a failure: what was put off, cancelled or left out takes along what requires it.
    var ofWhatRequiresIt: Outcome? {
        switch self {
        case .succeeded, .upToDate: nil
        case .failed, .timedOut, .oomKilled, .killed, .dependencyFailed: .dependencyFailed
        case .cancelled: .cancelled
        case .deferred: .deferred
        case .notApplicable, .skipped, .needsAuth: .skipped
        }
    }
}
