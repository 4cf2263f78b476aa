import TestSupport
import Testing

@testable import Presentation

@Suite struct TextWidthTests {
    @Test(arguments: [
        ("abc", 3), ("é", 1), ("e\u{301}", 1), ("漢字", 4), ("ｆｕｌｌ", 8), ("ｱ", 1), ("😀", 2), ("⛨✓━╸…≤→◌", 8),
        ("\u{1100}\u{1161}\u{11A8}", 2), ("한글", 4), ("שלום", 4), ("नि", 2), ("", 0),
    ])
    func `a text takes as many cells as terminals give it`(text: String, cells: Int) {
        #expect(TextWidth.of(text) == cells)
    }

    @Test func `text is cut by cells with an ellipsis, and only where it is too long`() {
        #expect("abcdef".truncated(to: 6) == "abcdef")
        #expect("abcdefg".truncated(to: 6) == "abcde…")
        #expect("漢字漢字".truncated(to: 8) == "漢字漢字")
        #expect("漢字漢字".truncated(to: 6) == "漢字…")
        #expect("e\u{301}e\u{301}e\u{301}".truncated(to: 3) == "e\u{301}e\u{301}e\u{301}")
        #expect("e\u{301}e\u{301}e\u{301}".truncated(to: 2) == "e\u{301}…")
        #expect("abc".truncated(to: 1) == "…")
        #expect("abc".truncated(to: 0) == "")
    }

    @Test func `text is padded by cells`() {
        #expect("漢".padded(to: 4) == "漢  ")
        #expect("漢字".padded(to: 3) == "漢…")
        #expect("漢字漢".padded(to: 4) == "漢… ")
        #expect("7".leftPadded(to: 3) == "  7")
    }

    @Test func `text is wrapped at spaces, and long words anywhere`() {
        #expect("one two three".wrapped(to: 7) == ["one two", "three"])
        #expect("abcdefghij k".wrapped(to: 4) == ["abcd", "efgh", "ij k"])
        #expect("漢字漢".wrapped(to: 3) == ["漢", "字", "漢"])
        #expect("".wrapped(to: 5) == [""])
    }

    @Test func `a styled line is cut with its styles`() {
        var line = StyledLine("good ", .good)
        line.append("bad", .bad)
        #expect(line.truncated(to: 8) == line)
        #expect(line.truncated(to: 7).text == "good b…")
        #expect(line.truncated(to: 7).runs.map(\.style) == [.good, .bad])
        #expect(line.truncated(to: 5).text == "good…")
        #expect(line.truncated(to: 0).text == "")
    }

    @Test func `what is added to a line is sanitized`() {
        let line = StyledLine("a\u{1B}[2Jb\nc\u{202E}")
        #expect(line.text == "abc")
        #expect(line.width == 3)
        #expect(StyledLine("\u{1B}[2J").runs.isEmpty)
    }

    @Test func `wrapped text stands beside its prefix, or below one that leaves no room`() {
        var lines: [StyledLine] = []
        lines.appendWrapped("one two three", behind: StyledLine("ab "), columns: 11)
        lines.appendWrapped("one two three", behind: StyledLine("abcdefgh  "), columns: 11)
        #expect(lines.map(\.text) == ["ab one two", "   three", "abcdefgh", "  one two", "  three"])
    }
}
