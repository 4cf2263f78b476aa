import RunModel
import Scheduling
import TestSupport
import Testing

/// What holds for every problem. Debug builds of the dispatcher check its caches, its reservation and that no job waits
/// for nothing, after each event of each of these runs.
struct SchedulingProperties {
    /// Each of these makes `graphs` problems; a failure names the seed that makes its problem again.
    static let chunks = Array(0..<8)
    static let graphs = 700

    private static func seeds(_ chunk: Int) -> Range<UInt64> {
        UInt64(chunk * graphs)..<UInt64((chunk + 1) * graphs)
    }

    private static func make(_ seed: UInt64) throws -> (Problem, [String: Double], SeededGenerator) {
        var random = SeededGenerator(seed: seed)
        let (problem, amounts) = try randomProblem(&random)
        return (problem, amounts, random)
    }

    @Test(
        "A plan keeps every rule, is the same each time, and is what a run does when all durations come true",
        arguments: chunks)
    func plan(_ chunk: Int) throws {
        for seed in Self.seeds(chunk) {
            let (problem, amounts, _) = try Self.make(seed)
            let schedule = Schedule(of: problem)
            let faults = planFaults(schedule, problem) + runFaults(schedule, problem, amounts)
            #expect(faults == [], "seed \(seed)")
            #expect(Schedule(of: problem).entries == schedule.entries, "seed \(seed)")
        }
    }

    @Test(
        "A run ends whatever happens: failures, retries with more, foreign locks, jobs given up, held back, cancellation",
        arguments: chunks)
    func disturbed(_ chunk: Int) throws {
        for seed in Self.seeds(chunk) {
            var (problem, amounts, random) = try Self.make(seed + 1_000_000)
            let faults = disturbedRunFaults(problem, amounts, &random)
            #expect(faults == [], "seed \(seed + 1_000_000)")
        }
    }

    // MARK: Plans

    private func planFaults(_ schedule: Schedule, _ problem: Problem) -> [String] {
        var faults: [String] = []
        var entries: [JobIndex: Schedule.Entry] = [:]
        for entry in schedule.entries { entries[entry.job] = entry }
        if entries.count != problem.jobCount || schedule.entries.count != problem.jobCount {
            faults.append("not each once")
        }
        for (entry, next) in zip(schedule.entries, schedule.entries.dropFirst()) {
            if next.start < entry.start || next.wave - entry.wave != (next.start > entry.start ? 1 : 0) {
                faults.append("order or wave of \(problem.id(of: next.job))")
            }
        }
        for entry in schedule.entries {
            for edge in problem.predecessors(of: entry.job) where (entries[edge.job]?.finish ?? .infinity) > entry.start
            {
                faults.append("\(problem.id(of: entry.job)) before \(problem.id(of: edge.job))")
            }
            if let cause = entry.cause {
                if entries[cause.job]?.finish != entry.start { faults.append("cause of \(problem.id(of: entry.job))") }
            } else if entry.start > 0 {
                faults.append("\(problem.id(of: entry.job)) starts late without a cause")
            }
        }
        // A path without gaps, from the start to the end.
        if schedule.criticalPath.reduce(0, { $0 + problem.duration(of: $1) }) != schedule.makespan {
            faults.append("critical path")
        }
        for bound in lowerBounds(problem) where schedule.makespan < bound { faults.append("below a lower bound") }
        return faults
    }

    /// The longest path, and the work on each mutex.
    private func lowerBounds(_ problem: Problem) -> [Double] {
        var finish: [JobIndex: Double] = [:]
        func earliest(_ job: JobIndex) -> Double {
            if let known = finish[job] { return known }
            let start = problem.predecessors(of: job).map { earliest($0.job) }.max() ?? 0
            finish[job] = start + problem.duration(of: job)
            return start + problem.duration(of: job)
        }
        var work: [String: Double] = [:]
        for job in problem.jobs {
            for mutex in problem.mutexes(of: job) { work[mutex.lowercased(), default: 0] += problem.duration(of: job) }
        }
        return problem.jobs.map(earliest) + work.values
    }

