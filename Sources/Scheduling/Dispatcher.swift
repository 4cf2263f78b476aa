// Decides what starts when. It runs nothing and has no clock: told what happened and when, it answers what to do. A run
// drives it with real ends of steps, planning with the predicted ones (`Schedule`), so the two cannot disagree.

import RunModel

/// The state of a run of a problem. Each event is a method; each returns what the caller must do, in this order.
///
/// Times are seconds since the run's start and never go back.
public struct Dispatcher: Sendable {
    public enum Action: Hashable, Sendable {
        /// Start it now. It holds all that it needs until the caller reports its end, or that it could not start.
        case start(JobIndex)
        /// It ended without having run.
        case end(JobIndex, Outcome, EndReason)
        /// It could start but for this. Said once for each thing in the way.
        case waiting(JobIndex, Obstacle)
        /// Every job has ended. Said once, last.
        case finished
    }

    /// Why a job ended without having run.
    public enum EndReason: Hashable, Sendable {
        /// The job that it requires, directly, ended without success.
        case requirement(JobIndex)
        /// A job failed and the run was to end then.
        case failFast(JobIndex)
        case cancelled
        /// Nothing more is started by now.
        case timeIsOver
        /// The caller gave it up.
        case givenUp
    }

    /// What keeps a job from starting whose predecessors have all ended.
    public enum Obstacle: Hashable, Sendable {
        /// A mutex that `holder` holds, or has reserved for its turn.
        case mutex(String, holder: JobIndex)
        /// Too little is free of a capacity, or what is free is reserved for the turn of a more urgent job.
        case capacity(String)
        /// A lock that somebody outside of the run holds; the text says who.
        case foreignLock(String, holder: String)
        /// The caller holds everything back.
        case hold
    }

    /// How a job that was started ended.
    public struct End: Hashable, Sendable {
        public var job: JobIndex
        public var outcome: Outcome

        public init(_ job: JobIndex, _ outcome: Outcome) {
            self.job = job
            self.outcome = outcome
        }
    }

    enum State: Hashable, Sendable {
        /// Predecessors have not ended.
        case pending
        /// Nothing but resources is in the way.
        case waiting
        /// Waits for a lock that somebody outside of the run holds.
        case shelved
        case running
        case ended
    }

    /// A lock that somebody outside of the run holds, and the jobs shelved for it.
    struct ForeignLock: Sendable {
        var holder: String
        var jobs: [JobIndex] = []
    }

    private(set) var problem: Problem
    let order: PriorityOrder
    private let failFast: Bool
    /// Planning needs no `waiting` actions; for a run they cost a look at each waiting job.
    let reportsWaiting: Bool
    private(set) var states: [State]
    /// Predecessors that have not ended.
    private(set) var remaining: [Int32]
    private(set) var resources: Resources
    var waiting: WaitingJobs
    private(set) var running: RunningJobs
    /// The turn of the most urgent waiting job.
    var reservation: Reservation?
    private(set) var unfinished: Int
    /// By name; of a mutex as the problem spells it.
    private(set) var foreignLocks: [String: ForeignLock] = [:]
    /// With what jobs end that would have to wait again; set once the waiting ones were ended.
    private var closing: (outcome: Outcome, reason: EndReason, endsFinal: Bool)?
    private var hasBegun = false
    /// Jobs may still hold what there is no more.
    private(set) var capacitiesWereLowered = false
    /// Nothing is to be started for now.
    private(set) var isHeld = false
    /// For each waiting job what it was last reported to wait for.
    var reported: [Hurdle?]
    var saidFinished = false
    var roundCount = 0

