// How many cells of a terminal a text takes, and how it is brought to a width.

/// Widths of sanitized text, in cells. Only single characters are looked at: joiners and variation selectors, about
/// which terminals disagree, never reach a display (see `Sanitizer`), so the sum is right on all of them.
public enum TextWidth {
    /// Cells of one character: 0 for a combining mark, 2 for East Asian wide and emoji, else 1.
    /// Ambiguous ones count 1, as in every locale that is not Chinese, Japanese or Korean.
    public static func of(_ scalar: Unicode.Scalar) -> Int {
        let value = scalar.value
        if value < 0x300 { return 1 }
        if WidthTable.contains(value, in: WidthTable.combining) { return 0 }
        return WidthTable.contains(value, in: WidthTable.wide) ? 2 : 1
    }

    /// Cells of a whole text.
    public static func of(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + of($1) }
    }
}

extension String {
    /// The text in at most `cells` cells: where it is longer, its end gives way to `…`.
    func truncated(to cells: Int) -> String {
        guard cells > 0 else { return "" }
        // Every cell takes a byte at least, so a short text needs no counting.
        if utf8.count <= cells || TextWidth.of(self) <= cells { return self }
        var kept = String.UnicodeScalarView()
        var width = 0
        for scalar in unicodeScalars {
            width += TextWidth.of(scalar)
            if width > cells - 1 { break }
            kept.append(scalar)
        }
        return String(kept) + "…"
    }

    /// The text in exactly `cells` cells, cut or filled with spaces behind it.
    func padded(to cells: Int) -> String {
        let text = truncated(to: cells)
        return text + String(repeating: " ", count: max(0, cells - TextWidth.of(text)))
    }

    /// The text in at least `cells` cells, filled with spaces before it.
    func leftPadded(to cells: Int) -> String {
        String(repeating: " ", count: max(0, cells - TextWidth.of(self))) + self
    }

    /// The text in lines of at most `cells` cells, broken at spaces and, in longer words, anywhere.
    func wrapped(to cells: Int) -> [String] {
        let cells = max(1, cells)
        var lines: [String] = []
        var line = ""
        var width = 0
        func endLine() {
            lines.append(line)
            line = ""
            width = 0
        }
        for word in split(separator: " ").map(String.init) {
            let wordWidth = TextWidth.of(word)
            if width > 0, width + 1 + wordWidth <= cells {
                line += " " + word
                width += 1 + wordWidth
                continue
            }
            if width > 0 { endLine() }
            for scalar in word.unicodeScalars {
                let scalarWidth = TextWidth.of(scalar)
                if width > 0, width + scalarWidth > cells { endLine() }
                line.unicodeScalars.append(scalar)
                width += scalarWidth
            }
        }
        if width > 0 || lines.isEmpty { endLine() }
        return lines
    }
}