    /// Runs the problem, each job as long as predicted, and compares with the plan.
    private func runFaults(_ schedule: Schedule, _ problem: Problem, _ amounts: [String: Double]) -> [String] {
        var dispatcher = Dispatcher(problem)
        var referee = Referee(problem, amounts: amounts)
        var ends: [(end: Double, job: JobIndex)] = []
        var starts: [JobIndex] = []
        var now = 0.0
        var actions = dispatcher.start(now: 0)
        var faults: [String] = []
        while true {
            referee.see(actions)
            for case .start(let job) in actions {
                starts.append(job)
                ends.append((now + problem.duration(of: job), job))
                if schedule.entries[starts.count - 1].start != now { faults.append("start of \(problem.id(of: job))") }
            }
            guard let next = ends.map(\.end).min() else { break }
            now = next
            let batch = ends.filter { $0.end == now }.map(\.job)
            ends.removeAll { $0.end == now }
            for job in batch { referee.end(job, .succeeded) }
            actions = dispatcher.ended(batch.map { .init($0, .succeeded) }, now: now)
        }
        if starts != schedule.entries.map(\.job) { faults.append("another order than planned") }
        if !referee.isFinished { faults.append("not finished") }
        return faults + referee.faults
    }

    // MARK: Runs in which things go wrong

    private func disturbedRunFaults(
        _ problem: Problem, _ amounts: [String: Double], _ random: inout SeededGenerator
    ) -> [String] {
        var dispatcher = Dispatcher(problem, failFast: Int.random(in: 0..<8, using: &random) == 0)
        var referee = Referee(problem, amounts: amounts)
        let calm = Int.random(in: 1...10, using: &random)
        var now = 0.0
        referee.see(dispatcher.start(now: now))
        // A job can be blocked by a foreign lock again and again, so only the number of events bounds a run.
        var eventsLeft = 40 * (problem.jobCount + 1)
        var tries: [JobIndex: Int] = [:]
        while !referee.isFinished {
            eventsLeft -= 1
            guard eventsLeft > 0 else { return referee.faults + ["the run does not end"] }
            // Early, late, or exactly as predicted.
            let planned = dispatcher.nextExpectedEnds()
            now = max(
                now, Bool.random(using: &random) ? planned?.time ?? now : now + .random(in: 0..<3, using: &random))
            let job = referee.running.sorted().randomElement(using: &random)
            switch (Int.random(in: 0..<(12 * calm), using: &random), job) {
            case (0, _):
                referee.see(dispatcher.cancelWaiting(endsFinal: .random(using: &random), now: now))
            case (1, _):
                let any = JobIndex(.random(in: 0..<problem.jobCount, using: &random))
                referee.see(dispatcher.giveUp(any, as: .deferred, now: now))
            case (10...12, _):
                referee.isHeld.toggle()
                referee.see(referee.isHeld ? dispatcher.hold(now: now) : dispatcher.goOn(now: now))
            case (13...15, let job?) where dispatcher.startsMore && tries[job, default: 0] < 3:
                tries[job, default: 0] += 1
                let wanted = ["R0", "R1", "R2", "R9"].filter { _ in Bool.random(using: &random) }.map {
                    NamedAmount($0, Double(Int.random(in: 0...14, using: &random)) / 2)
                }
                referee.tryAgain(job, taking: wanted)
                referee.see(dispatcher.retry(job, taking: wanted, now: now))
            case (2...6, let job?):
                let lock =
                    (problem.mutexes(of: job) + problem.freeMutexes(of: job) + ["/lock"])
                    .randomElement(using: &random) ?? "/lock"
                referee.giveBack(job)
                referee.foreign.insert(lock.lowercased())
                referee.see(dispatcher.startBlocked(job, by: lock, holder: "pid 1", now: now))
            case (7...9, _), (_, nil):
                if referee.isHeld, job == nil {
                    referee.isHeld = false
                    referee.see(dispatcher.goOn(now: now))
                    continue
                }
                guard let lock = referee.foreign.sorted().randomElement(using: &random) else { continue }
                referee.foreign.remove(lock)
                referee.see(dispatcher.foreignLockReleased(lock, now: now))
            case (_, let job?):
                let batch = Int.random(in: 0..<3, using: &random) == 0 ? referee.running.sorted() : [job]
                let ends = batch.map { job in
                    let outcome =
                        Int.random(in: 0..<4, using: &random) > 0
                        ? .succeeded : Outcome.allCases.randomElement(using: &random)
                    return Dispatcher.End(job, outcome ?? .failed)
                }
                for end in ends { referee.end(end.job, end.outcome) }
                referee.see(dispatcher.ended(ends, now: now))
            }
        }
        return referee.faults
    }
}
