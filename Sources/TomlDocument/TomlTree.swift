// A TOML document as a tree that remembers where everything stands.

/// A value and the place where it begins.
public struct TomlNode: Hashable, Sendable {
    public enum Content: Hashable, Sendable {
        case string(String)
        case integer(Int64)
        case float(Double)
        case boolean(Bool)
        /// A date, a time or both, in the form of RFC 3339.
        case dateTime(String)
        case array([TomlNode])
        case table(TomlTable)
    }

    public let content: Content
    public let position: TextPosition

    public init(_ content: Content, at position: TextPosition) {
        self.content = content
        self.position = position
    }

    /// What it is, as people say it: `a string`, `an integer`.
    public var kind: String {
        switch content {
        case .string: "a string"
        case .integer: "an integer"
        case .float: "a number"
        case .boolean: "a boolean"
        case .dateTime: "a date or time"
        case .array: "an array"
        case .table: "a table"
        }
    }
}

/// A key with its value.
public struct TomlEntry: Hashable, Sendable {
    public let key: String
    public let keyPosition: TextPosition
    public let value: TomlNode

    public init(key: String, keyPosition: TextPosition, value: TomlNode) {
        self.key = key
        self.keyPosition = keyPosition
        self.value = value
    }
}

/// A table: the document itself, `[name]`, `{ … }`, or what a dotted key implies.
public struct TomlTable: Hashable, Sendable {
    /// In the order of the text; no key twice.
    public let entries: [TomlEntry]
    /// Where its header, its brace or the first key that implies it begins; 1:1 for the document itself.
    public let position: TextPosition

    public init(entries: [TomlEntry], position: TextPosition) {
        self.entries = entries
        self.position = position
    }

    public subscript(key: String) -> TomlEntry? { entries.first { $0.key == key } }
}
