// A merged policy as a file that says the same: for people to read, and for the parser to read again.

import UpdateModel

extension MergedPolicy {
    /// The policy as TOML. Merged again over the built-in policy, it is the same policy.
    /// - Parameter origins: whether a comment behind each value says where it was given.
    public func document(origins: Bool) -> String { Self.document(settings, origins: origins) }

    /// What one plugin's steps get, as the tables of that plugin: each value that is in force for a phase, whichever table
    /// it stands in. Put over any policy, it gives the plugin the same.
    public func document(of plugin: PluginName, origins: Bool) -> String {
        Self.document(settings(of: plugin), origins: origins)
    }

    /// What one plugin's steps get: each value that is in force for a phase, in the table of that phase.
    public func settings(of plugin: PluginName) -> [(slot: PolicySlot, setting: PolicySetting)] {
        ([nil] + Phase.allCases).flatMap { (phase: Phase?) in
            let places = phase.map { Self.tables(of: plugin, $0) } ?? [.plugin(plugin, nil)]
            return PolicyKey.allCases.filter { $0.belongs(to: plugin, phase) }.compactMap { key in
                setting(key, in: places).map {
                    (slot: PolicySlot(table: .plugin(plugin, phase), key: key), setting: $0.setting)
                }
            }
        }
    }

    private static func document(_ settings: [(slot: PolicySlot, setting: PolicySetting)], origins: Bool) -> String {
        var tables: [(table: PolicyTable, lines: [PolicyLine])] = []
        for (slot, setting) in settings {
            if tables.last?.table != slot.table { tables.append((slot.table, [])) }
            tables[tables.count - 1].lines.append(PolicyLine(key: slot.key, setting: setting))
        }
        return tables.map { PolicyLine.text($0.lines, of: $0.table, origins: origins) }.joined(separator: "\n")
    }
}

extension PolicyKey {
    /// Whether a key is shown in `[plugin.NAME.PHASE]`, or in `[plugin.NAME]` where it has a meaning only there.
    fileprivate func belongs(to plugin: PluginName, _ phase: Phase?) -> Bool {
        guard phase == nil else { return home.includes(.plugin(plugin, phase)) }
        return home.includes(.plugin(plugin, nil)) && !home.includes(.plugin(plugin, .execute))
    }
}

private struct PolicyLine {
    let key: PolicyKey
    let setting: PolicySetting

    private var assignment: String { "\(key.rawValue) = \(setting.value.text)" }

    /// Where origins begin at most: long lists stand out, and do not push all comments to the right.
    private static let widestColumn = 44

    /// A table with its header, keys in the order of the reference.
    static func text(_ lines: [PolicyLine], of table: PolicyTable, origins: Bool) -> String {
        let lines = lines.sorted { $0.key.position < $1.key.position }
        let widths = lines.map(\.assignment.unicodeScalars.count).filter { $0 < widestColumn }
        let column = (widths.max() ?? 0) + 2
        let body = lines.map { line -> String in
            guard origins else { return line.assignment + "\n" }
            let padding = String(repeating: " ", count: max(2, column - line.assignment.unicodeScalars.count))
            return "\(line.assignment)\(padding)# \(commentText(line.setting.origin.description))\n"
        }
        return (table == .document ? "" : table.header + "\n") + body.joined()
    }

    /// A file's name may have any byte in it but 0 and `/`; a comment ends with its line.
    private static func commentText(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: result += "?"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }
}

extension PolicyKey {
    /// In the order of their declaration, which is that of the reference.
    fileprivate var position: Int { Self.positions[self] ?? 0 }

    private static let positions = Dictionary(uniqueKeysWithValues: zip(allCases, 0...))
}
