// From a document to settings: each key with its table, typed value and origin.

import TomlDocument
import UpdateModel

/// A place for one value: `[plugin.apt] memory_max`.
public struct PolicySlot: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let table: PolicyTable
    public let key: PolicyKey

    public init(table: PolicyTable, key: PolicyKey) {
        self.table = table
        self.key = key
    }

    /// As `--set` takes it: `plugin.apt.memory_max`.
    public var description: String {
        table == .document ? key.rawValue : "\(table.dottedName).\(key.rawValue)"
    }

    public static func < (left: Self, right: Self) -> Bool {
        left.table == right.table ? left.key < right.key : left.table < right.table
    }
}

/// A value with the place that it was given at.
public struct PolicySetting: Hashable, Sendable {
    public let value: PolicyValue
    public let origin: PolicyOrigin
    /// For diagnostics; `nil` for `--set`.
    let position: TextPosition?
}

/// Decodes one text; collects its settings and all that is wrong with it.
package struct PolicyDecoder {
    let layer: PolicyLayer
    let file: String
    private(set) var settings: [PolicySlot: PolicySetting] = [:]
    private(set) var diagnostics: [Diagnostic] = []

    package init(layer: PolicyLayer, file: String) {
        self.layer = layer
        self.file = file
    }

    // MARK: Files

    mutating func decode(_ bytes: [UInt8]) {
        do {
            try decodeDocument(parseToml(bytes, file: file))
        } catch {
            diagnostics.append(error)
        }
    }

    private mutating func decodeDocument(_ document: TomlTable) throws(Diagnostic) {
        for entry in document.entries {
            if let table = PolicyTable.named[entry.key] {
                decodeTable(entry, as: table)
            } else if entry.key == "step" {
                decodePhases(entry) { .step($0) }
            } else if entry.key == "plugin" {
                decodePlugins(entry)
            } else {
                decodeSetting(entry, in: .document)
            }
        }
    }

    private mutating func decodePlugins(_ entry: TomlEntry) {
        guard case .table(let plugins) = entry.value.content else {
            return report(
                "\"plugin\" must be tables such as [plugin.apt], not \(entry.value.kind)", at: entry.value.position)
        }
        for plugin in plugins.entries {
            if case .table = plugin.value.content, let name = PluginName(plugin.key) {
                decodePhases(plugin) { .plugin(name, $0) }
            } else if PluginName(plugin.key) != nil {
                let message = "\"\(plugin.key)\" needs the name of a plugin before it, as in [plugin.NAME]"
                report(message, at: plugin.keyPosition)
            } else {
                report(Self.invalidName(plugin.key), at: plugin.keyPosition)
            }
        }
    }

    package static func invalidName(_ name: String) -> String {
        "\"\(name)\" is no name of a plugin: those are of a–z, 0–9, \".\", \"_\" and \"-\", "
            + "at most 64, and begin with a letter or digit"
    }

    /// `[step]` and `[step.PHASE]`, `[plugin.NAME]` and `[plugin.NAME.PHASE]`.
    private mutating func decodePhases(_ entry: TomlEntry, _ table: (Phase?) -> PolicyTable) {
        decodeTable(entry, as: table(nil)) { decoder, inner in
            guard case .table = inner.value.content, inner.key != "io" else { return false }
            if let phase = Phase(rawValue: inner.key) {
                decoder.decodeTable(inner, as: table(phase))
                return true
            }
            guard PolicyKey(rawValue: inner.key) == nil else { return false }
            let phases = Phase.allCases.map(\.rawValue)
            let hint = didYouMean(inner.key, in: phases)
            let list = phases.joined(separator: ", ")
            decoder.report(
                "unknown phase \"\(inner.key)\"\(table(nil).place)\(hint): phases are \(list)", at: inner.keyPosition)
            return true
        }
    }

    /// - Parameter takes: Handles an entry that is no setting, and says whether it was one of those.
    private mutating func decodeTable(
        _ entry: TomlEntry, as table: PolicyTable, takes: (inout Self, TomlEntry) -> Bool = { _, _ in false }
    ) {
        guard case .table(let inner) = entry.value.content else {
            return report(
                "\"\(entry.key)\" must be a table \(table.header), not \(entry.value.kind)", at: entry.value.position)
        }
        for inner in inner.entries where !takes(&self, inner) { decodeSetting(inner, in: table) }
    }

    private mutating func decodeSetting(_ entry: TomlEntry, in table: PolicyTable) {
        if let key = key(named: entry.key, in: table, at: entry.keyPosition) {
            decodeValue(entry.value, of: PolicySlot(table: table, key: key), at: entry.keyPosition)
        }
    }

    package mutating func key(
        named name: String, in table: PolicyTable, at position: TextPosition?
    ) -> PolicyKey? {
        if let key = PolicyKey(rawValue: name) {
            if key.home.includes(table) { return key }
            let here = table == .document ? "at the top of the file" : "in \(table.header)"
            report("\"\(name)\" has no meaning \(here); it belongs in \(key.home.name)", at: position)
            return nil
        }
        var candidates = PolicyKey.allCases.filter { $0.home.includes(table) }.map(\.rawValue)
        switch table {
        case .document: candidates += PolicyTable.named.keys.sorted() + ["step", "plugin"]
        case .step(nil), .plugin(_, nil): candidates += Phase.allCases.map(\.rawValue)
        default: break
        }
        report("unknown key \"\(name)\"\(table.place)\(didYouMean(name, in: candidates))", at: position)
        return nil
    }

    package mutating func decodeValue(_ node: TomlNode, of slot: PolicySlot, at position: TextPosition?) {
        var decoder = ValueDecoder(key: slot.key, node: node)
        let value = decoder.decode()
        for problem in decoder.problems {
            // The positions of a `--set` are within its value; they would only confuse.
            report(problem.message, at: position == nil ? nil : problem.position)
        }
        if let value {
            let origin = PolicyOrigin(layer: layer, file: file, line: position?.line)
            settings[slot] = PolicySetting(value: value, origin: origin, position: position)
        }
    }

    package mutating func report(_ message: String, at position: TextPosition?) {
        diagnostics.append(Diagnostic(file: file, position: position, message: message))
    }
}
