// Values with their origins, as `update-all config show` prints them.

import RunModel

public enum ConfigurationTable {
    /// - Parameters:
    ///   - showsOrigin: whether each value says where it stands.
    ///   - columns: width of the display in cells.
    public static func lines(_ values: [ConfiguredValue], showsOrigin: Bool, columns: Int) -> [StyledLine] {
        let origin = TableColumn("from", values: values.map(\.place))
        return TableColumn.lines(
            [
                TableColumn("key", values: values.map(\.key)),
                TableColumn("value", values: values.map(\.value), shrinksTo: 12),
            ] + (showsOrigin ? [origin] : []), columns: columns)
    }
}
