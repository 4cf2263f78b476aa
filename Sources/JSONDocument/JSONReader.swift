// Reads a JSON text token by token, as its caller asks for them; builds nothing that was not asked for.

/// A pull reader of one JSON text (RFC 8259, strict: valid UTF-8, no unpaired surrogates, no byte order mark).
///
/// The caller says what it expects, and the reader throws where the text has something else:
/// ```swift
/// var reader = JSONReader(bytes)
/// try reader.beginObject()
/// while let key = try reader.nextKey() {
///     switch key {
///     case "name": name = try reader.readString()
///     default: try reader.skipValue()
///     }
/// }
/// try reader.finish()
/// ```
/// After an error the reader must not be used further, except to make more errors. No input makes it trap.
public struct JSONReader {
    /// Objects and arrays may be nested this deep.
    public static let maximumDepth = 64

    public enum Kind: Sendable { case object, array, string, number, bool, null }

    let bytes: [UInt8]
    var position = 0
    private var depth = 0
    /// Whether the innermost container that is being read has had no member yet. One flag serves all levels:
    /// a container that has been left was itself a member of the one around it.
    private var isFirst = false
    /// Offset of the key or value that was read last; an error about its meaning points there.
    public private(set) var tokenOffset = 0

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// An error of the caller's own, at the token that was read last or at `offset`.
    public func error(_ message: String, at offset: Int? = nil) -> JSONError {
        JSONError(message, at: offset ?? tokenOffset, in: bytes)
    }

    // MARK: Structure

    /// The kind of the value that comes next.
    public mutating func peek() throws(JSONError) -> Kind {
        skipWhitespace()
        switch current {
        case ASCII.openBrace: return .object
        case ASCII.openBracket: return .array
        case ASCII.quote: return .string
        case ASCII.minus, ASCII.zero...ASCII.nine: return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        default: throw unexpected("a value")
        }
    }

    public mutating func beginObject() throws(JSONError) {
        try begin(ASCII.openBrace, "an object")
    }

    public mutating func beginArray() throws(JSONError) {
        try begin(ASCII.openBracket, "an array")
    }

    /// The next member's key, behind which its value is to be read; `nil` at the end of the object.
    public mutating func nextKey() throws(JSONError) -> String? {
        guard try advance(until: ASCII.closeBrace, or: "',' or '}'") else { return nil }
        let token = try keyToken()
        return try text(of: token)
    }

    /// Whether the array has another element, which is then to be read; `false` at its end.
    public mutating func nextElement() throws(JSONError) -> Bool {
        try advance(until: ASCII.closeBracket, or: "',' or ']'")
    }

    /// Checks that nothing follows the value that was read.
    public mutating func finish() throws(JSONError) {
        skipWhitespace()
        guard position == bytes.count else { throw unexpected("the end of the text") }
    }

    // MARK: Values

    public mutating func readString() throws(JSONError) -> String {
        try expect(ASCII.quote, "a string")
        let token = try scanString()
        return try text(of: token)
    }

    public mutating func readBool() throws(JSONError) -> Bool {
        skipWhitespace()
        tokenOffset = position
        if passes("true") { return true }
        if passes("false") { return false }
        throw unexpected("true or false")
    }

    public mutating func readNull() throws(JSONError) {
        skipWhitespace()
        tokenOffset = position
        guard passes("null") else { throw unexpected("null") }
    }

    /// A number, as the double that is nearest to it. One that is too large for a double is an error.
    public mutating func readDouble() throws(JSONError) -> Double {
        try double(of: try numberToken("a number"))
    }

    /// A whole number, however it is written (`3`, `3.0`, `3e2`), in the range of `Int64`.
    public mutating func readInteger() throws(JSONError) -> Int64 {
        let token = try numberToken("a whole number")
        if let integer = token.integer { return integer }
        guard let integer = Int64(exactly: try double(of: token)) else {
            throw error("expected a whole number of 64 bits, found \(excerpt(of: token))")
        }
        return integer
    }

    /// Any value, whole. For small documents: it is all in memory then.
    public mutating func readValue() throws(JSONError) -> JSONValue {
        switch try peek() {
        case .null:
            try readNull()
            return .null
        case .bool:
            return .bool(try readBool())
        case .string:
            return .string(try readString())
        case .number:
            let token = try numberToken("a number")
            if let integer = token.integer { return .integer(integer) }
            return .number(try double(of: token))
        case .array:
            var elements: [JSONValue] = []
            try beginArray()
            while try nextElement() { elements.append(try readValue()) }
            return .array(elements)
        case .object:
            var members: [JSONMember] = []
            try beginObject()
            while let key = try nextKey() { members.append(JSONMember(key: key, value: try readValue())) }
            return .object(members)
        }
    }

