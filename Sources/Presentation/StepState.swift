// What is known of one step while a run goes on.

import RunModel
import UpdateModel

/// One step as the displays see it. Times are since the run's begin.
struct StepState: Sendable {
    enum Stage: Sendable {
        /// The reason is `nil` until the dispatcher gave one.
        case waiting(WaitReason?)
        case running(since: Duration)
        case ended(PhaseEnd, after: Duration?)
    }

    let id: StepID
    /// As text, since every frame wants it.
    let name: String
    var isProtected: Bool
    /// As planned; `nil` for a step that the plan does not have.
    let plan: PlannedStep?
    var stage = Stage.waiting(nil)
    /// While it waits for what others hold: since when, and until when at most.
    private(set) var foreignWait: (since: Duration, until: Duration)?
    var progress: Progress?
    /// When it last said how much of it is done.
    private(set) var progressTime: Duration?
    var rate = RateMeter()
    var usage: Usage?
    var stopping: (what: Stopping, since: Duration)?
    var tail = OutputTail()
    /// The newest of its last output line and its progress message.
    var lastLine: String?

    init(id: StepID, plan: PlannedStep?) {
        self.id = id
        name = id.description
        self.plan = plan
        isProtected = plan?.isProtected ?? false
    }

    var isEnded: Bool { if case .ended = stage { true } else { false } }
    var isWaiting: Bool { if case .waiting = stage { true } else { false } }
    var runningSince: Duration? {
        switch stage {
        case .running(let since): return since
        case .waiting, .ended: return nil
        }
    }

    /// What a projection of the run's end goes by.
    var pace: StepPace {
        let reported = reportedFraction.flatMap { fraction in progressTime.map { (fraction: fraction, at: $0) } }
        switch stage {
        case .waiting: return StepPace(.waiting, expected: expected)
        case .running(let since): return StepPace(.running(since: since), reported: reported, expected: expected)
        case .ended: return StepPace(.ended, expected: expected)
        }
    }

    /// Its expected length, where anybody said it.
    var expected: Duration? { plan.flatMap { $0.durationIsKnown ? Duration(boundedSeconds: $0.durationSeconds) : nil } }

    /// How much of it is done, 0…1, by its own word; `nil` in legacy mode.
    var reportedFraction: Double? { progress?.fraction }

    /// How much of it is done, 0…1, with the clock's help where it does not say.
    func fraction(at now: Duration) -> Double {
        switch stage {
        case .waiting: return 0
        case .ended: return 1
        case .running(let since):
            if let reportedFraction { return reportedFraction }
            guard let expected, expected > .zero else { return 0 }
            // It may well take longer: never all of it before it has ended.
            return min(0.95, max(0, (now - since).inSeconds / expected.inSeconds))
        }
    }

    /// What it fetched, as it last said.
    var fetched: ByteCount? { progress?.bytesDownloaded.flatMap { $0.bytes > 0 ? $0 : nil } }

    mutating func take(_ new: Progress, at now: Duration) {
        progress?.merge(new)
        progress = progress ?? new
        progressTime = now
        if let message = new.message, !message.isEmpty { lastLine = message }
        if let bytes = new.bytesDownloaded { rate.take(bytes, at: now) }
    }

    mutating func wait(for reason: WaitReason, givesUpAfter limit: Duration?, at now: Duration) {
        stage = .waiting(reason)
        usage = nil
        foreignWait = limit.map { (foreignWait?.since ?? now, now + $0) }
    }

    mutating func end(_ end: PhaseEnd, at now: Duration) {
        let wall = end.metrics.map { Duration(boundedSeconds: $0.wallSeconds) } ?? runningSince.map { now - $0 }
        stage = .ended(end, after: wall)
        stopping = nil
        if !end.outcome.isFailureOfProgram { tail = OutputTail() }
    }
}

/// Bytes a second, smoothed over a few seconds.
struct RateMeter: Sendable {
    private var last: (bytes: ByteCount, time: Duration)?
    private var bytesPerSecond: Double?

    mutating func take(_ bytes: ByteCount, at now: Duration) {
        guard let last, bytes >= last.bytes else {
            last = (bytes, now)
            bytesPerSecond = nil
            return
        }
        let seconds = (now - last.time).inSeconds
        // Shorter samples say more of the plugin's buffers than of the network.
        guard seconds >= 1 else { return }
        let sample = (Double(bytes.bytes) - Double(last.bytes.bytes)) / seconds
        bytesPerSecond = bytesPerSecond.map { $0 * 0.6 + sample * 0.4 } ?? sample
        self.last = (bytes, now)
    }

    /// `9.1 MB/s`; `nil` where nothing was heard for five seconds.
    func text(at now: Duration) -> String? {
        guard let last, let bytesPerSecond, (now - last.time).inSeconds < 5, bytesPerSecond < 1e15 else { return nil }
        return ByteCount(Int64(bytesPerSecond)).decimalDescription + "/s"
    }
}