    /// - Parameters:
    ///   - order: who goes first; by the longest remaining path where it is `nil`.
    ///   - failFast: whether the first failure ends all jobs that wait, as `skipped`.
    public init(
        _ problem: Problem, order: PriorityOrder? = nil, failFast: Bool = false, reportsWaiting: Bool = true
    ) {
        self.problem = problem
        self.order = order ?? .longestRemainingPath(of: problem)
        self.failFast = failFast
        self.reportsWaiting = reportsWaiting
        states = Array(repeating: .pending, count: problem.jobCount)
        remaining = (0..<problem.jobCount).map { Int32(problem.predecessors.range(of: $0).count) }
        resources = Resources(problem)
        waiting = WaitingJobs(problem, order: self.order)
        running = RunningJobs(jobCount: problem.jobCount)
        unfinished = problem.jobCount
        reported = Array(repeating: nil, count: reportsWaiting ? problem.jobCount : 0)
    }

    // MARK: Events

    /// The run begins. Called once, and nothing but `hold` and `goOn` before it.
    public mutating func start(now: Double) -> [Action] {
        hasBegun = true
        var actions: [Action] = []
        for job in order.jobs where remaining[job.position] == 0 { becomeWaiting(job) }
        finishRound(now: now, &actions)
        return actions
    }

    /// Jobs that were started have ended, as seen at one instant.
    public mutating func ended(_ ends: [End], now: Double) -> [Action] {
        var actions: [Action] = []
        for end in ends {
            stopRunning(end.job, now: now)
            states[end.job.position] = .ended
            unfinished -= 1
            release(behind: end.job, end.outcome, &actions)
        }
        if failFast, closing == nil, let first = ends.first(where: { $0.outcome.isFailure }) {
            endAllWaiting(.skipped, .failFast(first.job), endsFinal: false, &actions)
        }
        finishRound(now: now, &actions)
        return actions
    }

    /// A job that was started has ended, and is to be tried once more with at least `amounts`, or with all there is of
    /// them. It gives back all that it has, and waits for its turn like every other.
    ///
    /// Not where nothing more is to be started (`startsMore`): it is to be reported as ended then.
    public mutating func retry(_ job: JobIndex, taking amounts: [NamedAmount], now: Double) -> [Action] {
        precondition(startsMore, "nothing more is to be started")
        var actions: [Action] = []
        stopRunning(job, now: now)
        reservation = nil
        problem.raiseDemand(of: job, to: amounts)
        becomeWaiting(job)
        finishRound(now: now, &actions)
        return actions
    }

    /// The caller could not start `job`: somebody outside of the run holds `lock`, a mutex or a file. The job gives
    /// back what it took, and waits until `lock` is reported free. Jobs that need a mutex of this name wait too, until
    /// then; so the caller must keep asking for it even after the last job that met it was given up.
    public mutating func startBlocked(
        _ job: JobIndex, by lock: String, holder: String, now: Double
    ) -> [Action] {
        var actions: [Action] = []
        stopRunning(job, now: now)
        reservation = nil
        let mutex = problem.mutexes.index(of: lock)
        let name = mutex.map { problem.mutexes.names[Int($0)] } ?? lock
        foreignLocks[name, default: ForeignLock(holder: holder)].holder = holder
        if let mutex { resources.setForeign(mutex, true) }
        if let closing, closing.endsFinal || !problem.finalJobs.contains(job) {
            end(job, closing.outcome, closing.reason, &actions)
        } else {
            shelve(job, behind: name, &actions)
        }
        finishRound(now: now, &actions)
        return actions
    }

    /// Nobody outside of the run holds `lock` any more.
    public mutating func foreignLockReleased(_ lock: String, now: Double) -> [Action] {
        var actions: [Action] = []
        reservation = nil
        let mutex = problem.mutexes.index(of: lock)
        let released = foreignLocks.removeValue(forKey: mutex.map { problem.mutexes.names[Int($0)] } ?? lock)
        for job in released?.jobs ?? [] where states[job.position] == .shelved {
            // Should somebody else take it first, that is another wait.
            if reportsWaiting { reported[job.position] = nil }
            becomeWaiting(job)
        }
        if let mutex {
            resources.setForeign(mutex, false)
            waiting.openQueue(of: mutex)
        }
        finishRound(now: now, &actions)
        return actions
    }

