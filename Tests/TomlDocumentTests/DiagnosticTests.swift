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
}

@Suite("The nearest name")
struct NearestNameTests {
    private let names = ["memory_high", "memory_max", "tasks_max", "io", "nice", "cpu_weight"]

    @Test(
        "is found through swaps, omissions, additions, substitutions and case",
        arguments: [
            ("memory_hihg", "memory_high"), ("memory_hgh", "memory_high"), ("memmory_max", "memory_max"),
            ("task_max", "tasks_max"), ("Nice", "nice"), ("nise", "nice"), ("cpu-weight", "cpu_weight"),
            ("MEMORY_MAX", "memory_max"),
        ])
    func found(text: String, name: String) {
        #expect(nearestName(to: text, in: names) == name)
    }

    @Test(
        "is none where nothing is near",
        arguments: ["bandwidth", "x", "", "memory", String(repeating: "a", count: 10_000)])
    func notFound(text: String) {
        #expect(nearestName(to: text, in: names) == nil)
    }

    @Test("is the first by spelling among equals, whatever the order of the candidates")
    func ties() {
        #expect(nearestName(to: "cut", in: ["cup", "cub", ""]) == "cub")
        #expect(nearestName(to: "cut", in: ["cub", "cup"]) == "cub")
        #expect(didYouMean("cut", in: ["cup"]) == " (did you mean \"cup\"?)")
        #expect(didYouMean("cut", in: []).isEmpty)
    }
}
