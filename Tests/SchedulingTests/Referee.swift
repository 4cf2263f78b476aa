import RunModel
import Scheduling
import Testing

/// Keeps its own books of a run, made from nothing but the actions, and notes every broken rule.
struct Referee {
    private let problem: Problem
    private(set) var running: Set<JobIndex> = []
    private(set) var ended: [JobIndex: Outcome] = [:]
    private(set) var isFinished = false
    private(set) var faults: [String] = []
    private var holders: [String: JobIndex] = [:]
    private var inUse: [String: Double] = [:]
    private let amounts: [String: Double]
    /// What jobs take that were tried again, where it is not what the problem has.
    private var raised: [JobIndex: [String: Double]] = [:]
    var foreign: Set<String> = []
    var isHeld = false

    init(_ problem: Problem, amounts: [String: Double]) {
        self.problem = problem
        self.amounts = amounts
    }

    mutating func see(_ actions: [Dispatcher.Action]) {
        for action in actions {
            if isFinished { faults.append("\(action) after the end") }
            switch action {
            case .start(let job): start(job)
            case .end(let job, let outcome, let reason):
                if running.contains(job) { faults.append("\(problem.id(of: job)) is ended while it runs") }
                end(job, outcome)
                if case .requirement(let other) = reason { checkRequirement(of: job, other) }
            case .waiting(let job, _):
                if running.contains(job) || ended[job] != nil { faults.append("\(problem.id(of: job)) does not wait") }
            case .finished:
                isFinished = true
                if !running.isEmpty || ended.count < problem.jobCount { faults.append("finished too early") }
            }
        }
    }

    private mutating func start(_ job: JobIndex) {
        let id = problem.id(of: job)
        if isHeld { faults.append("\(id) starts while all are held") }
        if ended[job] != nil || !running.insert(job).inserted { faults.append("\(id) starts twice") }
        for edge in problem.predecessors(of: job) {
            let other = problem.id(of: edge.job)
            guard let outcome = ended[edge.job] else {
                faults.append("\(id) starts before \(other) has ended")
                continue
            }
            if edge.kind == .requires, !outcome.satisfiesRequirement {
                faults.append("\(id) starts though \(other) failed")
            }
        }
        for mutex in (problem.mutexes(of: job) + problem.freeMutexes(of: job)).map({ $0.lowercased() }) {
            if holders[mutex] != nil { faults.append("\(id) starts while \(mutex) is held") }
            if foreign.contains(mutex) { faults.append("\(id) starts while another run holds \(mutex)") }
        }
        for mutex in problem.mutexes(of: job) { holders[mutex.lowercased()] = job }
        for (name, amount) in demand(of: job) {
            inUse[name, default: 0] += amount
            if inUse[name, default: 0] > amounts[name, default: 0] { faults.append("\(id) exceeds \(name)") }
        }
    }

    private func demand(of job: JobIndex) -> [String: Double] {
        raised[job] ?? Dictionary(uniqueKeysWithValues: problem.demand(of: job).map { ($0.name, $0.amount) })
    }

    /// It ended, gives back what it has, and is tried again with at least `wanted`, as far as there is so much.
    mutating func tryAgain(_ job: JobIndex, taking wanted: [NamedAmount]) {
        giveBack(job)
        var demand = demand(of: job)
        for part in wanted {
            guard let all = amounts[part.name] else { continue }
            demand[part.name] = max(demand[part.name] ?? 0, min(part.amount, all))
        }
        raised[job] = demand
    }

    private mutating func checkRequirement(of job: JobIndex, _ other: JobIndex) {
        let isRequired = problem.predecessors(of: job).contains { $0.job == other && $0.kind == .requires }
        if !isRequired || ended[other]?.satisfiesRequirement != false {
            faults.append("\(problem.id(of: job)) is ended for \(problem.id(of: other))")
        }
    }

    mutating func end(_ job: JobIndex, _ outcome: Outcome) {
        if ended.updateValue(outcome, forKey: job) != nil { faults.append("\(problem.id(of: job)) ends twice") }
        giveBack(job)
    }

    /// It could not start after all, or it ended.
    mutating func giveBack(_ job: JobIndex) {
        guard running.remove(job) != nil else { return }
        for mutex in problem.mutexes(of: job) { holders[mutex.lowercased()] = nil }
        for (name, amount) in demand(of: job) { inUse[name, default: 0] -= amount }
    }
}
