// Names as small numbers: each name once, in the order in which it was first seen.

struct NameTable: Sendable {
    private(set) var names: [String] = []
    private var indices: [String: Int32] = [:]
    private let foldsCase: Bool

    /// - Parameter foldsCase: whether names that differ only in case are one; the first spelling is kept.
    init(foldsCase: Bool = false) { self.foldsCase = foldsCase }

    mutating func intern(_ name: String) -> Int32 {
        let key = foldsCase ? name.lowercased() : name
        if let index = indices[key] { return index }
        let index = Int32(names.count)
        indices[key] = index
        names.append(name)
        return index
    }

    func index(of name: String) -> Int32? { indices[foldsCase ? name.lowercased() : name] }
}
