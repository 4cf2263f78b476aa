// What earlier runs peaked at, as the file `peaks.json` of a state directory keeps it.

import JSONDocument
import Scheduling
import UpdateModel

/// The version of the record's form; a change that an old reader would misread raises it.
private let peakVersion: Int64 = 1

/// Appends the record as one line.
public func appendLine(of record: PeakRecord, to bytes: inout [UInt8]) {
    var writer = JSONWriter()
    swap(&writer.bytes, &bytes)
    writer.beginObject()
    writer.write("version", peakVersion)
    writer.key("steps")
    writer.beginArray()
    for (step, entry) in record.kept {
        writer.beginObject()
        writer.write("step", step.description)
        writer.write("last_run", entry.lastRun.rawValue)
        writer.key("memory_peak_bytes")
        writer.beginArray()
        for peak in entry.peaks { writer.write(peak.bytes) }
        writer.endArray()
        writer.writeIfPresent("killed_at_bytes", entry.lesson?.killedAt.bytes)
        writer.writeIfPresent("share_bytes", entry.lesson?.share.bytes)
        writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    writer.endLine()
    swap(&writer.bytes, &bytes)
}

/// Reads a record that `appendLine(of:to:)` wrote. Keys may come in any order; unknown ones are ignored.
/// - Throws: with line and column, where the text is no record, or one of a newer program.
public func readPeakRecord(_ bytes: [UInt8]) throws(JSONError) -> PeakRecord {
    var reader = JSONReader(bytes)
    let value = try reader.readLocatedValue()
    try reader.finish()
    do throws(EventDecodingError) {
        let members = try Members(of: value, in: bytes)
        let version: Int64 = try members.required("version", .integer)
        guard version == peakVersion else { throw members.unknown("version", "\(version)") }
        var entries: [StepID: PeakRecord.Entry] = [:]
        for step in try members.list("steps") {
            entries[try step.required("step", .step)] = try PeakRecord.Entry(step)
        }
        return PeakRecord(entries)
    } catch {
        throw error.error
    }
}

extension PeakRecord.Entry {
    fileprivate init(_ members: Members) throws(EventDecodingError) {
        self.init(
            lastRun: try members.required("last_run", .run),
            peaks: try members.list("memory_peak_bytes", .size))
        if let killedAt = try members.optional("killed_at_bytes", .size) {
            lesson = PeakRecord.Lesson(killedAt: killedAt, share: try members.required("share_bytes", .size))
        }
    }
}

extension Form<ByteCount> {
    /// A size that a step may have had: negative ones would count as room.
    fileprivate static var size: Self {
        Form("a number of bytes from 0 on") { $0.integerValue.flatMap { $0 < 0 ? nil : ByteCount($0) } }
    }
}
