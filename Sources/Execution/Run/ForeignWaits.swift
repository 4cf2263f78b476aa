// How long jobs have waited for what others hold, and when that is enough.

import LinuxSystem
import Reactor
import Scheduling
import UpdateModel

/// Counts the time for which each job waits for something that others hold: not what it waits for steps of its own run in
/// between, but all such waits together, or one that others overtake again and again would wait for ever. While the run is
/// held back, and could start nothing anyway, no time is counted. Lives on the event loop's thread.
final class ForeignWaits {
    private struct Wait {
        var hold: ForeignHold
        /// Whether others still hold it, for all that is known.
        var isHeld = true
        /// What was counted before `since`.
        var spent = Duration.zero
        /// `nil`: nothing is counted at the moment.
        var since: Duration?
        var timer: EventLoop.Timer?
    }

    private let loop: EventLoop
    private let limit: (JobIndex) -> Duration
    private let giveUp: (JobIndex) -> Void
    private var waits: [JobIndex: Wait] = [:]
    private var isStanding = false

    /// - Parameters:
    ///   - limit: for how long a job waits at most.
    ///   - giveUp: called when it has.
    init(loop: EventLoop, limit: @escaping (JobIndex) -> Duration, giveUp: @escaping (JobIndex) -> Void) {
        self.loop = loop
        self.limit = limit
        self.giveUp = giveUp
    }

    /// A job waits for `hold` from now on.
    /// - Returns: after how long it gives up; `nil`: that is not counted at the moment.
    func begin(_ job: JobIndex, for hold: ForeignHold) -> Duration? {
        waits[job, default: Wait(hold: hold)].hold = hold
        waits[job]?.isHeld = true
        count(job)
        return left(job)
    }

    /// Nobody else holds `lock` any more.
    func released(_ lock: String) {
        for (job, wait) in waits where wait.hold.lock == lock {
            waits[job]?.isHeld = false
            stopCounting(job)
        }
    }

    /// Nothing is to be started, or something may be again: the time of all stands still, or goes on.
    func stand(_ isStanding: Bool) {
        guard isStanding != self.isStanding else { return }
        self.isStanding = isStanding
        for job in waits.keys { if isStanding { stopCounting(job) } else { count(job) } }
    }

    /// The jobs that wait at the moment, each with what it waits for and after how long it gives up, in their order.
    var waiting: [(job: JobIndex, hold: ForeignHold, left: Duration?)] {
        waits.filter(\.value.isHeld).sorted { $0.key < $1.key }.map { ($0.key, $0.value.hold, left($0.key)) }
    }

    private func count(_ job: JobIndex) {
        guard let wait = waits[job], wait.isHeld, wait.since == nil, !isStanding else { return }
        let now = monotonicTime()
        waits[job]?.since = now
        waits[job]?.timer = loop.schedule(at: now + limit(job) - wait.spent) { [weak self] in self?.giveUp(job) }
    }

    private func stopCounting(_ job: JobIndex) {
        guard let wait = waits[job], let since = wait.since else { return }
        waits[job]?.spent += monotonicTime() - since
        waits[job]?.since = nil
        wait.timer?.cancel()
    }

    private func left(_ job: JobIndex) -> Duration? {
        guard let wait = waits[job], let since = wait.since else { return nil }
        return max(.zero, since + limit(job) - wait.spent - monotonicTime())
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
