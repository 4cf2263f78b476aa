// Titles with marked sentences below them, for any width of 40 cells and more: what a policy does, say.

/// A title and what stands below it.
public struct OutlineSection: Hashable, Sendable {
    public enum Mark: Hashable, Sendable {
        case good, altered, missing, leftOut

        fileprivate var sign: String {
            switch self {
            case .good: "✓"
            case .altered: "≈"
            case .missing: "✗"
            case .leftOut: "–"
            }
        }

        fileprivate var style: Style {
            switch self {
            case .good: .good
            case .altered: .warning
            case .missing: .bad
            case .leftOut: .dim
            }
        }
    }

    public struct Item: Hashable, Sendable {
        public var mark: Mark
        public var text: String
        /// Sentences below it, indented, without a mark.
        public var details: [String]

        public init(_ mark: Mark, _ text: String, details: [String] = []) {
            self.mark = mark
            self.text = text
            self.details = details
        }
    }

    public var title: String
    /// Below the title, less prominent.
    public var subtitle: String?
    public var items: [Item]

    public init(title: String, subtitle: String? = nil, items: [Item]) {
        self.title = title
        self.subtitle = subtitle
        self.items = items
    }
}

public enum Outline {
    /// Sections with an empty line between them.
    /// - Parameter columns: width of the display in cells.
    public static func lines(_ sections: [OutlineSection], columns: Int) -> [StyledLine] {
        var lines: [StyledLine] = []
        for section in sections {
            if !lines.isEmpty { lines.append(StyledLine()) }
            lines.appendWrapped(section.title, behind: StyledLine(), columns: columns, style: .bold)
            if let subtitle = section.subtitle {
                lines.appendWrapped(subtitle, behind: StyledLine("  "), columns: columns, style: .dim)
            }
            for item in section.items {
                var head = StyledLine("  ")
                head.append(item.mark.sign, item.mark.style)
                head.append(" ")
                lines.appendWrapped(item.text, behind: head, columns: columns)
                for detail in item.details {
                    lines.appendWrapped(detail, behind: StyledLine("      "), columns: columns, style: .dim)
                }
            }
        }
        return lines
    }
}
