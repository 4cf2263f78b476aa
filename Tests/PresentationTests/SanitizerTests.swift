import Presentation
import TestSupport
import Testing

@Suite struct SanitizerTests {
    /// Not arguments of the test: they would be printed, and drive the terminal of whoever runs it.
    private static let cases: [(input: String, expected: String)] = [
        ("plain text", "plain text"),
        ("\u{1B}[31mred\u{1B}[0m", "red"),
        ("\u{1B}[38;2;1;2;3mred\u{1B}[K", "red"),
        ("\u{1B}]0;title\u{07}text", "text"),
        ("\u{1B}]8;;http://x/\u{1B}\\link\u{1B}]8;;\u{1B}\\", "link"),
        ("\u{1B}P1$r0m\u{1B}\\after", "after"),
        ("\u{1B}_application\u{9C}after", "after"),
        ("\u{1B}kscreen title\u{1B}\\after", "after"),
        ("\u{9B}31mC1 introducer", "C1 introducer"),
        ("\u{9D}0;title\u{9C}text", "text"),
        ("\u{1B}(Bcharset\u{1B}c", "charset"),
        ("\u{1B}[3\u{18}cancelled", "cancelled"),
        ("\u{1B}[3\u{1B}[1mrestarted", "restarted"),
        ("\u{1B}[3éäbroken off", "éäbroken off"),
        ("bell\u{07}back\u{08}space\u{7F}\u{0}", "bellbackspace"),
        ("a\tb", "a       b"),
        ("12345678\tb", "12345678        b"),
        ("漢\tb", "漢      b"),
        ("10 %\r20 %\r", "20 %"),
        ("done\r", "done"),
        ("\u{202E}evil\u{202C} \u{2066}x\u{2069}\u{200F}", "evil x"),
        ("a\u{200D}b\u{FE0F}\u{FEFF}\u{AD}", "ab"),
        ("line\u{2028}separator", "lineseparator"),
        ("\u{301}mark at the begin, e\u{301} inside", "mark at the begin, e\u{301} inside"),
        ("", ""),
    ]

    @Test func `everything that could drive a terminal goes, the text stays`() {
        for (input, expected) in Self.cases {
            #expect(clean(Array(input.utf8)) == [expected])
            #expect(Sanitizer.clean(input) == expected)
        }
    }

    private func clean(_ lines: [UInt8]...) -> [String] {
        var sanitizer = Sanitizer()
        return lines.map { line in
            var output: [UInt8] = []
            sanitizer.append(line[...], to: &output)
            return String(decoding: output, as: UTF8.self)
        }
    }

    @Test func `a sequence that goes on in the next line is removed there too`() {
        #expect(clean(Array("a\u{1B}[3".utf8), Array("1mb".utf8)) == ["a", "b"])
        #expect(clean(Array("a\u{1B}]0;ti".utf8), Array("tle".utf8), Array("\u{07}b".utf8)) == ["a", "", "b"])
    }

    @Test func `a sequence without an end hides a bounded part of the output`() {
        let filler = [UInt8](repeating: 0x61, count: 5000)
        let lines = clean(Array("\u{1B}]0;".utf8), filler, Array("visible".utf8))
        #expect(lines[1].utf8.count > 800)
        #expect(lines[2] == "visible")
    }

    @Test func `lines that are passed over still count for sequences`() {
        var sanitizer = Sanitizer()
        sanitizer.skip(Array("never seen".utf8)[...])
        sanitizer.skip(Array("x\u{1B}]0;title begins".utf8)[...])
        var output: [UInt8] = []
        sanitizer.append(Array("and ends\u{07}seen".utf8)[...], to: &output)
        #expect(String(decoding: output, as: UTF8.self) == "seen")
    }

    @Test func `bytes that are not UTF-8 become replacement characters`() {
        #expect(clean([0x61, 0xFF, 0x62, 0xC3]) == ["a\u{FFFD}b\u{FFFD}"])
        #expect(clean([0xE2, 0x82, 0x41, 0xED, 0xA0, 0x80]).first?.hasPrefix("\u{FFFD}A\u{FFFD}") == true)
        #expect(clean([0x9B, 0x33, 0x31, 0x6D]) == ["\u{FFFD}31m"])
    }

    @Test func `a character holds a bounded number of marks`() {
        let text = "e" + String(repeating: "\u{301}", count: 1000)
        #expect(Sanitizer.clean(text).unicodeScalars.count == 9)
    }

    @Test func `random bytes never give a control character or an invisible one`() {
        var generator = SeededGenerator(seed: 4711)
        let spice: [[UInt8]] = [
            [0x1B], [0x1B, 0x5B], [0x1B, 0x5D], [0xC2, 0x9B], [0xC2, 0x9D], [0x07], [0x1B, 0x5C], [0x0D], [0x09],
            [0xE2, 0x80, 0xAE], [0xCC, 0x81], [0xF0, 0x9F, 0x98, 0x80],
        ]
        for round in 0..<5_000 {
            var sanitizer = Sanitizer()
            for _ in 0..<3 {
                var line: [UInt8] = []
                for _ in 0..<Int.random(in: 0..<40, using: &generator) {
                    if Int.random(in: 0..<3, using: &generator) == 0 {
                        line += spice.randomElement(using: &generator)!
                    } else {
                        line.append(UInt8.random(in: 0...255, using: &generator))
                    }
                }
                var output: [UInt8] = []
                sanitizer.append(line[...], to: &output)
                let text = String(validating: output, as: UTF8.self)
                let isClean = text?.unicodeScalars.allSatisfy { scalar in
                    !scalar.properties.isBidiControl && scalar.properties.generalCategory != .control
                        && scalar.properties.generalCategory != .lineSeparator
                        && !scalar.properties.isDefaultIgnorableCodePoint
                }
                #expect(isClean == true, "seed 4711, round \(round), line \(line)")
                if isClean != true { return }
                if let text { #expect(Sanitizer.clean(text) == text, "clean text stays, line \(line)") }
            }
        }
    }
}
