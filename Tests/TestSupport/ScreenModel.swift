// What a terminal would show: the few sequences that the displays use, and none else.

/// A screen of cells with its scrollback, which takes the bytes that a display writes.
public struct ScreenModel {
    private struct Row {
        var cells: [String] = []
        /// The row goes on in the next one, since the terminal became too narrow for it.
        var isWrapped = false

        var text: String {
            var cells = cells
            while cells.last == " " { cells.removeLast() }
            return cells.joined()
        }
    }

    private var lines = [Row()]
    /// Index into `lines`.
    private var cursorLine = 0
    private var cursorColumn = 0
    private let width: (Unicode.Scalar) -> Int
    public private(set) var columns: Int
    public private(set) var rows: Int
    public private(set) var wrapsLines = true
    public private(set) var isCursorVisible = true
    /// The screen is not drawn until the update's end.
    public private(set) var isUpdating = false
    /// Control characters and sequences that no display should send.
    public private(set) var unexpected: [String] = []

    /// - Parameter width: cells of a character.
    public init(columns: Int, rows: Int, width: @escaping (Unicode.Scalar) -> Int) {
        self.columns = columns
        self.rows = rows
        self.width = width
    }

    /// The rows on the screen, without spaces at their ends and without empty rows below.
    public var visible: [String] {
        var texts = lines[top...].map(\.text)
        while texts.last == "" { texts.removeLast() }
        return texts
    }

    /// Scrollback and screen, without empty rows below.
    public var everything: [String] {
        var texts = lines.map(\.text)
        while texts.last == "" { texts.removeLast() }
        return texts
    }

    private var top: Int { max(0, lines.count - rows) }

    public mutating func feed(_ bytes: [UInt8]) {
        var scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            switch scalar {
            case "\u{1B}": takeSequence(&scalars)
            case "\r": cursorColumn = 0
            case "\n": lineFeed()
            case "\0"..."\u{1F}", "\u{7F}"..."\u{9F}": unexpected.append(scalar.debugDescription)
            default: put(scalar)
            }
        }
    }

    /// As most terminals do it: lines that no longer fit are wrapped, and unwrapped where they fit again.
    public mutating func resize(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        var reflowed: [Row] = []
        var newCursor = (line: 0, column: cursorColumn)
        var index = 0
        while index < lines.count {
            var cells = lines[index].cells
            var cursor = index == cursorLine ? cursorColumn : nil
            while lines[index].isWrapped, index + 1 < lines.count {
                index += 1
                if index == cursorLine { cursor = cells.count + cursorColumn }
                cells += lines[index].cells
            }
            let first = reflowed.count
            repeat {
                reflowed.append(Row(cells: Array(cells.prefix(columns)), isWrapped: cells.count > columns))
                cells.removeFirst(min(columns, cells.count))
            } while !cells.isEmpty
            if let cursor { newCursor = (min(first + cursor / columns, reflowed.count - 1), cursor % columns) }
            index += 1
        }
        lines = reflowed
        (cursorLine, cursorColumn) = newCursor
        // The rows below the cursor are empty ones, which no terminal keeps.
        while lines.count > cursorLine + 1, lines.last?.cells.isEmpty == true { lines.removeLast() }
    }

    private mutating func put(_ scalar: Unicode.Scalar) {
        let cells = width(scalar)
        if cells == 0 {
            if cursorColumn > 0, cursorColumn <= lines[cursorLine].cells.count {
                lines[cursorLine].cells[cursorColumn - 1].unicodeScalars.append(scalar)
            }
            return
        }
        if cursorColumn + cells > columns {
            if wrapsLines {
                lines[cursorLine].isWrapped = true
                cursorColumn = 0
                lineFeed()
            } else {
                cursorColumn = columns - cells
            }
        }
        while lines[cursorLine].cells.count < cursorColumn + cells { lines[cursorLine].cells.append(" ") }
        lines[cursorLine].cells[cursorColumn] = String(scalar)
        if cells == 2 { lines[cursorLine].cells[cursorColumn + 1] = "" }
        cursorColumn += cells
    }

    private mutating func lineFeed() {
        cursorLine += 1
        if cursorLine == lines.count { lines.append(Row()) }
    }

    private mutating func takeSequence(_ scalars: inout Substring.UnicodeScalarView) {
        var sequence = ""
        while let scalar = scalars.popFirst() {
            sequence.unicodeScalars.append(scalar)
            if sequence.unicodeScalars.count > 1, ("@"..."~").contains(scalar) { break }
        }
        let number = Int(sequence.dropFirst().dropLast()) ?? 1
        switch (sequence.first, sequence.last) {
        case ("[", "m"): break
        case ("[", "A"): cursorLine = max(top, cursorLine - number)
        case ("[", "B"): cursorLine = min(lines.count - 1, cursorLine + number)
        case ("[", "K") where number == 2: lines[cursorLine].cells = []
        case ("[", "J"):
            for index in lines.indices where index > cursorLine { lines[index] = Row() }
            lines[cursorLine].cells.removeSubrange(min(cursorColumn, lines[cursorLine].cells.count)...)
        case ("[", "h"), ("[", "l"):
            let isOn = sequence.last == "h"
            switch sequence.dropLast() {
            case "[?7": wrapsLines = isOn
            case "[?25": isCursorVisible = isOn
            case "[?2026": isUpdating = isOn
            default: unexpected.append(sequence)
            }
        default: unexpected.append(sequence)
        }
    }
}
