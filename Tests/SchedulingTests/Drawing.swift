import Scheduling
import UpdateModel

extension JobDescription {
    /// A job as the tests write it: `.job("b", 3, after: ["a"], holds: ["m"], needs: ["R": 1])`.
    static func job(
        _ id: String, _ duration: Double, after: [String] = [], requires: [String] = [], holds: [String] = [],
        free: [String] = [], needs: KeyValuePairs<String, Double> = [:], isFinal: Bool = false
    ) -> JobDescription {
        JobDescription(
            id: id, duration: duration, predecessors: after.map { ($0, .after) } + requires.map { ($0, .requires) },
            mutexes: holds, freeMutexes: free, demand: needs.map { NamedAmount($0, $1) }, isFinal: isFinal)
    }
}

func makeProblem(
    _ capacities: KeyValuePairs<String, Double> = [:], _ jobs: JobDescription...
) throws(ProblemError) -> Problem {
    var builder = ProblemBuilder()
    for (name, amount) in capacities { try builder.add(capacity: name, amount) }
    for job in jobs { try builder.add(job) }
    return try builder.build()
}

extension Problem {
    func job(_ id: String) -> JobIndex {
        guard let job = jobs.first(where: { self.id(of: $0) == id }) else { fatalError("no job \(id)") }
        return job
    }

    /// `b 3…5 (a)`: start, finish and the job its start waited for, one line a job in start order.
    func lines(of schedule: Schedule) -> [String] {
        schedule.entries.map { entry in
            let cause = entry.cause.map { " (\(text(of: $0)))" } ?? ""
            return "\(id(of: entry.job)) \(Int(entry.start))…\(Int(entry.finish))\(cause)"
        }
    }

    private func text(of cause: Schedule.Cause) -> String {
        switch cause {
        case .predecessor(let job, let kind): kind == .requires ? "requires \(id(of: job))" : "\(id(of: job))"
        case .mutex(let name, let holder): "\(name) of \(id(of: holder))"
        case .capacity(let name, let holder): "\(name) of \(id(of: holder))"
        case .turn(let job): "turn, \(id(of: job))"
        }
    }

    /// `start b`, `end c: dependency_failed`, `b waits for m of a`, `finished`.
    func lines(of actions: [Dispatcher.Action]) -> [String] {
        actions.map { action in
            switch action {
            case .start(let job): "start \(id(of: job))"
            case .end(let job, let outcome, let reason): "end \(id(of: job)): \(outcome.rawValue), \(text(of: reason))"
            case .waiting(let job, .mutex(let name, let holder)):
                "\(id(of: job)) waits for \(name) of \(id(of: holder))"
            case .waiting(let job, .capacity(let name)): "\(id(of: job)) waits for \(name)"
            case .waiting(let job, .foreignLock(let name, let holder)): "\(id(of: job)) waits for \(name), \(holder)"
            case .waiting(let job, .hold): "\(id(of: job)) is held"
            case .finished: "finished"
            }
        }
    }

    private func text(of reason: Dispatcher.EndReason) -> String {
        switch reason {
        case .requirement(let job): "requires \(id(of: job))"
        case .failFast(let job): "\(id(of: job)) failed"
        case .cancelled: "cancelled"
        case .timeIsOver: "time is over"
        case .givenUp: "given up"
        }
    }
}
