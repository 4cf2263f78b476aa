// Order and cycles of a graph.

/// Every job behind its predecessors, by Kahn's algorithm ("Topological sorting of large networks", CACM 5(11), 1962):
/// first those without predecessors in the order of their positions, then those that they set free.
func topologicalOrder(
    ids: [String], predecessors: Rows<Edge>, successors: Rows<Edge>
) throws(ProblemError) -> [JobIndex] {
    var remaining = ids.indices.map { Int32(predecessors.range(of: $0).count) }
    var order: [JobIndex] = []
    order.reserveCapacity(ids.count)
    for job in ids.indices where remaining[job] == 0 { order.append(JobIndex(job)) }
    var next = 0
    while next < order.count {
        for position in successors.range(of: order[next].position) {
            let job = successors.elements[position].job
            remaining[job.position] -= 1
            if remaining[job.position] == 0 { order.append(job) }
        }
        next += 1
    }
    guard order.count == ids.count else {
        throw .cycle(ids: cycle(ids: ids, predecessors: predecessors) { remaining[$0.position] > 0 }.map { ids[$0] })
    }
    return order
}

/// One cycle, from its first name on, each followed by one that it waits for. Every job of which `isLeft` is true has a
/// predecessor of which it is true too, as Kahn's algorithm leaves them; so a walk back through them meets itself.
private func cycle(ids: [String], predecessors: Rows<Edge>, isLeft: (JobIndex) -> Bool) -> [Int] {
    var walk: [Int] = []
    var stepOfJob: [Int: Int] = [:]
    var current = ids.indices.filter { isLeft(JobIndex($0)) }.min { ids[$0] < ids[$1] }
    while let job = current, stepOfJob[job] == nil {
        stepOfJob[job] = walk.count
        walk.append(job)
        current = predecessors[job].map(\.job).filter(isLeft).min { ids[$0.position] < ids[$1.position] }?.position
    }
    let loop = walk[(current.flatMap { stepOfJob[$0] } ?? 0)...]
    let first = loop.min { ids[$0] < ids[$1] } ?? 0
    let turn = loop.firstIndex(of: first) ?? loop.startIndex
    return Array(loop[turn...] + loop[..<turn])
}
