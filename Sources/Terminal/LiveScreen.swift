// The lines at the bottom of a terminal that are drawn again and again, and those that scroll away above them.

import Presentation

/// Works out the bytes of one frame from what stands on the screen. Between frames the cursor is at the begin of the
/// region's last line; an empty region is the line where the cursor is.
///
/// A frame is one piece of bytes inside a synchronized update, so that a terminal shows it whole or not at all.
/// While it is written lines do not wrap: where a terminal takes a character for wider than we do, only that line
/// suffers.
struct LiveScreen {
    private static let frameStart = "\u{1B}[?2026h\u{1B}[?7l"
    private static let frameEnd = "\u{1B}[?7h\u{1B}[?2026l"
    private static let clearLine = "\u{1B}[2K"
    private static let clearBelow = "\u{1B}[J"

    private let colour: Bool
    private var shown: [StyledLine] = []
    private var columns = 0

    init(colour: Bool) { self.colour = colour }

    /// The bytes after which `permanent` lines stand above the region and the region is `live`; empty where nothing
    /// is to be changed.
    mutating func frame(permanent: [StyledLine], live: [StyledLine], columns: Int) -> [UInt8] {
        let isReflowed = columns != self.columns && !shown.isEmpty
        if permanent.isEmpty, live == shown, !isReflowed {
            self.columns = columns
            return []
        }
        var bytes = Array(Self.frameStart.utf8)
        if permanent.isEmpty, live.count == shown.count, !isReflowed {
            redrawChangedLines(live, to: &bytes)
        } else {
            redrawAll(permanent: permanent, live: live, columns: columns, to: &bytes)
        }
        bytes.append(contentsOf: Self.frameEnd.utf8)
        shown = live
        self.columns = columns
        return bytes
    }

    private func redrawChangedLines(_ live: [StyledLine], to bytes: inout [UInt8]) {
        let last = live.count - 1
        var row = last
        for index in live.indices where live[index] != shown[index] {
            move(from: row, to: index, in: &bytes)
            row = index
            draw(live[index], to: &bytes)
            bytes.append(0x0D)
        }
        move(from: row, to: last, in: &bytes)
    }

    private func redrawAll(permanent: [StyledLine], live: [StyledLine], columns: Int, to bytes: inout [UInt8]) {
        move(from: rowsAboveCursor(columns: columns), to: 0, in: &bytes)
        bytes.append(0x0D)
        // After a resize it is not known what stands in which row, and rows that the new lines do not reach keep the
        // old ones: all of it goes before it is drawn again.
        if columns != self.columns || live.isEmpty || permanent.count + live.count < shown.count {
            bytes.append(contentsOf: Self.clearBelow.utf8)
        }
        for line in permanent {
            draw(line, to: &bytes)
            bytes.append(contentsOf: [0x0D, 0x0A])
        }
        for (index, line) in live.enumerated() {
            if index > 0 { bytes.append(contentsOf: [0x0D, 0x0A]) }
            draw(line, to: &bytes)
        }
        bytes.append(0x0D)
    }

    /// Rows between the region's first one and the cursor. A terminal that became narrower has wrapped its longer
    /// lines (VTE, kitty, foot, tmux; xterm does not, there a few permanent lines may be drawn over).
    private func rowsAboveCursor(columns: Int) -> Int {
        shown.dropLast().reduce(0) { rows, line in
            rows + (columns < self.columns ? max(1, (line.width + columns - 1) / columns) : 1)
        }
    }

    /// Clears the line of the cursor as a whole and draws `line`. (Clearing only what is behind the new text leaves tmux
    /// in the belief that the line is as long as before, and it wraps it when the terminal becomes narrower.)
    private func draw(_ line: StyledLine, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: Self.clearLine.utf8)
        line.render(colour: colour, to: &bytes)
    }

    private func move(from row: Int, to target: Int, in bytes: inout [UInt8]) {
        if target < row { bytes.append(contentsOf: "\u{1B}[\(row - target)A".utf8) }
        if target > row { bytes.append(contentsOf: "\u{1B}[\(target - row)B".utf8) }
    }
}
