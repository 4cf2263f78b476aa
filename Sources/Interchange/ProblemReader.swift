// Reads an abstract planning problem (docs/contract.md, "plan --problem FILE") job by job into the scheduler's own form.

import JSONDocument
import Scheduling

/// Reads `{"capacities":{"R1":12},"jobs":[{"id":"a","duration_seconds":3,"after":["b"],"mutexes":["m"],
/// "demand":{"R1":2}}]}`. A job needs `id` and `duration_seconds`, the whole needs `jobs`; a job may come before those
/// that it is after. The form is written by programs, so an unknown key is an error, as is one that comes twice.
/// - Throws: `JSONError`, with line and column, where the text or a job for itself is not valid; `ProblemError` where
///   the jobs do not fit together, as in a cycle.
public func readProblem(_ bytes: [UInt8]) throws -> Problem {
    try readJobs(bytes).build()
}

private enum ProblemKey: String, CaseIterable { case capacities, jobs }

private enum JobKey: String, CaseIterable {
    case id
    case duration = "duration_seconds"
    case after, mutexes, demand
}

private func readJobs(_ bytes: [UInt8]) throws(JSONError) -> ProblemBuilder {
    var reader = JSONReader(bytes)
    var builder = ProblemBuilder()
    var keys = KnownKeys<ProblemKey>()
    let jobKeys = KnownKeys<JobKey>()
    var hasJobs = false
    try reader.beginObject()
    let start = reader.tokenOffset
    while let key = try keys.next(in: &reader) {
        switch key {
        case .capacities:
            for capacity in try reader.readAmounts() {
                do throws(ProblemError) {
                    try builder.add(capacity: capacity.amount.name, capacity.amount.amount)
                } catch {
                    throw reader.error("\(error)", at: capacity.offset)
                }
            }
        case .jobs:
            hasJobs = true
            try reader.beginArray()
            while try reader.nextElement() { try reader.readJob(jobKeys, into: &builder) }
        }
    }
    guard hasJobs else { throw reader.error("the problem has no \"jobs\"", at: start) }
    try reader.finish()
    return builder
}

extension JSONReader {
    fileprivate mutating func readJob(
        _ knownKeys: KnownKeys<JobKey>, into builder: inout ProblemBuilder
    ) throws(JSONError) {
        var keys = knownKeys
        var id: String?
        var duration: Double?
        var after: [(id: String, kind: EdgeKind)] = []
        var mutexes: [String] = []
        var demand: [NamedAmount] = []
        try beginObject()
        let start = tokenOffset
        while let key = try keys.next(in: &self) {
            switch key {
            case .id: id = try readString()
            case .duration: duration = try readDouble()
            case .after:
                try beginArray()
                while try nextElement() { after.append((try readString(), .after)) }
            case .mutexes:
                try beginArray()
                while try nextElement() { mutexes.append(try readString()) }
            case .demand: demand = try readAmounts().map(\.amount)
            }
        }
        guard let id else { throw error("a job has no \"id\"", at: start) }
        guard let duration else { throw error("job \"\(id)\" has no \"duration_seconds\"", at: start) }
        do throws(ProblemError) {
            try builder.add(
                JobDescription(id: id, duration: duration, predecessors: after, mutexes: mutexes, demand: demand))
        } catch {
            throw self.error("\(error)", at: start)
        }
    }

    /// An object name → number, with the place of each number.
    fileprivate mutating func readAmounts() throws(JSONError) -> [(amount: NamedAmount, offset: Int)] {
        var amounts: [(amount: NamedAmount, offset: Int)] = []
        // A job names few, among which to look costs less than a set.
        let few = 16
        var names: Set<String> = []
        try beginObject()
        while let name = try nextKey() {
            if amounts.count == few { names = Set(amounts.map(\.amount.name)) }
            let isNew =
                amounts.count < few
                ? !amounts.contains { $0.amount.name == name } : names.insert(name).inserted
            guard isNew else { throw error("the key \"\(name)\" comes twice") }
            let amount = try readDouble()
            amounts.append((NamedAmount(name, amount), tokenOffset))
        }
        return amounts
    }
}
