import Testing

/// docs/troubleshooting.md and the code say the same.
struct MessageListTests {
    /// All texts of the program, with where each is, as `FILE:LINE`.
    private func literals() throws -> [(literal: SwiftLiteral, place: String)] {
        let files = try shell("cd \(checkout) && find Sources -name '*.swift'").split(separator: "\n").sorted()
        return try files.filter { file in !Self.wordingOnly.contains { file.hasPrefix("Sources/\($0)") } }
            .flatMap { file in
                let source = String(decoding: try Site.contents(of: "\(checkout)/\(file)"), as: UTF8.self)
                return SwiftLiteralReader(source).literals.map { ($0, "\(file):\($0.line)") }
            }
    }

    /// Modules and files whose texts are labels of what is shown, a policy, or for those who change this program.
    private static let wordingOnly = [
        "Presentation/", "Policy/BuiltInPolicy.swift", "PolicyReports/Explanation.swift",
        "PolicyReports/ProcessExplanation.swift", "Governing/DownloadRules.swift",
        "update-all/PluginTemplate.swift",
        "Scheduling/DispatcherInvariants.swift",
    ]

    /// Three words, or two of which one says that something is wrong.
    private static func isMessage(_ literal: SwiftLiteral) -> Bool {
        let words = literal.text.split { !$0.isLetter && $0 != "-" && $0 != "'" }.map(String.init)
            .filter { $0.count > 1 }
        let complaints: Set<String> = ["cannot", "not", "no", "must", "missing", "unknown", "could"]
        let saysWhatIsWrong = words.count == 2 && !complaints.isDisjoint(with: words)
        guard literal.text.contains(" "), words.count > 2 || saysWhatIsWrong else { return false }
        let lastLine = literal.context.split(separator: "\n", omittingEmptySubsequences: false).last ?? ""
        let isForProgrammers = ["precondition(", "preconditionFailure(", "fatalError(", "assert("]
            .contains { lastLine.contains($0) }
        let code = literal.context.split(whereSeparator: \.isWhitespace).last ?? ""
        let isHelp = ["help:", "abstract:", "discussion:", "ArgumentHelp("].contains { code.hasSuffix($0) }
        return !isForProgrammers && !isHelp
    }

    /// What the page lists: the code span that a list's line begins with.
    private func entries() throws -> [String] {
        try Document("troubleshooting.md").lines.compactMap { line in
            guard line.hasPrefix("- `"), let end = line.lastIndex(of: "`") else { return nil }
            return String(line[line.index(line.startIndex, offsetBy: 3)..<end])
        }
    }

    @Test("every message of the program is in docs/troubleshooting.md")
    func everyMessage() throws {
        let known = Set(try entries()).union(notMessages)
        var seen: Set<String> = []
        for (literal, place) in try literals() where Self.isMessage(literal) && !known.contains(literal.text) {
            guard seen.insert(literal.text).inserted else { continue }
            Issue.record(
                """
                \(place) says what docs/troubleshooting.md does not have. Add there, with its cause and its mend, the line
                - `\(literal.text)`
                or, where it is no message of its own, add it to Tests/EndToEnd/NotMessages.swift.
                """)
        }
    }

    @Test("docs/troubleshooting.md has no message that the program does not say, and none twice")
    func nothingElse() throws {
        let said = Set(try literals().map(\.literal.text))
        let entries = try entries()
        for entry in entries where !said.contains(entry) {
            Issue.record("docs/troubleshooting.md has a message that no source says (any more): \(entry)")
        }
        let counts = Dictionary(entries.map { ($0, 1) }, uniquingKeysWith: +)
        for (entry, count) in counts where count > 1 { Issue.record("docs/troubleshooting.md has twice: \(entry)") }
        for text in notMessages where !said.contains(text) || entries.contains(text) {
            Issue.record("Tests/EndToEnd/NotMessages.swift has what no source says, or the page has: \(text)")
        }
    }

    @Test("a source's literals are found with what is in and behind them")
    func reading() {
        let source = ##"""
            // "not this"
            let a = "one \(b("two")) three" + #" "four" \#(c) \(no)"#
                + "five"; /* "nor this" */ let d = """
                six
                \(e)
                """
            """##
        let texts = SwiftLiteralReader(source).literals.map(\.text)
        #expect(Set(texts) == ["two", #"one … three "four" … \(no)five"#, "six …"])
    }
}
