// The plugins that were found, as `update-all list` shows them.

import UpdateModel

/// One plugin of the list.
public struct PluginRow: Hashable, Sendable {
    public var name: PluginName
    /// `applies`, or why not.
    public var state: String
    public var applies: Bool
    /// The account, or `root (not trusted)`.
    public var runAs: String
    /// Directory or manifest it comes from.
    public var origin: String

    public init(name: PluginName, state: String, applies: Bool, runAs: String, origin: String) {
        self.name = name
        self.state = state
        self.applies = applies
        self.runAs = runAs
        self.origin = origin
    }
}

public enum PluginTable {
    public static func lines(_ rows: [PluginRow], columns: Int) -> [StyledLine] {
        TableColumn.lines(
            [
                TableColumn("plugin", values: rows.map(\.name.rawValue)),
                TableColumn("state", values: rows.map(\.state), shrinksTo: 20),
                TableColumn("as", values: rows.map(\.runAs), dropRank: 1),
                TableColumn("from", values: rows.map(\.origin), shrinksTo: 12, dropRank: 0),
            ], columns: columns)
    }
}
