// The jobs that could start but for mutexes and capacities, arranged so that an event looks only at those that it may
// concern.
//
// Every one of them has its turn in `turns`. Besides, it is in one of three places: `fresh` until the next round has
// looked at it, parked behind a busy mutex, or in the search tree, where those that lack only capacity are.
//
// When a mutex becomes free its queue opens: its jobs are looked at in their turn, and those that could not start go to
// the tree, at most `window` of them, so that 10,000 jobs of one mutex are not all moved each time it is released. They
// are parked again when the search meets them and the mutex is busy.

import HeapModule

struct WaitingJobs: Sendable {
    /// Jobs of one free mutex in the tree at a time.
    static let window = 64

    enum Place: Sendable, Hashable {
        case absent, fresh, searchable
        case parked(Int32)
    }

    struct OpenQueue: Sendable, Comparable {
        let rank: Int32
        let mutex: Int32
        static func < (left: Self, right: Self) -> Bool {
            left.rank == right.rank ? left.mutex < right.mutex : left.rank < right.rank
        }
    }

    private let order: PriorityOrder
    /// For each capacity the least that any job of the problem takes of it.
    private let leastDemand: [Int64]
    /// Ranks; also of jobs that have left, until they come to the top.
    private var turns = Heap<Int32>()
    private var fresh: [JobIndex] = []
    private(set) var tree: SearchTree
    /// For each mutex the ranks of the jobs parked behind it; also of jobs that have left, until they come to the top.
    private var parked: [Heap<Int32>]
    /// How many jobs in the tree came there from the queue of this mutex.
    private var awake: [Int16]
    /// For a job in the tree the mutex from whose queue it came, or −1.
    private var origin: [Int32]
    /// Queues to be looked at in this round, by the rank of their first job.
    private var open = Heap<OpenQueue>()
    /// For each mutex the rank with which it is in `open`, or −1. What `open` has with another rank is superseded.
    private var openRanks: [Int32]
    private(set) var places: [Place]

    init(_ problem: Problem, order: PriorityOrder) {
        self.order = order
        var uses = Array(repeating: 0, count: problem.capacities.count)
        var least = [Int64](repeating: .max, count: uses.count)
        for share in problem.shares.elements {
            let capacity = Int(share.capacity)
            uses[capacity] += 1
            least[capacity] = min(least[capacity], share.units)
        }
        leastDemand = least.indices.map { uses[$0] == problem.jobCount ? least[$0] : 0 }
        let mostUsed = uses.indices.filter { uses[$0] > 0 }.sorted { (-uses[$0], $0) < (-uses[$1], $1) }
        tree = SearchTree(ranks: problem.jobCount, lanes: Array(mostUsed.prefix(SearchTree.laneLimit)))
        parked = Array(repeating: Heap(), count: problem.mutexes.names.count)
        awake = Array(repeating: 0, count: parked.count)
        openRanks = Array(repeating: -1, count: parked.count)
        origin = Array(repeating: -1, count: problem.jobCount)
        places = Array(repeating: .absent, count: problem.jobCount)
    }

    func contains(_ job: JobIndex) -> Bool { places[job.position] != .absent }

    /// The waiting jobs in no order. One that left and came back may be there twice.
    var jobs: some Sequence<JobIndex> {
        turns.unordered.lazy.map { order.jobs[Int($0)] }.filter { places[$0.position] != .absent }
    }

    /// Whether it is worth looking for a job that fits: not while something that every job needs is used up.
    func someJobMayFit(_ freeUnits: [Int64]) -> Bool {
        for (free, least) in zip(freeUnits, leastDemand) where free < least { return false }
        return true
    }

    /// The most urgent one.
    mutating func first() -> JobIndex? {
        while let rank = turns.min {
            let job = order.jobs[Int(rank)]
            if contains(job) { return job }
            turns.removeMin()
        }
        return nil
    }

    mutating func insert(_ job: JobIndex) {
        places[job.position] = .fresh
        fresh.append(job)
        turns.insert(order.ranks[job.position])
    }

    mutating func remove(_ job: JobIndex) {
        leavePlace(job)
        places[job.position] = .absent
    }

    /// The jobs that no round has looked at yet. They stay `fresh` until they are parked or made searchable.
    mutating func takeFresh() -> [JobIndex] {
        defer { fresh.removeAll(keepingCapacity: true) }
        return fresh.filter { places[$0.position] == .fresh }
    }

    mutating func park(_ job: JobIndex, behind mutex: Int32) {
        leavePlace(job)
        places[job.position] = .parked(mutex)
        parked[Int(mutex)].insert(order.ranks[job.position])
    }

    /// - Parameter mutex: from whose queue it was taken.
    mutating func makeSearchable(_ job: JobIndex, from mutex: Int32? = nil, in problem: Problem) {
        places[job.position] = .searchable
        if let mutex {
            origin[job.position] = mutex
            awake[Int(mutex)] += 1
        }
        tree.insert(
            rank: order.rank(of: job), duration: problem.durations[job.position],
            shares: problem.shares[job.position])
    }

    /// Lets the next round look at the jobs behind `mutex`, which has become free or has room in its window.
    mutating func openQueue(of mutex: Int32) {
        guard let rank = firstParked(behind: mutex) else { return }
        let present = openRanks[Int(mutex)]
        guard present < 0 || rank < present else { return }
        openRanks[Int(mutex)] = rank
        open.insert(OpenQueue(rank: rank, mutex: mutex))
    }

    /// The most urgent job of all open queues. It stays where it is: the caller starts it, parks it elsewhere or makes
    /// it searchable.
    mutating func firstOpen(isFree: (Int32) -> Bool) -> (rank: Int, mutex: Int32)? {
        while let queue = open.min {
            let mutex = Int(queue.mutex)
            guard queue.rank == openRanks[mutex] else {
                open.removeMin()
                continue
            }
            guard isFree(queue.mutex), awake[mutex] < Self.window, let rank = firstParked(behind: queue.mutex) else {
                open.removeMin()
                openRanks[mutex] = -1
                continue
            }
            if rank == queue.rank { return (Int(rank), queue.mutex) }
            open.replaceMin(with: OpenQueue(rank: rank, mutex: queue.mutex))
            openRanks[mutex] = rank
        }
        return nil
    }

    private mutating func firstParked(behind mutex: Int32) -> Int32? {
        while let rank = parked[Int(mutex)].min {
            if places[order.jobs[Int(rank)].position] == .parked(mutex) { return rank }
            parked[Int(mutex)].removeMin()
        }
        return nil
    }

    private mutating func leavePlace(_ job: JobIndex) {
        guard places[job.position] == .searchable else { return }
        tree.remove(rank: order.rank(of: job))
        let mutex = origin[job.position]
        guard mutex >= 0 else { return }
        origin[job.position] = -1
        awake[Int(mutex)] -= 1
        // Another one of that queue may take its place, if the mutex is free.
        openQueue(of: mutex)
    }
}
