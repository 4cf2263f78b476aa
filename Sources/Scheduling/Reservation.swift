// The reserved turn of the first job that does not fit (EASY backfilling: Lifka, "The ANL/IBM SP scheduling system",
// JSSPP 1995). Others may pass it where they do not delay it: they end before its turn, or take nothing it will need.

struct Reservation: Sendable, Equatable {
    /// How many ends of running jobs are looked at to find the turn. Where that is too few, the turn is taken to be the
    /// last of them, with nothing to spare: too early, which only lets fewer jobs pass.
    static let lookahead = 128

    let job: JobIndex
    /// When it can start at the latest, if the running jobs end as expected.
    let time: Double
    /// Whether `lookahead` was enough.
    let isExact: Bool
    /// For each capacity the units that are left at `time` beside the job; unlimited where it needs none.
    private(set) var spare: [Int64]

    /// The turn of `job`, which does not fit now. Jobs that are overdue count as ending any moment.
    init(
        for job: JobIndex, in problem: Problem, resources: Resources, running: RunningJobs, now: Double
    ) {
        var time = now
        for mutex in problem.mutexesAtStart(of: job) {
            guard let holder = resources.holders[Int(mutex)] else { continue }
            time = max(time, running.expectedEnd(of: holder) ?? now)
        }
        let needs = problem.shares[job.position]
        var free = resources.freeUnits
        var isExact = needs.isEmpty || running.count <= Self.lookahead
        if !needs.isEmpty {
            running.visitInOrder(limit: Self.lookahead) { entry in
                let fits = needs.allSatisfy { $0.units <= free[Int($0.capacity)] }
                if fits, entry.end > time {
                    isExact = true
                    return false
                }
                time = max(time, entry.end)
                for share in problem.shares[entry.job.position] { free[Int(share.capacity)] += share.units }
                return true
            }
        }
        var spare = [Int64](repeating: .max, count: free.count)
        for share in needs { spare[Int(share.capacity)] = max(0, free[Int(share.capacity)] - share.units) }
        self.job = job
        self.time = time
        self.isExact = isExact
        self.spare = spare
    }

    /// What keeps `other` from passing, if it starts now; `nil` where it may.
    func obstacle(for other: JobIndex, in problem: Problem, now: Double) -> Resources.Obstacle? {
        if now + problem.durations[other.position] <= time { return nil }
        for share in problem.shares[other.position] where share.units > spare[Int(share.capacity)] {
            return .capacity(share.capacity)
        }
        for mutex in problem.held[other.position] {
            if problem.held[job.position].contains(mutex) || problem.free[job.position].contains(mutex) {
                return .mutex(mutex)
            }
        }
        return nil
    }

    /// Notes that `other` passes: what it still holds at the turn is no longer to spare.
    mutating func pass(_ other: JobIndex, in problem: Problem, now: Double) {
        guard now + problem.durations[other.position] > time else { return }
        for share in problem.shares[other.position] where spare[Int(share.capacity)] < .max {
            spare[Int(share.capacity)] -= share.units
        }
    }
}
