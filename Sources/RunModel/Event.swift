// What happens in a run, as values. The contract's JSON form of them is made by `Interchange`.

import UpdateModel

public enum OutputStream: String, Sendable { case stdout, stderr }

/// Lines that a step printed, as one piece of memory. Each line has a `seq` of its own: the first is the event's.
public struct OutputLines: Hashable, Sendable {
    public var phase: Phase
    public var stream: OutputStream
    /// The bytes as they came, of all lines, without line ends.
    public var bytes: [UInt8]
    /// For each line the index behind its last byte in `bytes`.
    public var ends: [Int32]
    /// Indices into `ends` of pieces that a longer line was cut into (all but its last piece); nearly always empty.
    public var partial: [Int32]

    public init(phase: Phase, stream: OutputStream, bytes: [UInt8], ends: [Int32], partial: [Int32] = []) {
        self.phase = phase
        self.stream = stream
        self.bytes = bytes
        self.ends = ends
        self.partial = partial
    }

    public var count: Int { ends.count }

    /// The bytes of line `index`, 0 ..< `count`.
    public func line(_ index: Int) -> ArraySlice<UInt8> {
        bytes[(index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index])]
    }
}

public struct Progress: Hashable, Sendable {
    public var phase: Phase
    /// 0…100.
    public var percent: Double?
    public var message: String?
    public var bytesDownloaded: ByteCount?
    public var bytesTotal: ByteCount?
    public var itemsCompleted: Int64?
    public var itemsTotal: Int64?

    public init(phase: Phase) { self.phase = phase }

    /// How much is done, 0…1, by whichever of the figures tells; `nil` where none does.
    public var fraction: Double? {
        func ratio(_ part: Int64?, _ whole: Int64?) -> Double? {
            guard let part, let whole, whole > 0 else { return nil }
            return min(1, max(0, Double(part) / Double(whole)))
        }
        if let percent, percent.isFinite { return min(1, max(0, percent / 100)) }
        return ratio(bytesDownloaded?.bytes, bytesTotal?.bytes) ?? ratio(itemsCompleted, itemsTotal)
    }

    /// Takes what `newer` tells: an event tells only what changed.
    public mutating func merge(_ newer: Progress) {
        percent = newer.percent ?? percent
        bytesDownloaded = newer.bytesDownloaded ?? bytesDownloaded
        bytesTotal = newer.bytesTotal ?? bytesTotal
        itemsCompleted = newer.itemsCompleted ?? itemsCompleted
        itemsTotal = newer.itemsTotal ?? itemsTotal
    }
}

public struct UpdatedPackage: Hashable, Sendable {
    public var name: String
    public var from: String?
    public var to: String?

    public init(name: String, from: String?, to: String?) {
        self.name = name
        self.from = from
        self.to = to
    }
}

/// What a plugin reported to have changed.
public struct UpdateResult: Hashable, Sendable {
    public var packages: [UpdatedPackage] = []
    public var packagesUpdated: Int64 = 0
    public var held: [String] = []
    /// Services to restart.
    public var restart: [String] = []
    public var rebootRequired = false

    public init() {}
}

/// What a step waits for before it starts.
public enum WaitReason: Hashable, Sendable {
    case mutex(String)
    case memory
    case cpu
    case downloads
    /// A slot of `parallel`.
    case parallel
    /// A mutex that another run on this machine holds; the text says who.
    case otherRun(mutex: String, holder: String)
    /// A file that another program has locked; the text says which: `pid 123 (apt-get)`.
    case lockedFile(path: String, holder: String)
    /// The run has stepped back for others, and starts nothing.
    case pressure
    /// Somebody has paused the run.
    case pause
    /// For a later run: it would not start, or not end, within the policy's window.
    case window
}

extension WaitReason {
    /// - Parameter name: of a mutex, or the path of a file; no mutex's name begins with a slash.
    public init(foreignLock name: String, holder: String) {
        self = name.hasPrefix("/") ? .lockedFile(path: name, holder: holder) : .otherRun(mutex: name, holder: holder)
    }
}

public struct RunStart: Hashable, Sendable {
    public var version: String
    public var host: String
    public var user: String
    public var policy: String
    /// SHA-256 of the merged policy, hexadecimal.
    public var policyHash: String
    public var plugins: [PluginName]
    public var enforcement: Enforcement

    public init(
        version: String, host: String, user: String, policy: String, policyHash: String, plugins: [PluginName],
        enforcement: Enforcement
    ) {
        self.version = version
        self.host = host
        self.user = user
        self.policy = policy
        self.policyHash = policyHash
        self.plugins = plugins
        self.enforcement = enforcement
    }
}

public struct PhaseStart: Hashable, Sendable {
    public var phase: Phase
    /// Path below the mount point; `nil` where the step has no group.
    public var cgroup: String?
    /// Control file → value as read back.
    public var limits: [ControlWrite]
    public var runAs: String
    /// Names in the bounding set, where the step runs as root.
    public var capabilities: [String]
    public var isProtected: Bool

    public init(
        phase: Phase, cgroup: String?, limits: [ControlWrite], runAs: String, capabilities: [String], isProtected: Bool
    ) {
        self.phase = phase
        self.cgroup = cgroup
        self.limits = limits
        self.runAs = runAs
        self.capabilities = capabilities
        self.isProtected = isProtected
    }
}

public struct PhaseEnd: Hashable, Sendable {
    public var phase: Phase
    public var outcome: Outcome
    /// `nil` where it did not run or a signal ended it; −1 after a timeout.
    public var exitCode: Int32?
    public var signal: Int32?
    /// What went wrong and what to do, as a sentence.
    public var error: String?
    /// `nil` where it did not run.
    public var metrics: Metrics?

