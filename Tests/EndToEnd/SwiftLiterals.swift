// The string literals of a Swift source: enough of the language's lexical structure to find what a program can say.

/// A literal, or several that `+` joins.
struct SwiftLiteral {
    /// With `…` for each interpolation, white space as single blanks.
    let text: String
    /// From 1.
    let line: Int
    /// The code on its line before it, and the line before that: in what it is used.
    let context: String
}

/// Reads a source from its beginning to its end. Comments are skipped, and literals in interpolations are found as well.
struct SwiftLiteralReader {
    private let source: [Character]
    private var index = 0
    /// Up to where lines are counted.
    private var counted = 0
    private var line = 1
    private(set) var literals: [SwiftLiteral] = []

    init(_ source: String) {
        self.source = Array(source)
        readCode(untilParenthesis: false)
        literals.sort { $0.line < $1.line }
    }

    private func isNext(_ text: String, at place: Int) -> Bool { source[place...].starts(with: text) }

    /// Code to the end of the source, or to the parenthesis that closes an interpolation.
    private mutating func readCode(untilParenthesis: Bool) {
        var depth = 0
        while index < source.count {
            if isNext("//", at: index) {
                index = source[index...].firstIndex(of: "\n") ?? source.count
            } else if isNext("/*", at: index) {
                while index < source.count, !isNext("*/", at: index) { index += 1 }
                index = min(index + 2, source.count)
            } else if beginsLiteral(at: index) {
                readLiterals()
            } else {
                if source[index] == "(" { depth += 1 }
                if source[index] == ")" {
                    if untilParenthesis && depth == 0 { return }
                    depth -= 1
                }
                index += 1
            }
        }
    }

    private func beginsLiteral(at place: Int) -> Bool {
        guard let quote = source[place...].firstIndex(where: { $0 != "#" }) else { return false }
        return source[quote] == "\""
    }

    /// A literal and those that `+` adds to it.
    private mutating func readLiterals() {
        countLines()
        let (line, context) = (line, context)
        var text = readLiteral()
        while let next = placeOfAddedLiteral() {
            index = next
            text += readLiteral()
        }
        let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        literals.append(SwiftLiteral(text: words, line: line, context: context))
    }

    private mutating func countLines() {
        line += source[counted..<index].count { $0 == "\n" }
        counted = index
    }

    /// The line before this place's, and what is before it on its own.
    private var context: String {
        let start = source[..<index].lastIndex(of: "\n") ?? 0
        return String(source[(source[..<start].lastIndex(of: "\n") ?? 0)..<index])
    }

    private func placeOfAddedLiteral() -> Int? {
        func skippingSpace(_ place: Int) -> Int? { source[place...].firstIndex { !$0.isWhitespace } }
        guard let plus = skippingSpace(index), source[plus] == "+", let next = skippingSpace(plus + 1)
        else { return nil }
        return beginsLiteral(at: next) ? next : nil
    }

    private mutating func readLiteral() -> String {
        var marks = 0
        while source[index] == "#" { (marks, index) = (marks + 1, index + 1) }
        let quotes = isNext("\"\"\"", at: index) ? "\"\"\"" : "\""
        index += quotes.count
        let end = quotes + String(repeating: "#", count: marks)
        let escape = "\\" + String(repeating: "#", count: marks)
        var text = ""
        while index < source.count, !isNext(end, at: index) {
            guard isNext(escape, at: index) else {
                text.append(source[index])
                index += 1
                continue
            }
            index += escape.count
            let character = source[index]
            index += 1
            switch character {
            case "(":
                readCode(untilParenthesis: true)
                index += 1
                if text.last != "…" { text.append("…") }
            case "n", "t", "r", "\n": text.append(" ")
            case "u": index = (source[index...].firstIndex(of: "}") ?? index) + 1
            default: text.append(character)
            }
        }
        index += end.count
        return text
    }
}
