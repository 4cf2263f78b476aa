// A plan of a problem: the dispatcher, driven by the predicted ends of its jobs.

import UpdateModel

/// When each job is expected to start, and what it waits for until then.
public struct Schedule: Sendable {
    /// What a start waited for last.
    public enum Cause: Hashable, Sendable {
        case predecessor(JobIndex, EdgeKind)
        /// `holder` gave it back.
        case mutex(String, holder: JobIndex)
        /// `holder` gave some of it back.
        case capacity(String, holder: JobIndex)
        /// Until the end of `after` it would have delayed a more urgent job that did not fit.
        case turn(after: JobIndex)

        /// The job at whose end the start came.
        public var job: JobIndex {
            switch self {
            case .predecessor(let job, _), .mutex(_, let job), .capacity(_, let job), .turn(let job): job
            }
        }
    }

    public struct Entry: Hashable, Sendable {
        public let job: JobIndex
        /// Seconds after the run's start.
        public let start: Double
        public let finish: Double
        /// Number of the start instant: jobs of one wave start together.
        public let wave: Int
        /// `nil` where it starts at once.
        public let cause: Cause?
    }

    /// In start order; among those that start together the most urgent first.
    public let entries: [Entry]
    /// Seconds from the first start to the last end.
    public let makespan: Double
    /// The chain of jobs that makes the makespan what it is: each starts the moment the one before it ends, since it
    /// waited for it, be it as a predecessor or for a mutex or capacity. The run ends sooner only if one of them does.
    public let criticalPath: [JobIndex]

    /// - Parameter order: who goes first; by the longest remaining path where it is `nil`.
    public init(of problem: Problem, order: PriorityOrder? = nil) {
        var dispatcher = Dispatcher(problem, order: order, reportsWaiting: false)
        var entries: [Entry] = []
        entries.reserveCapacity(problem.jobCount)
        var finishes = [Double](repeating: 0, count: problem.jobCount)
        var wave = 0
        var now = 0.0
        var lastEnded: JobIndex?
        var actions = dispatcher.start(now: now)
        while true {
            for case .start(let job) in actions {
                if let last = entries.last, last.start < now { wave += 1 }
                let finish = now + problem.duration(of: job)
                finishes[job.position] = finish
                let cause = lastEnded.map { last in
                    Self.cause(of: job, at: now, dispatcher, finishes) ?? .turn(after: last)
                }
                entries.append(Entry(job: job, start: now, finish: finish, wave: wave, cause: cause))
            }
            guard let next = dispatcher.nextExpectedEnds() else { break }
            now = next.time
            lastEnded = next.jobs.last
            actions = dispatcher.ended(next.jobs.map { Dispatcher.End($0, .succeeded) }, now: now)
        }
        self.entries = entries
        makespan = finishes.max() ?? 0
        criticalPath = Self.criticalPath(entries, jobCount: problem.jobCount)
    }

    /// What `job`, which starts now, was lacking until now. A predecessor goes before resources, a requirement before
    /// mere order, and then the first name.
    private static func cause(
        of job: JobIndex, at now: Double, _ dispatcher: Dispatcher, _ finishes: [Double]
    ) -> Cause? {
        let problem = dispatcher.problem
        let last = problem.predecessors(of: job).filter { finishes[$0.job.position] == now }
            .min { left, right in
                if left.kind != right.kind { return left.kind == .requires }
                return problem.id(of: left.job) < problem.id(of: right.job)
            }
        if let last { return .predecessor(last.job, last.kind) }
        switch dispatcher.resources.releaseThatFreed(job, in: problem, now: now) {
        case (.mutex(let mutex), let holder)?:
            return .mutex(problem.mutexes.names[Int(mutex)], holder: holder)
        case (.capacity(let capacity), let holder)?:
            return .capacity(problem.capacities[Int(capacity)].name, holder: holder)
        case nil: return nil
        }
    }

    /// From the job that ends last (the first of them to start) back along what each start waited for.
    private static func criticalPath(_ entries: [Entry], jobCount: Int) -> [JobIndex] {
        var entryOfJob = [Int32](repeating: 0, count: jobCount)
        for (position, entry) in entries.enumerated() { entryOfJob[entry.job.position] = Int32(position) }
        var path: [JobIndex] = []
        var current = entries.max { $0.finish < $1.finish }
        while let entry = current {
            path.append(entry.job)
            current = entry.cause.map { entries[Int(entryOfJob[$0.job.position])] }
        }
        return path.reversed()
    }
}
