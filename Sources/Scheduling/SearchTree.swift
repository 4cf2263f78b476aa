// Which waiting job fits, without asking each of them.

/// A tree of minima over the ranks of all jobs. A node knows the least demand for each capacity and the shortest
/// duration of the waiting jobs below it, so whole branches of jobs that cannot fit are passed over: while no slot is
/// free, a search among 50,000 waiting jobs looks at one node.
struct SearchTree: Sendable {
    /// Capacities that the nodes know; the dispatcher checks the others when it looks at a job.
    static let laneLimit = 8

    /// What a job that starts at `now` must keep to: within `free`, and within `spare` too unless it ends by `turn`.
    struct Bounds {
        var free: [Int64]
        var spare: [Int64]
        var now: Double
        var turn: Double
    }

    private let leafCount: Int
    /// Index of the capacity in each lane.
    let lanes: [Int]
    /// Least demand below a node, `node * lanes.count + lane`; the root is node 1, a leaf is `leafCount + rank`.
    private var demands: [Int64]
    /// Shortest duration below a node, infinite where nothing waits.
    private var durations: [Double]

    init(ranks: Int, lanes: [Int]) {
        var leafCount = 1
        while leafCount < ranks { leafCount *= 2 }
        self.leafCount = leafCount
        self.lanes = lanes
        demands = [Int64](repeating: .max, count: 2 * leafCount * lanes.count)
        durations = [Double](repeating: .infinity, count: 2 * leafCount)
    }

    mutating func insert(rank: Int, duration: Double, shares: ArraySlice<Share>) {
        let leaf = leafCount + rank
        durations[leaf] = duration
        for (lane, capacity) in lanes.enumerated() {
            demands[leaf * lanes.count + lane] = shares.first { $0.capacity == capacity }?.units ?? 0
        }
        update(above: leaf)
    }

    mutating func remove(rank: Int) {
        let leaf = leafCount + rank
        durations[leaf] = .infinity
        for lane in lanes.indices { demands[leaf * lanes.count + lane] = .max }
        update(above: leaf)
    }

    func contains(rank: Int) -> Bool { durations[leafCount + rank] < .infinity }

    /// The first waiting rank from `rank` on that keeps to `bounds`.
    ///
    /// The minima of a node may come from different jobs, none of which fits; then the search goes on to the right.
    /// - Parameter budget: nodes that may still be looked at; at 0 the search gives up.
    func first(from rank: Int, within bounds: Bounds, budget: inout Int) -> Int? {
        guard rank < leafCount else { return nil }
        // Most of planning's time is spent here: the amounts by lane, and the nodes without a count of references.
        let free = lanes.map { bounds.free[$0] }
        let spare = lanes.map { bounds.spare[$0] }
        let demands = demands.span
        let durations = durations.span
        func fits(_ node: Int) -> Bool {
            var keepsToSpare = true
            for lane in 0..<free.count {
                let demand = demands[node * free.count + lane]
                if demand > free[lane] { return false }
                if demand > spare[lane] { keepsToSpare = false }
            }
            let duration = durations[node]
            return duration < .infinity && (keepsToSpare || bounds.now + duration <= bounds.turn)
        }

        guard fits(1) else { return nil }
        var node = leafCount + rank
        while budget > 0 {
            budget -= 1
            if fits(node) {
                if node >= leafCount { return node - leafCount }
                node *= 2
            } else {
                while node & 1 == 1 { node >>= 1 }
                // Only the root and what has nothing to its right climb to 0.
                guard node > 0 else { return nil }
                node += 1
            }
        }
        return nil
    }

    private mutating func update(above leaf: Int) {
        var node = leaf / 2
        while node > 0 {
            let (left, right) = (2 * node, 2 * node + 1)
            var changed = false
            let duration = min(durations[left], durations[right])
            if durations[node] != duration {
                durations[node] = duration
                changed = true
            }
            for lane in 0..<lanes.count {
                let demand = min(demands[left * lanes.count + lane], demands[right * lanes.count + lane])
                if demands[node * lanes.count + lane] != demand {
                    demands[node * lanes.count + lane] = demand
                    changed = true
                }
            }
            guard changed else { return }
            node /= 2
        }
    }
}