    /// The caller gives up a job that does not run, with `outcome`: it waited too long, say. Nothing happens if it runs
    /// or has ended.
    public mutating func giveUp(_ job: JobIndex, as outcome: Outcome, now: Double) -> [Action] {
        var actions: [Action] = []
        guard ![.running, .ended].contains(states[job.position]) else { return actions }
        end(job, outcome, .givenUp, &actions)
        finishRound(now: now, &actions)
        return actions
    }

    /// Starts nothing more, until it is let go on. What runs goes on.
    public mutating func hold(now: Double) -> [Action] {
        isHeld = true
        reservation = nil
        var actions: [Action] = []
        if hasBegun { finishRound(now: now, &actions) }
        return actions
    }

    /// Starts again what can start.
    public mutating func goOn(now: Double) -> [Action] {
        isHeld = false
        var actions: [Action] = []
        if hasBegun { finishRound(now: now, &actions) }
        return actions
    }

    /// There is `amount` of a capacity from now on, but never less than the job needs that needs most of those to come: it
    /// could never start. What runs keeps what it has.
    /// - Returns: how much there is; `nil` in place of it where there is no such capacity.
    public mutating func setCapacity(
        _ name: String, to amount: Double, now: Double
    ) -> (amount: Double?, actions: [Action]) {
        guard let index = problem.capacities.firstIndex(where: { $0.name == name }) else { return (nil, []) }
        let capacity = problem.capacities[index]
        let needed =
            problem.jobs.filter { ![.running, .ended].contains(states[$0.position]) }
            .compactMap { job in problem.shares[job.position].first { Int($0.capacity) == index }?.units }.max() ?? 0
        let units = max(capacity.units(of: amount), needed)
        if units < resources.units[index] { capacitiesWereLowered = true }
        resources.setUnits(units, of: index)
        reservation = nil
        var actions: [Action] = []
        if hasBegun { finishRound(now: now, &actions) }
        return (Double(units) / capacity.scale, actions)
    }

    /// Ends all jobs that do not run, as `cancelled`. Those that run are waited for.
    /// - Parameter endsFinal: the final ones as well; else they run when their turn comes.
    public mutating func cancelWaiting(endsFinal: Bool = false, now: Double) -> [Action] {
        var actions: [Action] = []
        endAllWaiting(.cancelled, .cancelled, endsFinal: endsFinal, &actions)
        finishRound(now: now, &actions)
        return actions
    }

    /// Ends all jobs that do not run, as `deferred`: the time for starting them is over. May come before `start`, and
    /// then in its place. Those that run are waited for.
    /// - Parameter endsFinal: the final ones as well; else they run when their turn comes.
    public mutating func deferWaiting(endsFinal: Bool = false, now: Double) -> [Action] {
        var actions: [Action] = []
        endAllWaiting(.deferred, .timeIsOver, endsFinal: endsFinal, &actions)
        finishRound(now: now, &actions)
        return actions
    }

    // MARK: What drivers ask

    /// The running jobs that are expected to end next, all at the same instant; `nil` while nothing runs.
    public func nextExpectedEnds() -> (time: Double, jobs: [JobIndex])? {
        guard let first = running.first else { return nil }
        var jobs: [JobIndex] = []
        running.visitInOrder(limit: running.count) { entry in
            guard entry.end == first.end else { return false }
            jobs.append(entry.job)
            return true
        }
        return (first.end, jobs)
    }

    /// Whether jobs that wait still have their turn: not after a cancellation or a failure that ends the run.
    public var startsMore: Bool { closing == nil }

    /// Whether every job has ended.
    public var isFinished: Bool { unfinished == 0 }

    // MARK: How jobs change state

