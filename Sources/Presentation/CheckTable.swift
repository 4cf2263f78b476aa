// The updates that there are, for people: in all, of each plugin, of each package.

import RunModel

/// `update-all check`.
public enum CheckTable {
    /// - Parameter columns: width of the display in cells.
    public static func lines(_ check: UpdateCheck, columns: Int) -> [StyledLine] {
        var lines: [StyledLine] = []
        func add(_ text: String, _ style: Style = .plain) {
            lines.appendWrapped(text, behind: StyledLine(), columns: columns, style: style)
        }
        add(headline(check), .bold)
        for table in [pluginTable(check, columns: columns), packageTable(check, columns: columns)] where !table.isEmpty
        {
            lines.append(StyledLine())
            lines += table
        }
        let rest = remarks(check)
        if !rest.isEmpty { lines.append(StyledLine()) }
        for (text, style) in rest { add(text, style) }
        return lines
    }

    private static func headline(_ check: UpdateCheck) -> String {
        let updates = check.plugins.filter { $0.state == .updates }
        if updates.isEmpty { return "No updates for \(check.hostName) are known of." }
        var parts = [counted(updates.count, "plugin")]
        if updates.allSatisfy({ $0.packageCount != nil }) {
            parts.append(counted(Int(clamping: updates.reduce(0) { $0 + ($1.packageCount ?? 0) }), "package"))
        }
        if let fetch = check.fetch { parts.append("\(fetch.decimalDescription) to fetch") }
        if let seconds = check.expectedSeconds { parts.append("about \(Duration(boundedSeconds: seconds).sentence)") }
        return "Updates for \(check.hostName): \(parts.joined(separator: ", "))."
    }

    private static func pluginTable(_ check: UpdateCheck, columns: Int) -> [StyledLine] {
        let updates = check.plugins.filter { $0.state == .updates }
        if updates.isEmpty { return [] }
        return TableColumn.lines(
            [
                TableColumn("plugin", values: updates.map(\.plugin.rawValue), shrinksTo: 8),
                TableColumn("updates", values: updates.map(\.amount), shrinksTo: 12),
                TableColumn(
                    "to fetch", alignment: .right, values: updates.map { $0.fetch?.decimalDescription ?? "?" }),
                TableColumn("takes", alignment: .right, values: updates.map { $0.duration?.column ?? "?" }),
            ], columns: columns)
    }

    private static func packageTable(_ check: UpdateCheck, columns: Int) -> [StyledLine] {
        let rows = check.plugins.filter { $0.state == .updates }.flatMap { plugin in
            plugin.packages.map { (plugin: plugin.plugin, package: $0) }
        }
        if rows.isEmpty { return [] }
        return TableColumn.lines(
            [
                TableColumn("plugin", values: rows.map(\.plugin.rawValue), dropRank: 1),
                TableColumn("package", values: rows.map(\.package.name), shrinksTo: 12),
                TableColumn("now", values: rows.map { $0.package.from ?? "" }, shrinksTo: 8),
                TableColumn("then", values: rows.map { $0.package.to ?? "" }, shrinksTo: 8),
                TableColumn(
                    "to fetch", alignment: .right, values: rows.map { $0.package.fetch?.decimalDescription ?? "" },
                    dropRank: 0),
            ], columns: columns)
    }

    /// What is known of the other plugins; what went wrong comes last.
    private static func remarks(_ check: UpdateCheck) -> [(String, Style)] {
        func list(_ state: PluginCheck.State, _ title: String, withReasons: Bool) -> [(String, Style)] {
            let plugins = check.plugins.filter { $0.state == state }
            if plugins.isEmpty { return [] }
            let names = plugins.map { plugin in
                plugin.plugin.rawValue + (withReasons ? plugin.reason.map { " (\($0))" } ?? "" : "")
            }
            return [("\(title): \(names.joined(separator: ", "))", .plain)]
        }
        let failures = check.plugins.filter { $0.state == .failed || $0.state == .timedOut }.map { plugin in
            ("✗ \(plugin.plugin): its check failed: \(plugin.reason ?? "no reason was given")", Style.bad)
        }
        let notes = check.plugins.filter { $0.state == .updates && !$0.note.isEmpty }.map { plugin in
            ("\(plugin.plugin): \(plugin.note)", Style.warning)
        }
        return notes + list(.unknown, "Run without saying what they would do", withReasons: false)
            + list(.upToDate, "Up to date", withReasons: false)
            + list(.notApplicable, "Not applicable", withReasons: true)
            + list(.skipped, "Skipped", withReasons: true) + failures
    }
}

extension PluginCheck {
    /// `42 packages, 12 of security`.
    fileprivate var amount: String {
        let count = packageCount.map { counted(Int(clamping: $0), "package") } ?? "some"
        return count + (securityUpdates.flatMap { $0 > 0 ? ", \($0) of security" : nil } ?? "")
    }

    fileprivate var note: String {
        [requiresReboot ? "the machine needs a restart afterwards" : nil, reason].compactMap(\.self).joined(
            separator: "; ")
    }
}
