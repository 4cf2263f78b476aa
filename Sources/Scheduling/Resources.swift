// What is in use: how much of each capacity, which mutex by whom. A job gets all it needs at once or nothing, and keeps
// it to its end; since nobody holds one thing while waiting for another, there is no deadlock.

struct Resources: Sendable {
    /// When something was last given back, and how things stood just before.
    private struct LastRelease: Sendable {
        var time = -Double.infinity
        var job: JobIndex?
        /// Of a capacity: what was free before the first release of that instant.
        var freeBefore: Int64 = 0
    }

    /// What keeps a job from starting.
    enum Obstacle: Sendable, Hashable {
        case mutex(Int32)
        case capacity(Int32)
    }

    /// Units that there are of each capacity.
    private(set) var units: [Int64]
    /// Those that nobody holds; below 0 while more are held than there are since there were more.
    private(set) var freeUnits: [Int64]
    /// The running job that holds a mutex.
    private(set) var holders: [JobIndex?]
    /// Mutexes that somebody outside of the run holds.
    private(set) var foreign: Set<Int32> = []
    private var capacityReleases: [LastRelease]
    private var mutexReleases: [LastRelease]

    init(_ problem: Problem) {
        units = problem.capacities.map(\.units)
        freeUnits = units
        holders = Array(repeating: nil, count: problem.mutexes.names.count)
        capacityReleases = Array(repeating: LastRelease(), count: freeUnits.count)
        mutexReleases = Array(repeating: LastRelease(), count: holders.count)
    }

    func isFree(_ mutex: Int32) -> Bool {
        holders[Int(mutex)] == nil && (foreign.isEmpty || !foreign.contains(mutex))
    }

    /// The first mutex that `job` would hold or must find free and that is not.
    func busyMutex(for job: JobIndex, in problem: Problem) -> Int32? {
        for index in problem.held.range(of: job.position) where !isFree(problem.held.elements[index]) {
            return problem.held.elements[index]
        }
        for index in problem.free.range(of: job.position) where !isFree(problem.free.elements[index]) {
            return problem.free.elements[index]
        }
        return nil
    }

    /// The first mutex that `job` would hold or must find free and that somebody outside of the run holds.
    func foreignMutex(for job: JobIndex, in problem: Problem) -> Int32? {
        if foreign.isEmpty { return nil }
        return problem.held[job.position].first(where: foreign.contains)
            ?? problem.free[job.position].first(where: foreign.contains)
    }

    /// The first capacity of which less is free than `job` needs.
    func shortCapacity(for job: JobIndex, in problem: Problem) -> Int32? {
        for index in problem.shares.range(of: job.position) {
            let share = problem.shares.elements[index]
            if freeUnits[Int(share.capacity)] < share.units { return share.capacity }
        }
        return nil
    }

    func obstacle(for job: JobIndex, in problem: Problem) -> Obstacle? {
        if let mutex = busyMutex(for: job, in: problem) { return .mutex(mutex) }
        return shortCapacity(for: job, in: problem).map { .capacity($0) }
    }

    mutating func take(for job: JobIndex, in problem: Problem) {
        for mutex in problem.held[job.position] { holders[Int(mutex)] = job }
        for share in problem.shares[job.position] { freeUnits[Int(share.capacity)] -= share.units }
    }

    mutating func giveBack(from job: JobIndex, in problem: Problem, now: Double) {
        for mutex in problem.held[job.position] {
            holders[Int(mutex)] = nil
            mutexReleases[Int(mutex)] = LastRelease(time: now, job: job)
        }
        for share in problem.shares[job.position] {
            let capacity = Int(share.capacity)
            if capacityReleases[capacity].time != now { capacityReleases[capacity].freeBefore = freeUnits[capacity] }
            capacityReleases[capacity].time = now
            capacityReleases[capacity].job = job
            freeUnits[capacity] += share.units
        }
    }

    mutating func setUnits(_ new: Int64, of capacity: Int) {
        freeUnits[capacity] += new - units[capacity]
        units[capacity] = new
    }

    mutating func setForeign(_ mutex: Int32, _ isForeign: Bool) {
        if isForeign { foreign.insert(mutex) } else { foreign.remove(mutex) }
    }

    /// What `job`, which can start since `now`, was still lacking before the releases of this instant, and who gave it
    /// back; `nil` where it lacked nothing.
    func releaseThatFreed(_ job: JobIndex, in problem: Problem, now: Double) -> (Obstacle, by: JobIndex)? {
        for mutex in problem.mutexesAtStart(of: job) {
            let release = mutexReleases[Int(mutex)]
            if release.time == now, let holder = release.job { return (.mutex(mutex), holder) }
        }
        for share in problem.shares[job.position] {
            let release = capacityReleases[Int(share.capacity)]
            if release.time == now, release.freeBefore < share.units, let holder = release.job {
                return (.capacity(share.capacity), holder)
            }
        }
        return nil
    }
}
