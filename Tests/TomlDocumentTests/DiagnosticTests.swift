import Testing

@testable import TomlDocument

@Suite("Diagnostics")
struct DiagnosticTests {
    private func at(_ line: Int, _ column: Int, _ message: String = "m", file: String = "a") -> Diagnostic {
        Diagnostic(file: file, position: TextPosition(line: line, column: column), message: message)
    }

    @Test("a diagnostic reads as file:line:column: message, or file: message")
    func description() {
        #expect(at(7, 1, "wrong").description == "a:7:1: wrong")
        #expect(Diagnostic(file: "--set x", position: nil, message: "wrong").description == "--set x: wrong")
    }

    @Test("they are sorted by file and position, whole files first, and each comes once")
    func order() {
        let whole = Diagnostic(file: "a", position: nil, message: "m")
        let all = Diagnostics([at(10, 1), at(2, 9), at(2, 10), at(2, 9), whole, at(1, 1, file: "b")])
        #expect(all.list == [whole, at(2, 9), at(2, 10), at(10, 1), at(1, 1, file: "b")])
        #expect(all.description.split(separator: "\n").count == 5)
    }

    @Test("control characters and what turns a line around are escaped, since a terminal will show them")
    func controls() {
        let message = at(1, 1, "a\u{1B}[2Jb\u{9B}c\u{202E}d\né").message
        #expect(message == "a\\u{1B}[2Jb\\u{9B}c\\u{202E}d\\u{A}é")
    }

    @Test("what was meant stands in parentheses, or nothing does")
    func hint() {
        #expect(didYouMean("cut", in: ["cup"]) == " (did you mean \"cup\"?)")
        #expect(didYouMean("cut", in: ["bandwidth"]).isEmpty)
    }
}
