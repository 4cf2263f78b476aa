// Who goes first among the jobs that could start.

/// Every job once, the most urgent first. What improves a plan improves this list: the dispatcher follows any.
public struct PriorityOrder: Sendable {
    /// Jobs by rank.
    let jobs: [JobIndex]
    /// Rank by job; 0 is the most urgent.
    let ranks: [Int32]

    /// - Parameter jobs: each job of the problem once, the most urgent first.
    public init(_ jobs: [JobIndex]) {
        self.jobs = jobs
        var ranks = [Int32](repeating: 0, count: jobs.count)
        for (rank, job) in jobs.enumerated() { ranks[job.position] = Int32(rank) }
        self.ranks = ranks
    }

    /// By the longest remaining path, own duration included; among equals by name, so that the same problem always gets
    /// the same order, in whatever order its jobs were added.
    public static func longestRemainingPath(of problem: Problem) -> PriorityOrder {
        let remaining = remainingPaths(of: problem)
        return PriorityOrder(
            problem.jobs.sorted { left, right in
                let (leftPath, rightPath) = (remaining[left.position], remaining[right.position])
                if leftPath != rightPath { return leftPath > rightPath }
                return problem.ids[left.position] < problem.ids[right.position]
            })
    }

    func rank(of job: JobIndex) -> Int { Int(ranks[job.position]) }
}

/// For each job the seconds from its start to the end of the last job behind it, where nothing but edges makes it wait.
func remainingPaths(of problem: Problem) -> [Double] {
    var remaining = problem.durations
    for job in problem.topologicalOrder.reversed() {
        var behind = 0.0
        for position in problem.successors.range(of: job.position) {
            behind = max(behind, remaining[problem.successors.elements[position].job.position])
        }
        remaining[job.position] += behind
    }
    return remaining
}