    private mutating func becomeWaiting(_ job: JobIndex) {
        states[job.position] = .waiting
        waiting.insert(job)
    }

    mutating func startRunning(_ job: JobIndex, now: Double, _ actions: inout [Action]) {
        if reservation?.job == job {
            reservation = nil
        } else {
            reservation?.pass(job, in: problem, now: now)
        }
        waiting.remove(job)
        resources.take(for: job, in: problem)
        running.insert(job, end: now + problem.durations[job.position])
        states[job.position] = .running
        if reportsWaiting { reported[job.position] = nil }
        actions.append(.start(job))
    }

    private mutating func stopRunning(_ job: JobIndex, now: Double) {
        precondition(states[job.position] == .running, "\(problem.id(of: job)) does not run")
        // A turn was computed from the expected ends; one that came otherwise moves it.
        if running.expectedEnd(of: job) != now { reservation = nil }
        running.remove(job)
        resources.giveBack(from: job, in: problem, now: now)
        for mutex in problem.held[job.position] { waiting.openQueue(of: mutex) }
    }

    /// Sets aside a job until `lock`, which somebody outside of the run holds, is free: nobody knows when that is, so
    /// it can reserve no turn.
    mutating func shelve(_ job: JobIndex, behind lock: String, _ actions: inout [Action]) {
        if waiting.contains(job) { waiting.remove(job) }
        states[job.position] = .shelved
        foreignLocks[lock]?.jobs.append(job)
        guard reportsWaiting, let holder = foreignLocks[lock]?.holder else { return }
        let hurdle = problem.mutexes.index(of: lock).map { Hurdle.foreignMutex($0) }
        if let hurdle, hurdle == reported[job.position] { return }
        reported[job.position] = hurdle
        actions.append(.waiting(job, .foreignLock(lock, holder: holder)))
    }

    /// Ends a job that does not run, and what requires it.
    private mutating func end(
        _ job: JobIndex, _ outcome: Outcome, _ reason: EndReason, _ actions: inout [Action]
    ) {
        markEnded(job, outcome, reason, &actions)
        release(behind: job, outcome, &actions)
    }

    private mutating func markEnded(
        _ job: JobIndex, _ outcome: Outcome, _ reason: EndReason, _ actions: inout [Action]
    ) {
        if waiting.contains(job) { waiting.remove(job) }
        if reservation?.job == job { reservation = nil }
        states[job.position] = .ended
        unfinished -= 1
        actions.append(.end(job, outcome, reason))
    }

    /// `job` has ended: what comes after it has one predecessor less, and what requires it goes on or ends too.
    private mutating func release(behind job: JobIndex, _ outcome: Outcome, _ actions: inout [Action]) {
        var ended = [End(job, outcome)]
        while let end = ended.popLast() {
            for index in problem.successors.range(of: end.job.position) {
                let edge = problem.successors.elements[index]
                remaining[edge.job.position] -= 1
                guard states[edge.job.position] == .pending else { continue }
                if edge.kind == .requires, let inherited = end.outcome.ofWhatRequiresIt {
                    markEnded(edge.job, inherited, .requirement(end.job), &actions)
                    ended.append(End(edge.job, inherited))
                } else if remaining[edge.job.position] == 0 {
                    becomeWaiting(edge.job)
                }
            }
        }
    }

    private mutating func endAllWaiting(
        _ outcome: Outcome, _ reason: EndReason, endsFinal: Bool, _ actions: inout [Action]
    ) {
        closing = (outcome, reason, endsFinal)
        for job in problem.jobs where ![.running, .ended].contains(states[job.position]) {
            if !endsFinal, problem.finalJobs.contains(job) { continue }
            markEnded(job, outcome, reason, &actions)
            for edge in problem.successors[job.position] { remaining[edge.job.position] -= 1 }
        }
        for job in problem.finalJobs where states[job.position] == .pending && remaining[job.position] == 0 {
            becomeWaiting(job)
        }
    }
}
