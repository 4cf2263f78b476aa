// A scheduling problem: jobs with durations, the edges between them, mutexes and capacities. It knows nothing of
// plugins, and everything in it is an index into flat arrays, so that 100,000 jobs plan in a fraction of a second.

/// A job of a `Problem`: its position in the order in which the jobs were added.
public struct JobIndex: Hashable, Sendable, Comparable {
    private let value: Int32

    public init(_ position: Int) { value = Int32(position) }

    public var position: Int { Int(value) }

    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// Why a job starts only after another one has ended.
public enum EdgeKind: UInt8, Sendable {
    /// Order only: how the other one ended does not matter.
    case after
    /// The other one must have succeeded, or had nothing to do.
    case requires
}

/// One end of an edge, seen from the job at the other end.
public struct Edge: Hashable, Sendable {
    public let job: JobIndex
    public let kind: EdgeKind

    public init(job: JobIndex, kind: EdgeKind) {
        self.job = job
        self.kind = kind
    }
}

/// A resource of which several jobs can hold a part: CPUs, bytes of memory, downloads.
///
/// Amounts are counted in whole `units` (millionths, or ones from 10¹² on), so sums are exact: ten jobs of 0.1 CPU fit
/// on one CPU, and no order of starting and ending makes the sum drift.
struct Capacity: Sendable {
    let name: String
    let amount: Double
    /// How many units make 1.
    let scale: Double
    let units: Int64

    init(name: String, amount: Double) {
        self.name = name
        self.amount = amount
        scale = amount < 1e12 ? 1e6 : 1
        units = Int64((amount * scale).rounded())
    }

    /// `amount` in units; at least one where it is not 0, so that what is smaller than a unit still counts.
    func units(of amount: Double) -> Int64 { max(amount > 0 ? 1 : 0, Int64((amount * scale).rounded())) }
}

/// What a job takes of one capacity while it runs.
struct Share: Sendable, Hashable {
    /// Index into `Problem.capacities`.
    let capacity: Int32
    /// In the units of that capacity; greater than 0.
    let units: Int64
}

/// A part of a capacity, by name, in the unit people use: `R1` 2, `memory` 314572800.
public struct NamedAmount: Hashable, Sendable {
    public var name: String
    public var amount: Double

    public init(_ name: String, _ amount: Double) {
        self.name = name
        self.amount = amount
    }
}

/// A valid problem: every name resolved, no cycle, no job that needs more than there is. `ProblemBuilder` makes it.
public struct Problem: Sendable {
    let ids: [String]
    let durations: [Double]
    let predecessors: Rows<Edge>
    let successors: Rows<Edge>
    /// Mutexes that a job holds while it runs, as indices into `mutexes`.
    let held: Rows<Int32>
    /// Mutexes that must be free at a job's start and that it does not take.
    let free: Rows<Int32>
    private(set) var shares: Rows<Share>
    let mutexes: NameTable
    let capacities: [Capacity]
    /// Every job behind all its predecessors.
    let topologicalOrder: [JobIndex]
    /// Jobs that run however the others end, in their order.
    let finalJobs: [JobIndex]

    public var jobCount: Int { ids.count }

    public var jobs: some RandomAccessCollection<JobIndex> { (0..<ids.count).lazy.map(JobIndex.init) }

    public func id(of job: JobIndex) -> String { ids[job.position] }

    /// In seconds.
    public func duration(of job: JobIndex) -> Double { durations[job.position] }

    public func predecessors(of job: JobIndex) -> ArraySlice<Edge> { predecessors[job.position] }

    public func successors(of job: JobIndex) -> ArraySlice<Edge> { successors[job.position] }

    /// Names of the mutexes that the job holds while it runs.
    public func mutexes(of job: JobIndex) -> [String] { held[job.position].map { mutexes.names[Int($0)] } }

    /// Names of the mutexes that must be free when the job starts.
    public func freeMutexes(of job: JobIndex) -> [String] { free[job.position].map { mutexes.names[Int($0)] } }

    /// Indices of the mutexes that nobody else may hold when the job starts.
    func mutexesAtStart(of job: JobIndex) -> ArraySlice<Int32> {
        free.range(of: job.position).isEmpty ? held[job.position] : held[job.position] + free[job.position]
    }

    /// What the job takes of each capacity; capacities of which it takes nothing are left out.
    public func demand(of job: JobIndex) -> [NamedAmount] {
        shares[job.position].map { share in
            let capacity = capacities[Int(share.capacity)]
            return NamedAmount(capacity.name, Double(share.units) / capacity.scale)
        }
    }

    /// Has `job` take at least `amounts`, or all there is. Capacities that the problem does not have are left out.
    mutating func raiseDemand(of job: JobIndex, to amounts: [NamedAmount]) {
        var row = Array(shares[job.position])
        for wanted in amounts {
            guard let index = capacities.firstIndex(where: { $0.name == wanted.name }) else { continue }
            let capacity = capacities[index]
            let units = min(capacity.units, capacity.units(of: min(wanted.amount, capacity.amount)))
            if let known = row.firstIndex(where: { $0.capacity == Int32(index) }) {
                row[known] = Share(capacity: Int32(index), units: max(row[known].units, units))
            } else if units > 0 {
                row.append(Share(capacity: Int32(index), units: units))
            }
        }
        shares.replace(row: job.position, with: row)
    }
}