    public init(
        phase: Phase, outcome: Outcome, exitCode: Int32? = nil, signal: Int32? = nil, error: String? = nil,
        metrics: Metrics? = nil
    ) {
        self.phase = phase
        self.outcome = outcome
        self.exitCode = exitCode
        self.signal = signal
        self.error = error
        self.metrics = metrics
    }
}

/// Why a running step was told to end.
public enum StopCause: Hashable, Sendable {
    /// Ctrl-C or a signal to update-all.
    case cancelled(signal: Int32)
    case timedOut(after: Duration)
    /// Its log could not be written.
    case logFailed
}

/// The run has stepped back for the sake of others, or comes back.
public struct Throttle: Hashable, Sendable {
    public enum State: String, Sendable, CaseIterable {
        case normal
        /// Nothing is started, and where `share` is below 1 the run has that part of its CPU time and disk bandwidth.
        case slowed
        /// What may be frozen is.
        case frozen
    }

    public var state: State
    /// Of what the policy gives the run.
    public var share: Fraction
    /// Who suffers, or did, as a clause: `postgresql.service waits for I/O (PSI 23 %)`.
    public var cause: String

    public init(state: State, share: Fraction, cause: String) {
        self.state = state
        self.share = share
        self.cause = cause
    }
}

/// Somebody's word to a run in progress, which it obeys.
public struct Intervention: Hashable, Sendable {
    public enum Action: String, Sendable, CaseIterable {
        /// Nothing is started, and what may be frozen is.
        case pause
        case resume
        case cancel
        /// A value of the policy is another from now on.
        case set
    }

    /// A value of the policy that is another from now on.
    public struct Change: Hashable, Sendable {
        /// As `--set` takes it: `run.parallel`.
        public var key: String
        /// As TOML.
        public var value: String
        /// `nil`: there was none.
        public var previous: String?

        public init(key: String, value: String, previous: String?) {
            self.key = key
            self.value = value
            self.previous = previous
        }

        /// `run.parallel = 1 (was 3)`.
        public var phrase: String { "\(key) = \(value)" + (previous.map { " (was \($0))" } ?? "") }
    }

    public var action: Action
    /// Of `set`.
    public var changes: [Change]
    /// The account; `nil`: nobody's word, a paused run goes on since it is to end.
    public var user: String?

    public init(_ action: Action, by user: String?, changes: [Change] = []) {
        self.action = action
        self.changes = changes
        self.user = user
    }
}

/// A running step was told to end; a protected one is then waited for.
public struct Stopping: Hashable, Sendable {
    public var phase: Phase
    public var cause: StopCause
    /// The signal it was sent; `nil`: none, it is only waited for.
    public var signal: Int32?
    /// When it is killed if it has not ended; `nil`: never, it is a commit.
    public var killAfter: Duration?

    public init(phase: Phase, cause: StopCause, signal: Int32?, killAfter: Duration?) {
        self.phase = phase
        self.cause = cause
        self.signal = signal
        self.killAfter = killAfter
    }
}

/// How a plugin ended: exactly one for each plugin.
public struct Completion: Hashable, Sendable {
    public var outcome: Outcome
    public var exitCode: Int32?
    public var packagesUpdated: Int64
    public var error: String?

    public init(outcome: Outcome, exitCode: Int32? = nil, packagesUpdated: Int64 = 0, error: String? = nil) {
        self.outcome = outcome
        self.exitCode = exitCode
        self.packagesUpdated = packagesUpdated
        self.error = error
    }
}

public struct RunEnd: Hashable, Sendable {
    public var success: Bool
    /// Plugins by outcome.
    public var counts: [Outcome: Int]
    public var metrics: Metrics

    public init(success: Bool, counts: [Outcome: Int], metrics: Metrics) {
        self.success = success
        self.counts = counts
        self.metrics = metrics
    }
}

/// Output that a slow reader did not get; the step's log has it.
public struct Dropped: Hashable, Sendable {
    public var phase: Phase
    public var count: Int
    public var firstSeq: UInt64
    public var lastSeq: UInt64

    public init(phase: Phase, count: Int, firstSeq: UInt64, lastSeq: UInt64) {
        self.phase = phase
        self.count = count
        self.firstSeq = firstSeq
        self.lastSeq = lastSeq
    }
}

public struct Event: Hashable, Sendable {
    public enum Body: Hashable, Sendable {
        case runStart(RunStart)
        case plan(Plan)
        case phaseStart(PhaseStart)
        case output(OutputLines)
        case progress(Progress)
        case dropped(Dropped)
        case result(UpdateResult)
        case limit(LimitDeviation)
        /// The duration is from now until the step gives up, where others hold what it waits for.
        case waiting(Phase, WaitReason, givesUpAfter: Duration? = nil)
        case throttle(Throttle)
        case control(Intervention)
        case stopping(Stopping)
        case phaseEnd(PhaseEnd)
        case completion(Completion)
        case runEnd(RunEnd)
        /// Not about one step.
        case error(String)
    }

    /// Rising from 1; a batch of output takes as many as it has lines. 0 for `dropped`, which has none.
    public var seq: UInt64
    public var timestamp: Timestamp
    public var plugin: PluginName?
    public var body: Body

    public init(seq: UInt64, timestamp: Timestamp, plugin: PluginName?, body: Body) {
        self.seq = seq
        self.timestamp = timestamp
        self.plugin = plugin
        self.body = body
    }

    /// State events are never dropped on the way to a reader.
    public var isState: Bool {
        switch body {
        case .output, .progress, .dropped: false
        default: true
        }
    }
}
