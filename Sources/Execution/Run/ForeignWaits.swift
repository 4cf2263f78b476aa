// How long jobs have waited for what others hold, and when that is enough.

import LinuxSystem
import Scheduling
import UpdateModel

/// Counts the time for which each job waits for something that others hold: not what it waits for steps of its own run in
/// between, but all such waits together, or one that others overtake again and again would wait for ever. Lives on the event
/// loop's thread.
final class ForeignWaits {
    private struct Wait {
        var hold: ForeignHold
        /// In earlier waits.
        var spent = Duration.zero
        /// `nil`: what it waited for was released, and it waits for nothing of others.
        var since: Duration?
        var timer: EventLoop.Timer?
    }

    private let loop: EventLoop
    private let limit: (JobIndex) -> Duration
    private let giveUp: (JobIndex) -> Void
    private var waits: [JobIndex: Wait] = [:]

    /// - Parameters:
    ///   - limit: for how long a job waits at most.
    ///   - giveUp: called when it has.
    init(loop: EventLoop, limit: @escaping (JobIndex) -> Duration, giveUp: @escaping (JobIndex) -> Void) {
        self.loop = loop
        self.limit = limit
        self.giveUp = giveUp
    }

    /// A job waits for `hold` from now on.
    /// - Returns: after how long it gives up.
    func begin(_ job: JobIndex, for hold: ForeignHold) -> Duration {
        var wait = waits[job] ?? Wait(hold: hold)
        wait.hold = hold
        let now = monotonicTime()
        let since = wait.since ?? now
        let end = since + limit(job) - wait.spent
        if wait.since == nil {
            wait.since = since
            wait.timer = loop.schedule(at: end) { [weak self] in self?.giveUp(job) }
        }
        waits[job] = wait
        return max(.zero, end - now)
    }

    /// Nobody else holds `lock` any more.
    func released(_ lock: String) {
        let now = monotonicTime()
        for (job, wait) in waits where wait.hold.lock == lock {
            guard let since = wait.since else { continue }
            waits[job]?.spent += now - since
            waits[job]?.since = nil
            wait.timer?.cancel()
        }
    }

    /// The job has started, or has ended without.
    func end(_ job: JobIndex) { waits.removeValue(forKey: job)?.timer?.cancel() }

    func endAll() {
        for wait in waits.values { wait.timer?.cancel() }
        waits = [:]
    }

    /// Why a job was given up, as a clause.
    func reason(_ job: JobIndex) -> String? { waits[job]?.hold.notReleased(within: limit(job)) }
}
