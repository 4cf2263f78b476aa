// The members of a JSON object, for a decoder that asks for each by its key.

import JSONDocument
import UpdateModel

/// One object of an event. Keys that are not asked for are ignored, since a newer program may write more than this one
/// knows; where a key comes twice, the last one counts; `null` is the same as absent.
struct Members {
    /// In the order in which they came.
    let all: [(key: String, value: LocatedValue)]
    private let offset: Int
    /// The whole text, for the line and column of an error.
    private let text: [UInt8]

    init(of value: LocatedValue, in text: [UInt8]) throws(EventDecodingError) {
        guard case .object(let members) = value.content else {
            throw .invalid(JSONError("expected an object, found \(value.shown)", at: value.offset, in: text))
        }
        all = members
        offset = value.offset
        self.text = text
    }

    // MARK: Values

    func required<Value>(_ key: String, _ form: Form<Value>) throws(EventDecodingError) -> Value {
        guard let value = try optional(key, form) else { throw missing(key) }
        return value
    }

    func optional<Value>(_ key: String, _ form: Form<Value>) throws(EventDecodingError) -> Value? {
        guard let value = value(of: key) else { return nil }
        return try read(value, of: key, form)
    }

    /// An array; one that is absent is empty.
    func list<Value>(_ key: String, _ form: Form<Value>) throws(EventDecodingError) -> [Value] {
        var list: [Value] = []
        for element in try elements(of: key) { list.append(try read(element, of: key, form)) }
        return list
    }

    // MARK: Objects

    func required(_ key: String) throws(EventDecodingError) -> Members {
        guard let members = try optional(key) else { throw missing(key) }
        return members
    }

    func optional(_ key: String) throws(EventDecodingError) -> Members? {
        guard let value = value(of: key) else { return nil }
        return try Members(of: value, in: text)
    }

    /// An array of objects; one that is absent is empty.
    func list(_ key: String) throws(EventDecodingError) -> [Members] {
        var list: [Members] = []
        for element in try elements(of: key) { list.append(try Members(of: element, in: text)) }
        return list
    }

    // MARK: Parts

    /// `value`, which `key` has, in its form.
    func read<Value>(
        _ value: LocatedValue, of key: String, _ form: Form<Value>
    ) throws(EventDecodingError) -> Value {
        guard case .scalar(let scalar) = value.content else { throw unexpected(value, of: key, form.name) }
        if let result = form.read(scalar) { return result }
        guard case .string(let found) = scalar else { throw unexpected(value, of: key, form.name) }
        if form.isOpen { throw unknown(key, quoted(found)) }
        let message = "\(quoted(key)) must be \(form.name), not \(quoted(found))"
        throw .invalid(JSONError(message, at: value.offset, in: text))
    }

    /// The error for a value that only a newer program knows; `shown` is how a message has it.
    func unknown(_ key: String, _ shown: String) -> EventDecodingError {
        let message = "\(quoted(key)) is \(shown), which this version does not know"
        return .unknown(JSONError(message, at: value(of: key)?.offset ?? offset, in: text))
    }

    private func value(of key: String) -> LocatedValue? {
        guard let value = all.last(where: { $0.key == key })?.value, !value.isNull else { return nil }
        return value
    }

    private func elements(of key: String) throws(EventDecodingError) -> [LocatedValue] {
        guard let value = value(of: key) else { return [] }
        guard case .array(let elements) = value.content else { throw unexpected(value, of: key, "an array") }
        return elements
    }

    private func missing(_ key: String) -> EventDecodingError {
        .invalid(JSONError("\(quoted(key)) is missing", at: offset, in: text))
    }

    private func unexpected(_ value: LocatedValue, of key: String, _ expected: String) -> EventDecodingError {
        let message = "\(quoted(key)) must be \(expected), not \(value.shown)"
        return .invalid(JSONError(message, at: value.offset, in: text))
    }
}

/// A stranger's text for a message: as JSON has it, so that a terminal obeys nothing in it, and cut where it is long.
private func quoted(_ text: String) -> String {
    var bytes: [UInt8] = []
    bytes.appendJSONString(String(text.prefix(64)).utf8Span.span)
    return String(decoding: bytes, as: UTF8.self)
}
