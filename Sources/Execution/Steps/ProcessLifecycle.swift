// What is done to a running process, when: the table of docs/states.md as a value. It knows no process and no clock;
// who drives it tells it what happened and does what it answers.

import RunModel
import UpdateModel

/// How a process ended, by its own account.
struct ProcessExit: Hashable, Sendable {
    /// Exit code, or the signal's number.
    var status: Int32
    var isSignal: Bool
}

/// The life of one supervised process and of all that it started.
struct ProcessLifecycle {
    /// What holds for this process.
    struct Rules: Hashable, Sendable {
        /// A commit: never killed, only waited for.
        var isProtected: Bool
        /// What its main process takes as 'finish what you are at, then stop'; `nil`: it is sent nothing.
        var stopSignal: Int32?
        /// Between the signal and the kill.
        var stopGrace: Duration
        var timeout: Duration?
        var leftovers: Leftovers
    }

    enum Action: Hashable, Sendable {
        case signalMain(Int32)
        case signalAll(Int32)
        /// All at once, and nothing may escape.
        case killAll
        /// Say that it was told to end, and what comes next.
        case announce(StopCause, signal: Int32?, killAfter: Duration?)
        /// It is a commit: it goes on beyond its time.
        case reportOverdue(Duration)
        case wake(at: Duration)
        /// Look which processes are left and answer with `leftoversSeen`.
        case inspectLeftovers
        /// Answer with `leftoversSeen` whenever that may have changed, at least when the last one is gone.
        case watchLeftovers
        /// Read no more output.
        case closeOutput
        case finish(End)
    }

    /// How it all ended.
    struct End: Hashable, Sendable {
        var exit: ProcessExit
        /// Why it was told to end, if it was before it ended by itself.
        var cause: StopCause?
        /// Processes that were still there when the main process had ended.
        var leftovers: [Int32]
        /// Whether those are gone now.
        var leftoversRemain: Bool
    }

    private enum State {
        case running
        /// The main process has ended, of itself or for a cause; its output, or its processes, may not have.
        case windingUp(ProcessExit, because: StopCause?)
        case ended
    }

    /// Output of processes that outlive the main process is read so long.
    static let outputGrace = Duration.seconds(2)
    /// What was killed must be gone after this; a process in an uninterruptible wait can stay longer.
    static let killLimit = Duration.seconds(10)

    private let rules: Rules
    private var state = State.running
    private var cause: StopCause?
    private var timeoutAt: Duration?
    private var frozenSince: Duration?
    private var killAt: Duration?
    private var graceBegan = Duration.zero
    private var hasKilled = false
    private var killedAt: Duration?
    private var outputEnded = false
    private var outputClosed = false
    private var outputCloseAt: Duration?
    private var leftovers: [Int32]?
    private var isWatching = false
    private var leftoversAtExit: [Int32] = []

    init(rules: Rules) { self.rules = rules }

    var hasEnded: Bool { if case .ended = state { true } else { false } }

    mutating func started(at now: Duration) -> [Action] {
        guard let timeout = rules.timeout else { return [] }
        timeoutAt = now + timeout
        return [.wake(at: now + timeout)]
    }

    /// Somebody wants it to end. `isUrgent`: the second Ctrl-C.
    mutating func stopRequested(_ cause: StopCause, isUrgent: Bool, at now: Duration) -> [Action] {
        guard !hasEnded else { return [] }
        if rules.isProtected {
            guard self.cause == nil else { return [] }
            self.cause = cause
            guard case .running = state else { return [] }
            let signal = rules.stopSignal.map { [Action.signalMain($0)] } ?? []
            return signal + [.announce(cause, signal: rules.stopSignal, killAfter: nil)]
        }
        if isUrgent || hasKilled {
            self.cause = self.cause ?? cause
            return hasKilled ? [] : kill(at: now)
        }
        guard self.cause == nil else { return [] }
        self.cause = cause
        killAt = now + rules.stopGrace
        graceBegan = now
        let signal = rules.stopSignal ?? SignalNumber.terminate
        return [
            .signalAll(signal), .announce(cause, signal: signal, killAfter: rules.stopGrace),
            .wake(at: now + rules.stopGrace),
        ]
    }

    /// Its processes were stopped where they stood: that time counts neither for its timeout nor for its grace.
    mutating func frozen(at now: Duration) { frozenSince = frozenSince ?? now }

