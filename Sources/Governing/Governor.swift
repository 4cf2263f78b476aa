// When the run steps back for others, and when it comes back. Pure: it is told what others suffer and when, and answers
// with the stage that is to be in force.

import RunModel
import UpdateModel

/// How far the run has stepped back.
public enum Stage: Hashable, Sendable, Comparable {
    case normal
    /// Nothing more is started.
    case holding
    /// And the run has a smaller share of CPU and disks: 1/2 at level 1, 1/4 at level 2, 1/8 at level 3.
    case slowed(level: Int)
    /// And what may be frozen is.
    case frozen

    /// Of what the policy gives the run.
    public var share: Fraction {
        switch self {
        case .normal, .holding: Fraction(1)
        case .slowed(let level): Fraction(1 / Double(1 << level))
        case .frozen: Fraction(1 / Double(1 << Governor.lowestLevel))
        }
    }
}

/// The state machine behind `[protect]`.
///
/// Under pressure it climbs one stage at once and the next ones while the pressure does not fall; it comes back one stage
/// at a time, each after others were well for a while, and more slowly where coming back brought the pressure back.
public struct Governor: Sendable {
    /// A change of the stage.
    public struct Change: Hashable, Sendable {
        public var from: Stage
        public var to: Stage
        /// Who suffers, as a clause; of a way back, who did last.
        public var cause: String
    }

    /// Between two steps up: a stage needs a moment before its effect can be seen.
    public static let patience = Duration.seconds(3)
    /// Others are well where each figure is below this part of its threshold; between the two nothing changes.
    static let wellBelow = 0.7
    /// Pressure that falls to this part of itself within `patience` gets time to fall on; avg10 alone falls to 0.74 when
    /// nobody waits any more.
    static let falling = 0.85
    static let lowestLevel = 3
    /// A look that comes later than this after the one before says nothing of the time between: the machine slept, or the run
    /// was stopped.
    static let longestGap = Duration.seconds(10)
    /// The waits before a way back double each time that it was too early, this many times at most.
    static let longestBackoff = 3

    private var ladder: [Stage]
    private var resumeAfter: Duration
    private var rung = 0
    private var lastChange = Duration.zero
    /// When the pressure was last judged, and the worst ratio then.
    private var lastJudgement = Duration.zero
    private var lastRatio = 0.0
    private var wellSince: Duration?
    private var lastLook: Duration?
    private var lastDescent: Duration?
    private var backoff = 0
    private var cause = ""

    public init(action: Protection.Action, resumeAfter: Duration) {
        ladder = Self.ladder(action)
        self.resumeAfter = resumeAfter
    }

    private static func ladder(_ action: Protection.Action) -> [Stage] {
        let slow = (1...lowestLevel).map { Stage.slowed(level: $0) }
        return switch action {
        case .slow: [.normal, .holding] + slow
        case .freeze: [.normal, .holding, .frozen]
        case .slowThenFreeze: [.normal, .holding] + slow + [.frozen]
        }
    }

    public var stage: Stage { ladder[rung] }

    /// The policy has other stages, or another wait, from `now` on. A stage that there is no more becomes the next one that
    /// steps back less; how far to go is then seen as ever.
    /// - Returns: what changes.
    public mutating func revise(action: Protection.Action, resumeAfter: Duration, at now: Duration) -> Change? {
        let old = stage
        ladder = Self.ladder(action)
        self.resumeAfter = resumeAfter
        rung = ladder.lastIndex { $0 <= old } ?? 0
        guard stage != old else { return nil }
        lastChange = now
        return Change(from: old, to: stage, cause: cause)
    }

    /// Takes what others suffer at `now`, which never goes back.
    /// - Returns: what changes, at most one stage.
    public mutating func observe(_ strains: some Sequence<Strain>, at now: Duration) -> Change? {
        let worst = strains.max { $0.ratio < $1.ratio }
        let ratio = worst?.ratio ?? 0
        if let lastLook, now - lastLook > Self.longestGap { wellSince = nil }
        lastLook = now
        if ratio >= Self.wellBelow { wellSince = nil } else { wellSince = wellSince ?? now }
        if let worst, ratio >= 1 { return climb(worst, at: now) }
        return descend(at: now)
    }

    private mutating func climb(_ worst: Strain, at now: Duration) -> Change? {
        guard rung + 1 < ladder.count else { return nil }
        if rung > 0 {
            guard now - lastJudgement >= Self.patience else { return nil }
            let isFalling = worst.ratio < lastRatio * Self.falling
            (lastJudgement, lastRatio) = (now, worst.ratio)
            if isFalling { return nil }
        }
        (lastJudgement, lastRatio) = (now, worst.ratio)
        if let lastDescent { backoff = now - lastDescent < resumeAfter ? min(backoff + 1, Self.longestBackoff) : 0 }
        lastDescent = nil
        cause = worst.clause
        return move(to: rung + 1, at: now)
    }

    private mutating func descend(at now: Duration) -> Change? {
        guard rung > 0, let wellSince else { return nil }
        // After the first stage the next ones come faster: what others bear has been seen.
        let wait = resumeAfter * (1 << backoff) / (lastDescent == nil ? 1 : 3)
        guard now - max(wellSince, lastChange) >= wait else { return nil }
        lastDescent = now
        return move(to: rung - 1, at: now)
    }

    private mutating func move(to new: Int, at now: Duration) -> Change {
        let old = stage
        rung = new
        lastChange = now
        return Change(from: old, to: stage, cause: cause)
    }
}
