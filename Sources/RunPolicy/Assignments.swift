// What is set for one run alone: `--set KEY=VALUE`, and what is asked for while it goes on.

import Policy
import TomlDocument
import UpdateModel

/// Merges the layers of a policy: those of files, and what is set for one run alone, the strongest last.
/// - Parameter assignments: `KEY=VALUE` each.
/// - Throws: All that is wrong with any of them, sorted by file and position.
public func mergePolicy(
    _ texts: PolicyTexts, set assignments: [String],
    extended: @escaping (_ name: String, _ relativeTo: String) -> PolicyText?
) throws(Diagnostics) -> MergedPolicy {
    try mergePolicy(texts, and: assignments.map { PolicyDecoder(assignment: $0) }, extended: extended)
}

extension MergedPolicy {
    /// The policy with further `KEY=VALUE`, the strongest last, whatever has become of its files meanwhile.
    /// - Throws: what `--set` would say.
    public func setting(_ assignments: [String]) throws(Diagnostics) -> MergedPolicy {
        try merged(with: assignments.map { PolicyDecoder(assignment: $0) })
    }
}

extension PolicyDecoder {
    fileprivate init(assignment: String) {
        self.init(layer: .set, file: "--set \(assignment)")
        decode(assignment)
    }

    /// Decodes `KEY=VALUE`: the key is dotted, the value TOML where it parses as that and a bare string otherwise.
    private mutating func decode(_ assignment: String) {
        guard let equals = assignment.firstIndex(of: "="), equals != assignment.startIndex else {
            return report("this must be KEY=VALUE, such as plugin.apt.memory_max=1G", at: nil)
        }
        let path = assignment[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard let table = table(of: path.dropLast()), let name = path.last,
            let key = key(named: name, in: table, at: nil)
        else { return }
        guard key != .extends else { return report("\"extends\" can only be in a file", at: nil) }
        decodeValue(
            Self.node(String(assignment[assignment.index(after: equals)...])), of: PolicySlot(table: table, key: key),
            at: nil)
    }

    private mutating func table(of path: ArraySlice<String>) -> PolicyTable? {
        guard let first = path.first else { return .document }
        if path.count == 1, let table = PolicyTable.named[first] { return table }
        // A name may have dots of its own, quoted or not, so only what stands last can be a phase.
        let phase = path.count > 1 ? path.last.flatMap { Phase(rawValue: $0) } : nil
        var middle = path.dropFirst().dropLast(phase == nil ? 0 : 1).joined(separator: ".")
        if middle.count > 2, middle.hasPrefix("\""), middle.hasSuffix("\"") {
            middle = String(middle.dropFirst().dropLast())
        }
        switch first {
        case "step":
            if middle.isEmpty { return .step(phase) }
            report(
                "unknown phase \"\(middle)\" in [step]\(didYouMean(middle, in: Phase.allCases.map(\.rawValue)))",
                at: nil)
        case "plugin":
            if let name = PluginName(middle) { return .plugin(name, phase) }
            report(Self.invalidName(middle), at: nil)
        default:
            let name = path.joined(separator: ".")
            let tables = PolicyTable.named.keys.sorted() + ["step", "plugin"]
            report("there is no table [\(name)]\(didYouMean(name, in: tables))", at: nil)
        }
        return nil
    }

    private static func node(_ text: String) -> TomlNode {
        if let table = try? parseToml(Array("value = \(text)".utf8), file: ""), table.entries.count == 1,
            let entry = table["value"]
        {
            return entry.value
        }
        return TomlNode(.string(text), at: TextPosition(line: 1, column: 1))
    }
}

extension PolicyTable {
    /// Whether a step finds values here.
    public func concerns(_ plugin: PluginName, _ phase: Phase) -> Bool {
        MergedPolicy.tables(of: plugin, phase).contains(self)
    }
}
