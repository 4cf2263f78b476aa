// Removes what a step has left behind it while the event loop goes on: a directory with any number of files, a group that
// was not empty at once.

import DequeModule
import Reactor
import Synchronization
import SystemPackage

/// Does jobs one after the other on a thread of its own.
// @unchecked: all that changes is behind the mutex.
final class Janitor: @unchecked Sendable {
    /// Jobs that wait at most; beyond that the caller does its job itself. Each keeps the descriptors of a step's group open,
    /// and a process may have as few as 64 to spare.
    private static let bound = 16

    private struct State {
        var jobs: Deque<@Sendable () -> Void> = []
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
            // One at a time: what a job holds is let go of with it, and not with the last one of many.
            let (job, isEnding) = state.withLock { ($0.jobs.popFirst(), $0.isEnding) }
            guard let job else { return !isEnding }
            job()
        }
    }
}
