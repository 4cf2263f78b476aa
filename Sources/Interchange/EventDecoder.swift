// Reads the events of a run back from their lines: for a display that was too slow and reads on in the run's journal.

import JSONDocument
import RunModel
import UpdateModel

/// Why a line is no event. Both cases say where, counted within the line.
public enum EventDecodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Not JSON, or not an event's form.
    case invalid(JSONError)
    /// An event's form, but of a type, of a plan's version or with a word that this version does not know: a newer
    /// program wrote it, and a reader may skip it.
    case unknown(JSONError)

    public var error: JSONError {
        switch self {
        case .invalid(let error), .unknown(let error): error
        }
    }

    public var description: String { error.description }
}

/// The event that a line of `events.jsonl` or of `--ui json` says, with or without its line feed.
///
/// It is the event that ``appendLines(of:run:to:)`` wrote, with these differences: each line of output is an event of
/// its own, in valid UTF-8; measured times and durations are in whole microseconds; the writes to a control file that
/// is written more than once stand together. Keys may come in any order, unknown ones are ignored. No input traps.
/// - Throws: where the line is no event, or one that only a newer program understands.
public func decodeEvent(_ line: some Collection<UInt8>) throws(EventDecodingError) -> Event {
    let members = try Members(ofLine: line)
    let type: EventType = try members.required("type", .word)
    return Event(
        // What stands for lost output has no number of its own.
        seq: try type == .dropped ? 0 : members.required("seq", .count),
        timestamp: try members.required("timestamp", .timestamp),
        plugin: try members.optional("plugin", .plugin),
        body: try Event.Body(type, members))
}

extension Members {
    /// The object that is all of a line, with or without its line feed.
    init(ofLine line: some Collection<UInt8>) throws(EventDecodingError) {
        let text = Array(line)
        try self.init(of: try parse(text), in: text)
    }
}

private func parse(_ text: [UInt8]) throws(EventDecodingError) -> LocatedValue {
    do throws(JSONError) {
        var reader = JSONReader(text)
        let value = try reader.readLocatedValue()
        try reader.finish()
        return value
    } catch {
        throw .invalid(error)
    }
}

extension Event.Body {
    fileprivate init(_ type: EventType, _ members: Members) throws(EventDecodingError) {
        switch type {
        case .runStart: self = .runStart(try RunStart(members))
        case .plan: self = .plan(try Plan(members))
        case .phaseStart: self = .phaseStart(try PhaseStart(members))
        case .output: self = .output(try OutputLines(members))
        case .progress: self = .progress(try Progress(members))
        case .dropped: self = .dropped(try Dropped(members))
        case .result: self = .result(try UpdateResult(members))
        case .limit: self = .limit(try LimitDeviation(members))
        case .waiting:
            self = .waiting(
                try members.required("phase", .word), try members.required("for", .waitReason),
                givesUpAfter: try members.optional("gives_up_after_seconds", .seconds))
        case .throttle: self = .throttle(try Throttle(members))
        case .control: self = .control(try Intervention(members))
        case .stopping: self = .stopping(try Stopping(members))
        case .phaseEnd: self = .phaseEnd(try PhaseEnd(members))
        case .completion: self = .completion(try Completion(members))
        case .runEnd: self = .runEnd(try RunEnd(members))
        case .error: self = .error(try members.required("error", .string))
        }
    }
}
