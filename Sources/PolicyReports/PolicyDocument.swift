// A merged policy as a file that says the same: for people to read, and for the parser to read again.

import Policy
import RunPolicy
import UpdateModel

/// A value of a policy as it is shown.
public struct ShownSetting: Hashable, Sendable {
    public let slot: PolicySlot
    /// As it is in force.
    public let value: PolicyValue
    public let origin: PolicyOrigin
    /// As it was asked for, and the place of the ceiling that has cut it; `nil`: it is in force as asked.
    public let cut: Cut?

    public struct Cut: Hashable, Sendable {
        public let asked: PolicyValue
        public let ceiling: PolicyOrigin
    }

    fileprivate init(_ slot: PolicySlot, _ setting: PolicySetting, _ value: PolicyValue, ceiling: PolicyOrigin?) {
        self.slot = slot
        self.value = value
        origin = setting.origin
        cut = ceiling.map { Cut(asked: setting.value, ceiling: $0) }
    }

    /// `other` where the ceiling has cut that, a `memory_max`, below this, a `memory_high` of the same table.
    fileprivate init(_ setting: Self, atMost other: Self) {
        slot = setting.slot
        origin = setting.origin
        guard let ceiling = other.cut?.ceiling, case .memory(let high) = setting.value,
            case .memory(let maximum) = other.value, high.isAbove(maximum)
        else {
            value = setting.value
            cut = setting.cut
            return
        }
        value = other.value
        cut = Cut(asked: setting.cut?.asked ?? setting.value, ceiling: ceiling)
    }
}

extension MergedPolicy {
    /// The policy as TOML. Merged again over the built-in policy, it is the same policy.
    /// - Parameter origins: whether a comment behind each value says where it was given.
    public func document(origins: Bool, on facts: MachineFacts) -> String {
        Self.document(shownSettings(on: facts), origins: origins)
    }

    /// What one plugin's steps get, as the tables of that plugin: each value that is in force for a phase, whichever table
    /// it stands in. Put over any policy, it gives the plugin the same.
    public func document(of plugin: PluginName, origins: Bool, on facts: MachineFacts) -> String {
        Self.document(shownSettings(of: plugin, on: facts), origins: origins)
    }

    /// Every value, in the order of the tables. What a table of a plugin asks for is shown as asked where the ceiling has
    /// different values for its phases; those are shown for the plugin alone.
    public func shownSettings(on facts: MachineFacts) -> [ShownSetting] {
        let shown = settings.map { slot, setting in
            let found = views(behind: slot.table, on: facts).compactMap { $0.resolve(slot.key) }.filter {
                $0.slot == slot
            }
            guard let first = found.first, found.allSatisfy({ $0.value == first.value }) else {
                return ShownSetting(slot, setting, setting.value, ceiling: nil)
            }
            return ShownSetting(slot, setting, first.value, ceiling: first.ceiling?.origin)
        }
        return Self.reachable(shown)
    }

    /// The ceiling may leave a `memory_max` below the `memory_high` that was asked for beside a larger one. No memory ever
    /// gets that high, and a file with such a pair is refused: it is shown as high as memory can get.
    private static func reachable(_ settings: [ShownSetting]) -> [ShownSetting] {
        let maxima: [PolicyTable: ShownSetting] = settings.reduce(into: [:]) { maxima, setting in
            if setting.slot.key == .memoryMax { maxima[setting.slot.table] = setting }
        }
        return settings.map { setting in
            guard setting.slot.key == .memoryHigh, let maximum = maxima[setting.slot.table] else { return setting }
            return ShownSetting(setting, atMost: maximum)
        }
    }

    /// What is looked at where a value of this table is in force.
    private func views(behind table: PolicyTable, on facts: MachineFacts) -> [PolicyView] {
        switch table {
        case .plugin(let plugin, nil): Phase.allCases.map { view(Self.tables(of: plugin, $0), on: facts) }
        case .plugin(let plugin, let phase?): [view(Self.tables(of: plugin, phase), on: facts)]
        case .step(let phase?): [view([.step(phase), .step(nil)], on: facts)]
        default: [view([table], on: facts)]
        }
    }

    /// What one plugin's steps get: each value that is in force for a phase, in the table of that phase.
    public func shownSettings(of plugin: PluginName, on facts: MachineFacts) -> [ShownSetting] {
        let shown = ([nil] + Phase.allCases).flatMap { (phase: Phase?) in
            let places = phase.map { Self.tables(of: plugin, $0) } ?? [.plugin(plugin, nil), .step(nil)]
            let view = view(places, on: facts)
            return PolicyKey.allCases.filter { $0.belongs(to: plugin, phase) }.compactMap { key in
                view.resolve(key).map {
                    ShownSetting(
                        PolicySlot(table: .plugin(plugin, phase), key: key), $0.setting, $0.value,
                        ceiling: $0.ceiling?.origin)
                }
            }
        }
        return Self.reachable(shown)
    }

    private static func document(_ settings: [ShownSetting], origins: Bool) -> String {
        var tables: [(table: PolicyTable, lines: [PolicyLine])] = []
        for setting in settings {
            if tables.last?.table != setting.slot.table { tables.append((setting.slot.table, [])) }
            tables[tables.count - 1].lines.append(PolicyLine(setting: setting))
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
    let setting: ShownSetting

    private var assignment: String { "\(setting.slot.key.rawValue) = \(setting.value.text)" }

    /// Where it was given, and what the ceiling made of it; the latter is always said.
    private func comment(origins: Bool) -> String? {
        let parts = [
            origins ? setting.origin.description : nil,
            setting.cut.map { "cut from \($0.asked.text) to \($0.ceiling.asCeiling)" },
        ].compactMap(\.self)
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    /// Where origins begin at most: long lists stand out, and do not push all comments to the right.
    private static let widestColumn = 44

    /// A table with its header, keys in the order of the reference.
    static func text(_ lines: [PolicyLine], of table: PolicyTable, origins: Bool) -> String {
        let lines = lines.sorted { $0.setting.slot.key.position < $1.setting.slot.key.position }
        let widths = lines.map(\.assignment.unicodeScalars.count).filter { $0 < widestColumn }
        let column = (widths.max() ?? 0) + 2
        let body = lines.map { line -> String in
            guard let comment = line.comment(origins: origins) else { return line.assignment + "\n" }
            let padding = String(repeating: " ", count: max(2, column - line.assignment.unicodeScalars.count))
            return "\(line.assignment)\(padding)# \(commentText(comment))\n"
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