    mutating func thawed(at now: Duration) -> [Action] {
        guard let since = frozenSince else { return [] }
        frozenSince = nil
        timeoutAt = timeoutAt.map { $0 + (now - since) }
        killAt = killAt.map { $0 + (now - max(since, graceBegan)) }
        return [timeoutAt, killAt].compactMap { $0.map { .wake(at: $0) } }
    }

    mutating func mainExited(_ exit: ProcessExit, at now: Duration) -> [Action] {
        guard case .running = state else { return [] }
        // What it is told from now on is about what it left behind, and no cause of its end.
        state = .windingUp(exit, because: cause)
        timeoutAt = nil
        outputCloseAt = now + Self.outputGrace
        return [.inspectLeftovers]
    }

    /// Where nobody is left who could write, what comes is what was in the pipe, and its end is near: it is not cut off.
    /// Output of processes that stay does not prolong anything.
    mutating func outputArrived(at now: Duration) {
        if case .windingUp = state, leftovers?.isEmpty == true { outputCloseAt = now + Self.outputGrace }
    }

    mutating func outputsEnded(at now: Duration) -> [Action] {
        outputEnded = true
        return windUp(at: now)
    }

    mutating func leftoversSeen(_ processes: [Int32], at now: Duration) -> [Action] {
        guard case .windingUp = state else { return [] }
        if leftovers == nil { leftoversAtExit = processes }
        leftovers = processes
        return windUp(at: now)
    }

    mutating func timePassed(at now: Duration) -> [Action] {
        guard !hasEnded else { return [] }
        var actions: [Action] = []
        if frozenSince == nil, let at = timeoutAt, now >= at, let timeout = rules.timeout {
            timeoutAt = nil
            if rules.isProtected {
                actions.append(.reportOverdue(timeout))
            } else {
                actions += stopRequested(.timedOut(after: timeout), isUrgent: false, at: now)
            }
        }
        if frozenSince == nil, let at = killAt, now >= at, !hasKilled { actions += kill(at: now) }
        if case .running = state, let killedAt, now >= killedAt + Self.killLimit {
            // An uninterruptible wait, on a hung disk say: the run must not wait with it.
            actions += mainExited(ProcessExit(status: SignalNumber.kill, isSignal: true), at: now)
        }
        return actions + windUp(at: now)
    }

    private mutating func kill(at now: Duration) -> [Action] {
        hasKilled = true
        killedAt = now
        killAt = nil
        return [.killAll, .wake(at: now + Self.killLimit)]
    }

    /// After the main process's end: output to its end or its grace, then what is left by the policy, then the end.
    private mutating func windUp(at now: Duration) -> [Action] {
        guard case .windingUp(let exit, let cause) = state, let leftovers else { return [] }
        var actions: [Action] = []
        if !leftovers.isEmpty {
            if let killedAt, now >= killedAt + Self.killLimit {
                return finish(exit, cause, remain: true)
            }
            // Killed, they are as good as gone; told to end, they have the rest of the grace to put things in order.
            if hasKilled || (self.cause != nil && !rules.isProtected) { return watch() }
        }
        if !outputEnded, !outputClosed {
            // Nobody is left who could write: what is in the pipe is read without waiting.
            guard let closeAt = outputCloseAt, now >= closeAt else {
                return outputCloseAt.map { [.wake(at: $0)] } ?? []
            }
            outputClosed = true
            actions.append(.closeOutput)
        }
        if !leftovers.isEmpty, !rules.isProtected, rules.leftovers == .kill {
            return actions + kill(at: now) + watch()
        }
        return actions + finish(exit, cause, remain: !leftovers.isEmpty)
    }

    private mutating func watch() -> [Action] {
        defer { isWatching = true }
        return isWatching ? [] : [.watchLeftovers]
    }

    private mutating func finish(_ exit: ProcessExit, _ cause: StopCause?, remain: Bool) -> [Action] {
        state = .ended
        var actions: [Action] = []
        if !outputEnded, !outputClosed { actions.append(.closeOutput) }
        let end = End(exit: exit, cause: cause, leftovers: leftoversAtExit, leftoversRemain: remain)
        return actions + [.finish(end)]
    }
}

/// Signals that the rules name, as Linux numbers them on every architecture that Swift runs on.
enum SignalNumber {
    static let interrupt: Int32 = 2
    static let kill: Int32 = 9
    static let terminate: Int32 = 15
}
