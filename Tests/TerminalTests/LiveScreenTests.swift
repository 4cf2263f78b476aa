import Presentation
import TestSupport
import Testing

@testable import Terminal

@Suite struct LiveScreenTests {
    @Test func `whatever frames come, the screen shows the last one below all permanent lines`() {
        let texts = ["", "a", "漢字漢字", "e\u{301}", "middle", String(repeating: "x", count: 200), "😀 smile"]
        for seed in UInt64(0)..<200 {
            var generator = SeededGenerator(seed: seed)
            var columns = 30
            var screen = LiveScreen(colour: seed % 2 == 0)
            var model = ScreenModel(columns: columns, rows: 12) { TextWidth.of($0) }
            var permanent: [String] = []
            var isResized = false
            func lines(_ count: Int) -> [StyledLine] {
                (0..<count).map { _ in
                    StyledLine(texts.randomElement(using: &generator)!, .accent).truncated(to: columns)
                }
            }
            for frame in 0..<30 {
                if Int.random(in: 0..<8, using: &generator) == 0 {
                    columns = Int.random(in: 10...60, using: &generator)
                    model.resize(columns: columns, rows: 12)
                    isResized = true
                }
                let above = lines(Int.random(in: 0..<4, using: &generator))
                // At most 5 lines, so that also wrapped ones are all on the screen.
                let live = lines(Int.random(in: 0..<6, using: &generator))
                model.feed(screen.frame(permanent: above, live: live, columns: columns))
                permanent += above.map(\.text)
                var expected = live.map(\.text)
                // A resize wraps older lines; then only the newest ones are as they were written.
                expected = (isResized ? above.map(\.text) : permanent) + expected
                while expected.last == "" { expected.removeLast() }
                var shown = model.everything
                if isResized { shown = shown.suffix(expected.count) }
                #expect(shown == expected, "seed \(seed), frame \(frame)")
                #expect(model.unexpected.isEmpty, "seed \(seed), frame \(frame)")
                if shown != expected { return }
            }
        }
    }

    @Test func `only changed lines are written again`() {
        var screen = LiveScreen(colour: false)
        let lines = ["one", "two", "three"].map { StyledLine($0) }
        _ = screen.frame(permanent: [], live: lines, columns: 80)
        #expect(screen.frame(permanent: [], live: lines, columns: 80).isEmpty)
        var changed = lines
        changed[1] = StyledLine("2")
        let bytes = screen.frame(permanent: [], live: changed, columns: 80)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == "\u{1B}[?2026h\u{1B}[?7l\u{1B}[1A\u{1B}[2K2\r\u{1B}[1B\u{1B}[?7h\u{1B}[?2026l")
    }

    @Test func `styles are SGR sequences, and none without colour`() {
        var line = StyledLine("a", Style(colour: .red, isBold: true))
        line.append("b", Style(isDim: true))
        line.append("c")
        for colour in Colour.allCases { line.append("d", Style(colour: colour)) }
        func text(colour: Bool) -> String {
            var bytes: [UInt8] = []
            line.render(colour: colour, to: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(text(colour: false) == "abcddddd")
        #expect(text(colour: true).hasPrefix("\u{1B}[1;31ma\u{1B}[0m\u{1B}[2mb\u{1B}[0mc\u{1B}[31md\u{1B}[0m"))
    }
}
