// Writes JSON text into memory, value by value, without building a document first.

/// Appends JSON to ``bytes``, on one line; commas come of themselves.
/// ```swift
/// var writer = JSONWriter()
/// writer.beginObject()
/// writer.write("seq", 7)
/// writer.key("names")
/// writer.beginArray()
/// writer.write("apt")
/// writer.endArray()
/// writer.endObject()
/// ```
/// What is written is well-formed as long as each `begin` has its `end` and, in an object, each value its key.
public struct JSONWriter: Sendable {
    /// What has been written. May be exchanged for another buffer between two documents, so that one is used again.
    public var bytes: [UInt8]
    private var needsComma = false
    private var depth = 0

    public init(_ bytes: [UInt8] = []) { self.bytes = bytes }

    // MARK: Structure

    public mutating func beginObject() { begin(ASCII.openBrace) }
    public mutating func endObject() { end(ASCII.closeBrace) }
    public mutating func beginArray() { begin(ASCII.openBracket) }
    public mutating func endArray() { end(ASCII.closeBracket) }

    /// Ends the document with a line feed; another may follow.
    public mutating func endLine() {
        assert(depth == 0, "an object or array is still open")
        bytes.append(ASCII.lineFeed)
        needsComma = false
    }

    /// The key of the value that is written next.
    public mutating func key(_ key: String) {
        write(key)
        bytes.append(ASCII.colon)
        needsComma = false
    }

    // MARK: Values

    public mutating func write(_ value: String) {
        separate()
        bytes.appendJSONString(value.utf8Span.span)
    }

    /// Bytes that should be UTF-8: each invalid sequence becomes U+FFFD, as `String(decoding:as:)` does it.
    public mutating func write(repairing text: Span<UInt8>) {
        separate()
        bytes.appendJSONString(text)
    }

    public mutating func write(_ value: Int64) {
        separate()
        if value < 0 { bytes.append(ASCII.minus) }
        bytes.appendDecimal(value.magnitude)
    }

    public mutating func write(_ value: UInt64) {
        separate()
        bytes.appendDecimal(value)
    }

    /// The shortest text that reads back as the same double; a whole number has no `.0`.
    /// JSON has no NaN and no infinity: they become `null`.
    public mutating func write(_ value: Double) {
        // Whole numbers to 2^53 are exact; −0 keeps its sign.
        if value.magnitude < 0x1p53, value == value.rounded(.towardZero), value != 0 || value.sign == .plus {
            write(Int64(value))
            return
        }
        separate()
        bytes.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
    }

    public mutating func write(_ value: Bool) {
        separate()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    public mutating func writeNull() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    public mutating func write(_ value: JSONValue) {
        switch value {
        case .null: writeNull()
        case .bool(let value): write(value)
        case .integer(let value): write(value)
        case .number(let value): write(value)
        case .string(let value): write(value)
        case .array(let elements):
            beginArray()
            for element in elements { write(element) }
            endArray()
        case .object(let members):
            beginObject()
            for member in members {
                key(member.key)
                write(member.value)
            }
            endObject()
        }
    }

    // MARK: Members

    public mutating func write(_ key: String, _ value: String) {
        self.key(key)
        write(value)
    }

    public mutating func write(_ key: String, _ value: Int64) {
        self.key(key)
        write(value)
    }

    public mutating func write(_ key: String, _ value: Double) {
        self.key(key)
        write(value)
    }

    public mutating func write(_ key: String, _ value: Bool) {
        self.key(key)
        write(value)
    }

    // MARK: Parts

    private mutating func separate() {
        if needsComma { bytes.append(ASCII.comma) }
        needsComma = true
    }

    private mutating func begin(_ opening: UInt8) {
        separate()
        bytes.append(opening)
        depth += 1
        needsComma = false
    }

    private mutating func end(_ closing: UInt8) {
        assert(depth > 0, "no object or array is open")
        bytes.append(closing)
        depth -= 1
        needsComma = true
    }
}
