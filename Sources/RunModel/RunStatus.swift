// What a run in progress is doing, for whoever asks it.

import UpdateModel

/// One step of a run in progress.
public struct StepStatus: Hashable, Sendable {
    public enum State: String, Sendable, CaseIterable {
        case waiting, running
        /// Its processes stand still, since the run is paused or has stepped back.
        case frozen
        /// It was told to end.
        case stopping
        case ended
    }

    public var step: StepID
    public var state: State
    /// A commit: it is never frozen.
    public var isProtected: Bool
    /// For how long it runs, or ran; `nil`: it has not begun, or did not run.
    public var duration: Duration?
    /// 0…100: how much of it is done, by its own word.
    public var percent: Double?
    /// The step whose end it waits for.
    public var after: StepID?
    /// What it waits for else.
    public var waitsFor: WaitReason?
    /// Of one that has ended.
    public var outcome: Outcome?

    public init(_ step: StepID, _ state: State, isProtected: Bool = false) {
        self.step = step
        self.state = state
        self.isProtected = isProtected
    }
}

/// What a run in progress is doing.
public struct RunStatus: Hashable, Sendable {
    public enum State: String, Sendable, CaseIterable {
        /// It asks plugins, or its person.
        case preparing
        case running
        /// It was told to end, or every step has ended.
        case ending
    }

    /// Somebody has paused it.
    public struct Pause: Hashable, Sendable {
        /// The account.
        public var user: String
        public var duration: Duration

        public init(user: String, duration: Duration) {
            self.user = user
            self.duration = duration
        }
    }

    public var run: RunID
    /// Of the program.
    public var version: String
    public var processID: Int32
    public var user: String
    public var start: Timestamp
    public var policy: String
    public var state: State
    public var pause: Pause?
    /// `nil`: the run has never stepped back for others.
    public var throttle: Throttle?
    public var elapsed: Duration
    /// Until the last step is expected to end; `nil`: not known.
    public var remaining: Duration?
    /// In start order; empty before there is a plan.
    public var steps: [StepStatus] = []

    public init(
        run: RunID, version: String, processID: Int32, user: String, start: Timestamp, policy: String, state: State,
        elapsed: Duration
    ) {
        self.run = run
        self.version = version
        self.processID = processID
        self.user = user
        self.start = start
        self.policy = policy
        self.state = state
        self.elapsed = elapsed
    }
}

/// A run that is over, or that died.
public struct PastRun: Hashable, Sendable {
    public var run: RunID
    /// When its journal began.
    public var start: Timestamp?
    /// `nil`: it did not end by itself.
    public var end: RunEnd?
    /// What is known of one that died, as sentences without a full stop.
    public var remarks: [String]

    public init(run: RunID, start: Timestamp? = nil, end: RunEnd? = nil, remarks: [String] = []) {
        self.run = run
        self.start = start
        self.end = end
        self.remarks = remarks
    }
}