    /// Passes over any value, with the same checks as reading it.
    public mutating func skipValue() throws(JSONError) {
        switch try peek() {
        case .null: try readNull()
        case .bool: _ = try readBool()
        case .number: _ = try readDouble()
        case .string: try skip(try scanString())
        case .array:
            try beginArray()
            while try nextElement() { try skipValue() }
        case .object:
            try beginObject()
            while try advance(until: ASCII.closeBrace, or: "',' or '}'") {
                try skip(try keyToken())
                try skipValue()
            }
        }
    }

    // MARK: Parts

    /// The byte at `position`; 0, which no JSON text has outside strings, at the end.
    var current: UInt8 { position < bytes.count ? bytes[position] : 0 }

    private mutating func skipWhitespace() {
        while position < bytes.count {
            switch bytes[position] {
            case ASCII.space, ASCII.lineFeed, ASCII.carriageReturn, ASCII.tab: position += 1
            default: return
            }
        }
    }

    private mutating func expect(_ byte: UInt8, _ name: String) throws(JSONError) {
        skipWhitespace()
        tokenOffset = position
        guard current == byte else { throw unexpected(name) }
    }

    private mutating func begin(_ opening: UInt8, _ name: String) throws(JSONError) {
        try expect(opening, name)
        guard depth < Self.maximumDepth else {
            throw error("objects and arrays may be nested \(Self.maximumDepth) deep, not deeper")
        }
        position += 1
        depth += 1
        isFirst = true
    }

    /// Goes to the next member of the container; `false` where it ends instead.
    private mutating func advance(until closing: UInt8, or separators: String) throws(JSONError) -> Bool {
        skipWhitespace()
        if current == closing {
            position += 1
            depth -= 1
            isFirst = false
            return false
        }
        if !isFirst {
            guard current == ASCII.comma else { throw unexpected(separators) }
            position += 1
            skipWhitespace()
        }
        isFirst = false
        return true
    }

    private mutating func keyToken() throws(JSONError) -> StringToken {
        try expect(ASCII.quote, "a key")
        let token = try scanString()
        skipWhitespace()
        guard current == ASCII.colon else { throw unexpected("':'") }
        position += 1
        return token
    }

    private mutating func skip(_ token: StringToken) throws(JSONError) {
        // Only escapes and bytes beyond ASCII can still be wrong.
        if !token.isPlain { _ = try text(of: token) }
    }

    private mutating func numberToken(_ name: String) throws(JSONError) -> NumberToken {
        skipWhitespace()
        tokenOffset = position
        guard current == ASCII.minus || ASCII.isDigit(current) else { throw unexpected(name) }
        return try scanNumber()
    }

    private mutating func passes(_ literal: StaticString) -> Bool {
        literal.withUTF8Buffer { literal in
            guard bytes.count - position >= literal.count else { return false }
            for index in literal.indices where bytes[position + index] != literal[index] { return false }
            position += literal.count
            return true
        }
    }

    func unexpected(_ expectation: String) -> JSONError {
        error("expected \(expectation), found \(found)", at: position)
    }

    private var found: String {
        guard position < bytes.count else { return "the end of the text" }
        switch bytes[position] {
        case ASCII.openBrace: return "an object"
        case ASCII.openBracket: return "an array"
        case ASCII.quote: return "a string"
        case ASCII.minus, ASCII.zero...ASCII.nine: return "a number"
        case UInt8(ascii: "t") where bytes[position...].starts(with: "true".utf8): return "true"
        case UInt8(ascii: "f") where bytes[position...].starts(with: "false".utf8): return "false"
        case UInt8(ascii: "n") where bytes[position...].starts(with: "null".utf8): return "null"
        case let byte where byte > ASCII.space && byte < ASCII.delete:
            return "'\(Character(Unicode.Scalar(byte)))'"
        case let byte:
            let digits = String(byte, radix: 16, uppercase: true)
            return "the byte 0x\(digits.utf8.count == 1 ? "0" : "")\(digits)"
        }
    }
}
