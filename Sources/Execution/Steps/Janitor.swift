// Removes what a step has left behind it while the event loop goes on: a control group takes longer to remove than most
// of what the loop does for a step.

import LinuxSystem
import Synchronization
import SystemPackage

/// Does jobs one after the other on a thread of its own.
// @unchecked: all that changes is behind the mutex.
final class Janitor: @unchecked Sendable {
    /// Jobs that wait at most; beyond that the caller does its job itself.
    private static let bound = 64

    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var isEnding = false
    }

    private let state = Mutex(State())
    private let work: WakeUp
    private let ended: WakeUp

    init() throws(Errno) {
        work = try WakeUp()
        ended = try WakeUp()
        try startThread(name: "janitor") { [self] in
            while doJobs() { work.wait(limit: nil) }
            ended.signal()
        }
    }

    /// Does `job` soon.
    func later(_ job: @escaping @Sendable () -> Void) {
        let waiting = state.withLock { state -> Int? in
            guard state.jobs.count < Self.bound, !state.isEnding else { return nil }
            state.jobs.append(job)
            return state.jobs.count
        }
        switch waiting {
        case nil: job()
        case 1: work.signal()
        default: break
        }
    }

    /// Returns when all jobs are done, or after `limit`; what comes later is done by the caller.
    func finish(limit: Duration) {
        state.withLock { $0.isEnding = true }
        work.signal()
        ended.wait(limit: limit)
    }

    /// - Returns: whether there will be more to do.
    private func doJobs() -> Bool {
        while true {
            let (jobs, isEnding) = state.withLock { state in
                defer { state.jobs = [] }
                return (state.jobs, state.isEnding)
            }
            if jobs.isEmpty { return !isEnding }
            for job in jobs { job() }
        }
    }
}
