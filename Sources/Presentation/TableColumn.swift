// A table that gives up cells, then columns, where the display is narrow.

/// One column of a table.
struct TableColumn {
    enum Alignment { case left, right }

    /// Cells before the first column, and between two.
    private struct Spacing {
        let indent: Int
        let gap: Int
    }

    let title: String
    let alignment: Alignment
    let values: [String]
    /// In cells; of the widest value at first, 0 where nothing stands in it.
    private(set) var width: Int
    /// It is not made narrower than this; `nil`: it keeps the width of its widest value.
    let shrinksTo: Int?
    /// The lowest rank is dropped first; `nil`: never.
    let dropRank: Int?

    init(
        _ title: String, alignment: Alignment = .left, minimum: Int = 0, values: [String], shrinksTo: Int? = nil,
        dropRank: Int? = nil
    ) {
        self.title = title
        self.alignment = alignment
        self.values = values.map { Sanitizer.clean($0) }
        let widest = self.values.reduce(0) { max($0, TextWidth.of($1)) }
        width = widest == 0 ? 0 : max(minimum, TextWidth.of(title), widest)
        self.shrinksTo = shrinksTo
        self.dropRank = dropRank
    }

    private var slack: Int { max(0, width - (shrinksTo ?? width)) }

    private mutating func shrink(by cells: Int) { width -= min(cells, slack) }

    /// The title and the rows in at most `columns` cells. All columns have the same number of values.
    static func lines(_ table: [TableColumn], columns: Int) -> [StyledLine] {
        let spacing = columns < 100 ? Spacing(indent: 0, gap: 2) : Spacing(indent: 2, gap: 3)
        let table = fitted(table.filter { $0.width > 0 }, to: columns, spacing)
        let starts = starts(of: table, spacing)
        func line(style: Style, text: (TableColumn) -> String) -> StyledLine {
            var line = StyledLine()
            for (column, start) in zip(table, starts) {
                let cell = text(column).truncated(to: column.width)
                if cell.isEmpty { continue }
                line.pad(to: start)
                line.append(column.alignment == .right ? cell.leftPadded(to: column.width) : cell, style)
            }
            return line.truncated(to: columns)
        }
        let rows = (0..<(table.first?.values.count ?? 0)).map { row in line(style: .plain) { $0.values[row] } }
        return [line(style: .dim) { $0.title }] + rows
    }

    /// Where each column begins. One without a title belongs to the column before it and stands close to it.
    private static func starts(of table: [TableColumn], _ spacing: Spacing) -> [Int] {
        var starts: [Int] = []
        var end = 0
        for column in table {
            starts.append(starts.isEmpty ? spacing.indent : end + (column.title.isEmpty ? 1 : spacing.gap))
            end = starts.last! + column.width
        }
        return starts
    }

    private static func fitted(_ table: [TableColumn], to columns: Int, _ spacing: Spacing) -> [TableColumn] {
        var table = table
        while let last = table.indices.last {
            let excess = starts(of: table, spacing)[last] + table[last].width - columns
            if excess <= 0 { break }
            let candidates = table.indices.filter { table[$0].dropRank != nil }
            guard let first = candidates.min(by: { table[$0].dropRank! < table[$1].dropRank! }) else {
                for index in table.indices { table[index].shrink(by: excess) }
                break
            }
            // A column that could be narrower but not by so much goes as a whole; before one that cannot be
            // narrower goes, the others give way.
            let helper = table[first].slack > 0 ? first : candidates.first { table[$0].slack >= excess }
            if let helper, table[helper].slack >= excess {
                table[helper].shrink(by: excess)
            } else {
                table.remove(at: first)
            }
        }
        return table
    }
}
