import Scheduling
import TestSupport

/// A small problem of any shape: sparse or dense edges of both kinds, few or many mutexes, up to three capacities, jobs
/// of equal and of no duration. With it how much there is of each capacity.
func randomProblem(_ random: inout SeededGenerator) throws -> (Problem, amounts: [String: Double]) {
    var builder = ProblemBuilder()
    let capacities = (0..<Int.random(in: 0...3, using: &random)).map {
        ("R\($0)", Int.random(in: 1...6, using: &random))
    }
    for (name, amount) in capacities { try builder.add(capacity: name, Double(amount)) }
    let mutexCount = Int.random(in: 0...4, using: &random)
    let density = Int.random(in: 1...10, using: &random)
    let longest = Int.random(in: 1...8, using: &random)
    // Names in an order that is not that of the edges.
    let names = (0..<Int.random(in: 1...14, using: &random)).map { "j\($0)" }.shuffled(using: &random)
    for (position, name) in names.enumerated() {
        var job = JobDescription(id: name, duration: Double(Int.random(in: 0...longest, using: &random)))
        job.isFinal = Int.random(in: 0..<8, using: &random) == 0
        for earlier in names[..<position] where Int.random(in: 0..<20, using: &random) < density {
            job.predecessors.append((earlier, !job.isFinal && Bool.random(using: &random) ? .requires : .after))
        }
        for mutex in 0..<mutexCount {
            switch Int.random(in: 0..<6, using: &random) {
            case 0: job.mutexes.append("m\(mutex)")
            case 1: job.freeMutexes.append("M\(mutex)")
            default: break
            }
        }
        for (name, amount) in capacities where Bool.random(using: &random) {
            job.demand.append(NamedAmount(name, Double(Int.random(in: 0...(2 * amount), using: &random)) / 2))
        }
        try builder.add(job)
    }
    return (try builder.build(), Dictionary(uniqueKeysWithValues: capacities.map { ($0, Double($1)) }))
}
