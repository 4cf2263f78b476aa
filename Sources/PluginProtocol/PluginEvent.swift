// What a plugin says while it works, beside its text: one JSON object a line.

import JSONDocument
import RunModel
import UpdateModel

/// One event of a plugin.
public enum PluginEvent: Hashable, Sendable {
    case progress(Progress)
    case phaseStart(Phase)
    case phaseEnd(Phase, success: Bool, error: String?)
    case result(UpdateResult)
}

/// What a line is.
enum EventLine {
    /// Text.
    case output
    /// `complaint`: something of it could not be used, and why.
    case event(PluginEvent, complaint: String?)
    /// An object of another type than we know: ignored.
    case unknown(complaint: String)

    /// Whether a line that begins with `byte` can be an event at all. All that an ordinary line costs.
    @inline(__always)
    static func mayBegin(with byte: UInt8, on stream: OutputStream) -> Bool {
        byte == UInt8(ascii: "P") || (byte == UInt8(ascii: "{") && stream == .stderr)
    }

    /// - Parameters:
    ///   - line: a whole line, not empty.
    ///   - phase: the one that runs.
    static func decode(_ line: UnsafeBufferPointer<UInt8>, phase: Phase, stream: OutputStream) -> EventLine {
        let prefix = "PROGRESS:".utf8
        if line.starts(with: prefix) {
            guard let object = EventObject(line.dropFirst(prefix.count), runningPhase: phase) else { return .output }
            return object.event
        }
        // Without the prefix only what says of itself that it is progress: tools log JSON to stderr, too.
        guard stream == .stderr, line[0] == UInt8(ascii: "{"),
            let object = EventObject(line[...], runningPhase: phase), object.saysItIsProgress
        else { return .output }
        return object.event
    }
}

/// Reads the fields of an event. One that is missing or `null` is `nil`, one of another type is so with a complaint.
private struct EventObject {
    private let members: JSONValue
    private let runningPhase: Phase

    /// `nil` where the text is not an object.
    init?(_ text: some Collection<UInt8>, runningPhase: Phase) {
        guard let value = try? JSONValue(parsing: text), case .object = value else { return nil }
        members = value
        self.runningPhase = runningPhase
    }

    /// `nil` where it is not a string.
    var type: String? {
        guard let type = members["type"], type != .null else { return "progress" }
        return type.stringValue
    }

    /// Not only by default.
    var saysItIsProgress: Bool { members["type"]?.stringValue == "progress" }

    var event: EventLine {
        var fields = EventFields(members)
        switch type {
        case "progress":
            var progress = Progress(phase: phase)
            // A JSON number is never NaN.
            progress.percent = fields.value("percent", "a number", \.doubleValue).map { min(max($0, 0), 100) }
            progress.message =
                fields.value("message", "a string", \.stringValue)
                ?? fields.value("package", "a string", \.stringValue)
            progress.bytesDownloaded = fields.count("bytes_downloaded").map(ByteCount.init)
            progress.bytesTotal = fields.count("bytes_total").map(ByteCount.init)
            progress.itemsCompleted = fields.count("items_completed")
            progress.itemsTotal = fields.count("items_total")
            return .event(.progress(progress), complaint: fields.complaint)
        case "phase_start":
            return .event(.phaseStart(phase), complaint: nil)
        case "phase_end":
            let error = fields.value("error", "a string", \.stringValue)
            let success = fields.value("success", "true or false", \.boolValue) ?? (error == nil)
            return .event(.phaseEnd(phase, success: success, error: error), complaint: fields.complaint)
        case "result":
            return .event(.result(fields.updateResult()), complaint: fields.complaint)
        case let type?:
            return .unknown(complaint: "an event of the unknown type \"\(type.prefix(64))\" was ignored")
        case nil:
            return .unknown(complaint: "an event whose \"type\" is not a string was ignored")
        }
    }

    private var phase: Phase {
        guard let phase = members["phase"], phase != .null else { return runningPhase }
        return phase.stringValue.flatMap(Phase.init) ?? .execute
    }
}

private struct EventFields {
    private let members: JSONValue
    /// About the first field that was of another type.
    private(set) var complaint: String?

    init(_ members: JSONValue) { self.members = members }

    mutating func value<Value>(_ key: String, _ expected: String, _ convert: (JSONValue) -> Value?) -> Value? {
        guard let member = members[key], member != .null else { return nil }
        let value = convert(member)
        if value == nil { complain(key, expected, member) }
        return value
    }

    /// A number of things: whole and not negative. Of a fraction, which some tools print, the whole part.
    mutating func count(_ key: String) -> Int64? {
        value(key, "a number that is not negative", \.wholeCount)
    }

    mutating func updateResult() -> UpdateResult {
        var result = UpdateResult()
        for package in value("packages", "an array", \.arrayValue) ?? [] {
            guard let name = package.stringValue ?? package["name"]?.stringValue else {
                complain("packages", "an array of objects that have a name", package)
                continue
            }
            let (from, to) = (package["from"]?.stringValue, package["to"]?.stringValue)
            result.packages.append(UpdatedPackage(name: name, from: from, to: to))
        }
        result.packagesUpdated = count("packages_updated") ?? Int64(result.packages.count)
        result.held = value("held", "an array of strings", \.strings) ?? []
        result.restart = value("restart", "an array of strings", \.strings) ?? []
        result.rebootRequired = value("reboot_required", "true or false", \.boolValue) ?? false
        return result
    }

    private mutating func complain(_ key: String, _ expected: String, _ found: JSONValue) {
        guard complaint == nil else { return }
        complaint = "\"\(key)\" in an event must be \(expected), not \(found.kindName)"
    }
}

extension JSONValue {
    /// A number that is not negative, without its fraction.
    var wholeCount: Int64? {
        if case .integer(let value) = self { return value >= 0 ? value : nil }
        // 2⁶³ is the first that does not fit.
        guard let value = doubleValue, value >= 0, value < 0x1p63 else { return nil }
        return Int64(value)
    }

    /// An array of strings only.
    var strings: [String]? {
        guard let elements = arrayValue else { return nil }
        let strings = elements.compactMap(\.stringValue)
        return strings.count == elements.count ? strings : nil
    }
}
