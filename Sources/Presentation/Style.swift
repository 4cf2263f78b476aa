// Lines of styled text: what a display shows, without saying how a terminal is told so.

/// Names of colours; a terminal's own palette says what they look like.
public enum Colour: Sendable, Hashable, CaseIterable {
    case red, green, yellow, blue, cyan
}

public struct Style: Sendable, Hashable {
    public var colour: Colour?
    public var isBold: Bool
    public var isDim: Bool

    public init(colour: Colour? = nil, isBold: Bool = false, isDim: Bool = false) {
        self.colour = colour
        self.isBold = isBold
        self.isDim = isDim
    }

    public static let plain = Style()
    public static let bold = Style(isBold: true)
    public static let dim = Style(isDim: true)
    public static let good = Style(colour: .green)
    public static let bad = Style(colour: .red, isBold: true)
    public static let warning = Style(colour: .yellow)
    public static let accent = Style(colour: .cyan)
}

/// Text of one style.
public struct StyledRun: Sendable, Hashable {
    public let text: String
    public let style: Style
}

/// One line of a display. Whatever is added is sanitized here, in the one place that all text passes, so that no name,
/// message or file content can drive a terminal.
public struct StyledLine: Sendable, Hashable {
    public private(set) var runs: [StyledRun] = []
    /// In cells.
    public private(set) var width = 0

    public init() {}

    public init(_ text: String, _ style: Style = .plain) { append(text, style) }

    /// The text without its styles.
    public var text: String { runs.reduce(into: "") { $0 += $1.text } }

    public mutating func append(_ text: String, _ style: Style = .plain) {
        let clean = Sanitizer.clean(text)
        guard !clean.isEmpty else { return }
        runs.append(StyledRun(text: clean, style: style))
        width += TextWidth.of(clean)
    }

    /// Adds spaces until the line is `cells` wide.
    mutating func pad(to cells: Int) {
        if width < cells { append(String(repeating: " ", count: cells - width)) }
    }

    /// The line without the spaces at its end.
    var trimmed: StyledLine {
        var line = self
        while let last = line.runs.popLast() {
            guard let end = last.text.lastIndex(where: { $0 != " " }) else { continue }
            line.runs.append(StyledRun(text: String(last.text[...end]), style: last.style))
            break
        }
        line.width = line.runs.reduce(0) { $0 + TextWidth.of($1.text) }
        return line
    }

    /// The line in at most `cells` cells: where it is longer, its end gives way to `…`.
    public func truncated(to cells: Int) -> StyledLine {
        if width <= cells { return self }
        var line = StyledLine()
        for run in runs {
            let room = cells - line.width
            // A run that fills the line exactly, with more behind it, has to give a cell to the mark.
            let isLast = TextWidth.of(run.text) >= room
            line.append(isLast ? (run.text + " ").truncated(to: room) : run.text, run.style)
            if isLast { break }
        }
        return line
    }
}

extension [StyledLine] {
    /// Adds `text` in lines of at most `columns` cells, behind `first` and then, indented alike, below it.
    mutating func appendWrapped(_ text: String, behind first: StyledLine, columns: Int, style: Style = .plain) {
        // A prefix that takes most of the line leaves no room beside it: the text then goes below.
        let indent = first.width <= columns * 3 / 5 ? first.width : Swift.min(4, columns / 4)
        var line = first
        if indent != first.width, !first.runs.isEmpty {
            append(first.trimmed.truncated(to: columns))
            line = StyledLine(String(repeating: " ", count: indent))
        }
        for part in Sanitizer.clean(text).wrapped(to: columns - indent) {
            line.append(part, style)
            append(line.truncated(to: columns))
            line = StyledLine(String(repeating: " ", count: indent))
        }
    }
}
