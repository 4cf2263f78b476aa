// Makes a problem out of jobs that name each other, in any order, and checks it.

import UpdateModel

/// One job as it is read: everything by name.
public struct JobDescription: Sendable {
    public var id: String
    /// Seconds, from 0 on.
    public var duration: Double
    /// Jobs that must have ended before; they need not have been added yet.
    public var predecessors: [(id: String, kind: EdgeKind)]
    /// Mutexes that it holds while it runs. Names are case-insensitive.
    public var mutexes: [String]
    /// Mutexes that must be free when it starts; it does not take them.
    public var freeMutexes: [String]
    /// What it takes of each capacity while it runs.
    public var demand: [NamedAmount]
    /// It runs when its predecessors have ended, also where the rest of the run was cancelled or ended by a failure. It
    /// comes after others and requires none.
    public var isFinal: Bool

    public init(
        id: String, duration: Double, predecessors: [(id: String, kind: EdgeKind)] = [], mutexes: [String] = [],
        freeMutexes: [String] = [], demand: [NamedAmount] = [], isFinal: Bool = false
    ) {
        self.id = id
        self.duration = duration
        self.predecessors = predecessors
        self.mutexes = mutexes
        self.freeMutexes = freeMutexes
        self.demand = demand
        self.isFinal = isFinal
    }
}

/// Takes jobs and capacities one by one, so that a reader of a large file need not keep them.
public struct ProblemBuilder: Sendable {
    /// Up to here every whole number is a `Double` of its own.
    private static let largestAmount = 0x1p53

    private struct NamedEdge: Sendable {
        let name: Int32
        let kind: EdgeKind
    }

    private struct NamedShare: Sendable {
        let name: Int32
        let amount: Double
    }

    /// Every job that was added or named as a predecessor.
    private var names = NameTable()
    /// For each name its job, −1 while it was only named.
    private var jobOfName: [Int32] = []
    private var ids: [String] = []
    private var durations: [Double] = []
    private var predecessors = Rows<NamedEdge>()
    private var mutexes = NameTable(foldsCase: true)
    private var held = Rows<Int32>()
    private var free = Rows<Int32>()
    /// Capacities by name, given or only demanded so far.
    private var capacityNames = NameTable()
    private var amountOfCapacity: [Double?] = []
    private var shares = Rows<NamedShare>()
    private var finalJobs: [JobIndex] = []

    public init() {}

    /// - Parameter amount: how much there is of it for all jobs together, 0…2⁵³.
    public mutating func add(capacity name: String, _ amount: Double) throws(ProblemError) {
        guard (0...Self.largestAmount).contains(amount) else { throw .badCapacity(name, amount: amount) }
        let index = internCapacity(name)
        guard amountOfCapacity[index] == nil else { throw .duplicateCapacity(name) }
        amountOfCapacity[index] = amount
    }

    @discardableResult
    public mutating func add(_ job: JobDescription) throws(ProblemError) -> JobIndex {
        guard job.duration >= 0, job.duration.isFinite else {
            throw .badDuration(job: job.id, seconds: job.duration)
        }
        if let bad = job.demand.first(where: { !(0...Self.largestAmount).contains($0.amount) }) {
            throw .badDemand(job: job.id, capacity: bad.name, amount: bad.amount)
        }
        let name = internJob(job.id)
        guard jobOfName[name] < 0 else { throw .duplicateJob(job.id) }
        jobOfName[name] = Int32(ids.count)
        ids.append(job.id)
        durations.append(job.duration)

        var edges: [NamedEdge] = []
        edges.reserveCapacity(job.predecessors.count)
        for predecessor in job.predecessors {
            edges.append(NamedEdge(name: Int32(internJob(predecessor.id)), kind: predecessor.kind))
        }
        predecessors.append(row: edges)
        let holds = internMutexes(job.mutexes, except: [])
        held.append(row: holds)
        free.append(row: internMutexes(job.freeMutexes, except: holds))
        var needs: [NamedShare] = []
        for part in job.demand {
            let name = Int32(internCapacity(part.name))
            guard !needs.contains(where: { $0.name == name }) else {
                throw .duplicateDemand(job: job.id, capacity: part.name)
            }
            needs.append(NamedShare(name: name, amount: part.amount))
        }
        shares.append(row: needs)
        let index = JobIndex(ids.count - 1)
        if job.isFinal { finalJobs.append(index) }
        return index
    }

    /// The problem, checked. Of several errors the one of the job that was added first is thrown; a cycle last.
    public consuming func build() throws(ProblemError) -> Problem {
        try checkNames()
        let capacities = zip(capacityNames.names, amountOfCapacity).map { Capacity(name: $0, amount: $1 ?? 0) }
        let jobOfName = jobOfName
        let predecessors = predecessors.map {
            Edge(job: JobIndex(Int(jobOfName[Int($0.name)])), kind: $0.kind)
        }
        let successors = predecessors.reversed()
        let order = try topologicalOrder(ids: ids, predecessors: predecessors, successors: successors)
        return Problem(
            ids: ids, durations: durations, predecessors: predecessors, successors: successors, held: held, free: free,
            shares: try checkedShares(capacities), mutexes: mutexes, capacities: capacities, topologicalOrder: order,
            finalJobs: finalJobs)
    }

    private func checkNames() throws(ProblemError) {
        // Most problems have no unknown name; then no edge need be looked at.
        guard ids.count < names.names.count else { return }
        for job in ids.indices {
            for edge in predecessors[job] where jobOfName[Int(edge.name)] < 0 {
                let unknown = names.names[Int(edge.name)]
                throw .unknownPredecessor(
                    job: ids[job], predecessor: unknown, nearest: nearestName(to: unknown, in: ids))
            }
        }
    }

    private func checkedShares(_ capacities: [Capacity]) throws(ProblemError) -> Rows<Share> {
        var result = Rows<Share>()
        for job in ids.indices {
            var row: [Share] = []
            for need in shares[job] {
                let capacity = capacities[Int(need.name)]
                guard amountOfCapacity[Int(need.name)] != nil else {
                    let given = zip(capacityNames.names, amountOfCapacity).filter { $1 != nil }.map(\.0)
                    throw .unknownCapacity(
                        job: ids[job], capacity: capacity.name, nearest: nearestName(to: capacity.name, in: given))
                }
                guard need.amount <= capacity.amount else {
                    throw .impossibleDemand(
                        job: ids[job], capacity: capacity.name, needed: need.amount, available: capacity.amount)
                }
                let units = min(capacity.units, capacity.units(of: need.amount))
                if units > 0 { row.append(Share(capacity: need.name, units: units)) }
            }
            result.append(row: row)
        }
        return result
    }

    private mutating func internJob(_ name: String) -> Int {
        let index = Int(names.intern(name))
        if index == jobOfName.count { jobOfName.append(-1) }
        return index
    }

    private mutating func internCapacity(_ name: String) -> Int {
        let index = Int(capacityNames.intern(name))
        if index == amountOfCapacity.count { amountOfCapacity.append(nil) }
        return index
    }

    /// Each once, however often it is listed.
    private mutating func internMutexes(_ list: [String], except known: [Int32]) -> [Int32] {
        var indices: [Int32] = []
        for name in list {
            let index = mutexes.intern(name)
            if !indices.contains(index), !known.contains(index) { indices.append(index) }
        }
        return indices
    }
}
