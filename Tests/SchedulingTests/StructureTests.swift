import TestSupport
import Testing

@testable import Scheduling

struct SearchTreeTests {
    @Test("The tree finds what looking at each waiting job finds", arguments: 0..<40)
    func model(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let ranks = Int.random(in: 1...40, using: &random)
        // The second capacity is in no lane: the tree must not reject for it.
        var tree = SearchTree(ranks: ranks, lanes: [2, 0])
        var waiting: [Int: (duration: Double, shares: [Int64])] = [:]
        for _ in 0..<200 {
            let rank = Int.random(in: 0..<ranks, using: &random)
            if waiting.removeValue(forKey: rank) != nil {
                tree.remove(rank: rank)
            } else {
                let shares = (0..<3).map { _ in Int64.random(in: 0...4, using: &random) }
                let duration = Double.random(in: 0...9, using: &random)
                waiting[rank] = (duration, shares)
                let taken = shares.enumerated().filter { $1 > 0 }.map { Share(capacity: Int32($0), units: $1) }
                tree.insert(rank: rank, duration: duration, shares: taken[...])
            }
            let bounds = SearchTree.Bounds(
                free: (0..<3).map { _ in .random(in: 0...4, using: &random) },
                spare: (0..<3).map { _ in .random(in: 0...4, using: &random) },
                now: 1, turn: .random(in: 0...9, using: &random))
            let from = Int.random(in: 0...ranks, using: &random)
            let expected = waiting.keys.sorted().first { rank in
                guard rank >= from, let job = waiting[rank] else { return false }
                func keeps(_ amounts: [Int64]) -> Bool { [0, 2].allSatisfy { job.shares[$0] <= amounts[$0] } }
                return keeps(bounds.free) && (1 + job.duration <= bounds.turn || keeps(bounds.spare))
            }
            var budget = Int.max
            #expect(tree.first(from: from, within: bounds, budget: &budget) == expected, "seed \(seed)")
            #expect(tree.contains(rank: rank) == (waiting[rank] != nil), "seed \(seed)")
        }
    }

    @Test("While nothing is free, a search among many looks at nothing but the root")
    func pruning() {
        var tree = SearchTree(ranks: 1000, lanes: [0])
        for rank in 0..<1000 { tree.insert(rank: rank, duration: 1, shares: [Share(capacity: 0, units: 1)]) }
        var budget = 1
        let none = SearchTree.Bounds(free: [0], spare: [0], now: 0, turn: .infinity)
        #expect(tree.first(from: 0, within: none, budget: &budget) == nil)
        #expect(budget == 1)
    }

    @Test("A search stops when its budget is used up")
    func budget() {
        // No job fits both bounds, but each pair of neighbours has minima that do.
        var tree = SearchTree(ranks: 64, lanes: [0, 1])
        for rank in 0..<64 {
            tree.insert(rank: rank, duration: 1, shares: [Share(capacity: Int32(rank % 2), units: 9)])
        }
        let bounds = SearchTree.Bounds(free: [5, 5], spare: [5, 5], now: 0, turn: .infinity)
        var budget = 10
        #expect(tree.first(from: 0, within: bounds, budget: &budget) == nil)
        #expect(budget == 0)
    }
}

struct RunningJobsTests {
    @Test("The next end is known whichever job is taken out", arguments: 0..<40)
    func model(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var running = RunningJobs(jobCount: 30)
        var model: [JobIndex: Double] = [:]
        for _ in 0..<300 {
            let job = JobIndex(.random(in: 0..<30, using: &random))
            if model.removeValue(forKey: job) != nil {
                running.remove(job)
            } else {
                let end = Double(Int.random(in: 0..<20, using: &random))
                model[job] = end
                running.insert(job, end: end)
            }
            #expect(running.expectedEnd(of: job) == model[job], "seed \(seed)")
            let expected = model.map { RunningJobs.Entry(end: $1, job: $0) }.sorted()
            var visited: [RunningJobs.Entry] = []
            running.visitInOrder(limit: 5) { entry in
                visited.append(entry)
                return true
            }
            #expect(visited == Array(expected.prefix(5)), "seed \(seed)")
            #expect(running.first == expected.first && running.count == expected.count, "seed \(seed)")
        }
        running.remove(JobIndex(0))
        running.remove(JobIndex(0))
        #expect(running.expectedEnd(of: JobIndex(0)) == nil)
    }
}

struct LargeProblemTests {
    @Test("Mutexes and capacities with long queues: a plan of 2,000 jobs keeps the debug build's invariants")
    func large() throws {
        var random = SeededGenerator(seed: 7)
        var builder = ProblemBuilder()
        try builder.add(capacity: "R", 6)
        for index in 0..<2000 {
            var job = JobDescription(id: "j\(index)", duration: Double(Int.random(in: 1...50, using: &random)))
            if index >= 100 { job.predecessors = [("j\(Int.random(in: 0..<(index - 99), using: &random))", .after)] }
            if index % 3 > 0 { job.mutexes = ["m\(index % 2)", "n\(index % 5)"] }
            job.demand = [NamedAmount("R", Double(Int.random(in: 0...5, using: &random)))]
            try builder.add(job)
        }
        let problem = try builder.build()
        let schedule = Schedule(of: problem)
        #expect(schedule.entries.count == 2000)
        let path = schedule.criticalPath.reduce(0) { $0 + problem.duration(of: $1) }
        #expect(path == schedule.makespan)
    }
}
