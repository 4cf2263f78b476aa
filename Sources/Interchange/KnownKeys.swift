// Objects of a form that only programs write: every key is known and comes once.

import JSONDocument
import UpdateModel

/// The keys that an object may have, and which of them have been read. To be copied for each object of its kind.
struct KnownKeys<Key: RawRepresentable<String> & CaseIterable> {
    private let all: [(name: String, key: Key)]
    /// One bit for each of `all`.
    private var seen: UInt64 = 0

    init() { all = Key.allCases.map { ($0.rawValue, $0) } }

    /// The next member's key; `nil` at the end of the object.
    /// - Throws: where the key is not one of these, or comes the second time.
    mutating func next(in reader: inout JSONReader) throws(JSONError) -> Key? {
        guard let name = try reader.nextKey() else { return nil }
        guard let index = all.firstIndex(where: { $0.name == name }) else {
            let names = all.map(\.name)
            let hint =
                nearestName(to: name, in: names).map { " (did you mean \"\($0)\"?)" }
                ?? "; the keys here are \(names.joined(separator: ", "))"
            throw reader.error("unknown key \"\(name)\"\(hint)")
        }
        guard seen & 1 << UInt64(index) == 0 else { throw reader.error("the key \"\(name)\" comes twice") }
        seen |= 1 << UInt64(index)
        return all[index].key
    }
}
