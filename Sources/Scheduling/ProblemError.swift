// What can be wrong with a problem, in the words that the user reads.

import UpdateModel

public enum ProblemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Each of `ids` waits for the next one, the last for the first.
    case cycle(ids: [String])
    case duplicateJob(String)
    case duplicateCapacity(String)
    case unknownPredecessor(job: String, predecessor: String, nearest: String?)
    case unknownCapacity(job: String, capacity: String, nearest: String?)
    case impossibleDemand(job: String, capacity: String, needed: Double, available: Double)
    case badDuration(job: String, seconds: Double)
    case badDemand(job: String, capacity: String, amount: Double)
    case duplicateDemand(job: String, capacity: String)
    case badCapacity(String, amount: Double)

    public var description: String {
        switch self {
        case .cycle(let ids):
            "dependency cycle: \(cycleText(ids))"
        case .duplicateJob(let id):
            "job \"\(id)\" is given twice"
        case .duplicateCapacity(let name):
            "capacity \"\(name)\" is given twice"
        case .unknownPredecessor(let job, let predecessor, let nearest):
            "job \"\(job)\" comes after \"\(predecessor)\", which does not exist\(suggestion(nearest))"
        case .unknownCapacity(let job, let capacity, let nearest):
            "job \"\(job)\" needs \(capacity), but there is no such capacity\(suggestion(nearest))"
        case .impossibleDemand(let job, let capacity, let needed, let available):
            "job \"\(job)\" needs \(capacity)=\(plain(needed)), but only \(plain(available)) exist"
        case .badDuration(let job, let seconds):
            "job \"\(job)\" has a duration of \(plain(seconds)) s; a duration is a finite number from 0 on"
        case .badDemand(let job, let capacity, let amount):
            "job \"\(job)\" needs \(capacity)=\(plain(amount)); a demand is a number from 0 to 2^53"
        case .duplicateDemand(let job, let capacity):
            "job \"\(job)\" gives its demand of \(capacity) twice"
        case .badCapacity(let name, let amount):
            "capacity \(name) is \(plain(amount)); a capacity is a number from 0 to 2^53"
        }
    }
}

/// `a → b → a`.
func cycleText(_ names: [String]) -> String {
    (names + names.prefix(1)).joined(separator: " → ")
}

/// ` (did you mean "y"?)`, or nothing.
func suggestion(_ nearest: String?) -> String {
    nearest.map { " (did you mean \"\($0)\"?)" } ?? ""
}

/// A number without the `.0` of a whole one.
private func plain(_ number: Double) -> String {
    Int64(exactly: number).map(String.init) ?? "\(number)"
}
