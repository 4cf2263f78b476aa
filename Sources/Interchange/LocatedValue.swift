// A JSON text as a tree that remembers where each value stands, so that an error about its meaning says where it is.

import JSONDocument

struct LocatedValue {
    enum Content {
        /// Anything but an array or an object.
        case scalar(JSONValue)
        case array([LocatedValue])
        /// Members as they came.
        case object([(key: String, value: LocatedValue)])
    }

    /// Of its first byte in the text.
    let offset: Int
    let content: Content

    var isNull: Bool {
        if case .scalar(.null) = content { true } else { false }
    }

    /// What it is, for a message: a number itself, else its kind with its article, as in `a string`.
    var shown: String {
        switch content {
        case .scalar(.integer(let number)): "\(number)"
        case .scalar(.number(let number)): "\(number)"
        case .scalar(let value): value.kindName
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSONReader {
    /// The next value, whole. The reader bounds how deep this recurses.
    mutating func readLocatedValue() throws(JSONError) -> LocatedValue {
        switch try peek() {
        case .array:
            var elements: [LocatedValue] = []
            try beginArray()
            let offset = tokenOffset
            while try nextElement() { elements.append(try readLocatedValue()) }
            return LocatedValue(offset: offset, content: .array(elements))
        case .object:
            var members: [(key: String, value: LocatedValue)] = []
            try beginObject()
            let offset = tokenOffset
            while let key = try nextKey() { members.append((key, try readLocatedValue())) }
            return LocatedValue(offset: offset, content: .object(members))
        default:
            let value = try readValue()
            return LocatedValue(offset: tokenOffset, content: .scalar(value))
        }
    }
}
