// The plan of an abstract problem, in the form of any plan but without what only plugins have
// (docs/contract.md, "plan --problem FILE").

import JSONDocument
import Scheduling

/// Appends the schedule as one line. Durations are given, not predicted, hence low and high are the same.
/// - Parameter problem: the one that was scheduled.
public func appendLine(of schedule: Schedule, of problem: Problem, to bytes: inout [UInt8]) {
    var writer = JSONWriter()
    swap(&writer.bytes, &bytes)
    writer.beginObject()
    writer.write("version", planVersion)
    writer.write("makespan_seconds", schedule.makespan)
    writer.write("makespan_low", schedule.makespan)
    writer.write("makespan_high", schedule.makespan)
    writer.write("critical_path", schedule.criticalPath.map { problem.id(of: $0) })
    writer.key("steps")
    writer.beginArray()
    for entry in schedule.entries { writer.write(entry, of: problem) }
    writer.endArray()
    writer.key("skipped")
    writer.beginArray()
    writer.endArray()
    writer.endObject()
    writer.endLine()
    swap(&writer.bytes, &bytes)
}

extension JSONWriter {
    fileprivate mutating func write(_ entry: Schedule.Entry, of problem: Problem) {
        let duration = problem.duration(of: entry.job)
        beginObject()
        write("id", problem.id(of: entry.job))
        key("after")
        beginArray()
        for edge in problem.predecessors(of: entry.job) { write(problem.id(of: edge.job)) }
        endArray()
        write("mutexes", problem.mutexes(of: entry.job))
        key("demand")
        beginObject()
        for part in problem.demand(of: entry.job) { write(part.name, part.amount) }
        endObject()
        write("start_seconds", entry.start)
        write("duration_seconds", duration)
        write("duration_low", duration)
        write("duration_high", duration)
        write("wave", Int64(entry.wave))
        endObject()
    }
}
