// The policies that there are, as `update-all policy list` shows them.

/// One policy, or one file over it.
public struct PolicyRow: Hashable, Sendable {
    public var name: String
    /// `in use`, or nothing.
    public var state: String
    public var description: String
    public var file: String

    public init(name: String, state: String, description: String, file: String) {
        self.name = name
        self.state = state
        self.description = description
        self.file = file
    }
}

public enum PolicyTable {
    public static func lines(_ rows: [PolicyRow], columns: Int) -> [StyledLine] {
        TableColumn.lines(
            [
                TableColumn("policy", values: rows.map(\.name), shrinksTo: 16),
                TableColumn("state", values: rows.map(\.state)),
                TableColumn("description", values: rows.map(\.description), shrinksTo: 20),
                TableColumn("from", values: rows.map(\.file), shrinksTo: 20, dropRank: 0),
            ], columns: columns)
    }
}
