import TestSupport
import Testing

@testable import TomlDocument

private func parse(_ text: String) throws(Diagnostic) -> TomlTable { try parseToml(Array(text.utf8), file: "a.toml") }

private func diagnostic(_ text: String) -> Diagnostic? {
    do {
        _ = try parse(text)
        return nil
    } catch { return error }
}

@Suite("A TOML document becomes a tree")
struct ParsingTests {
    @Test("every key and value has its line and column, and the order of the text is kept")
    func positions() throws {
        let table = try parse(
            """
            zeta = 1
            alpha = "two"

            [run]
            memory_high = "25%"
              io = [{ path = "/", rate = 3 }, { path = "/srv" }]
            """)
        #expect(table.entries.map(\.key) == ["zeta", "alpha", "run"])
        #expect(table["alpha"]?.keyPosition == TextPosition(line: 2, column: 1))
        #expect(table["alpha"]?.value == TomlNode(.string("two"), at: TextPosition(line: 2, column: 9)))
        guard case .table(let run)? = table["run"]?.value.content else { throw Unexpected() }
        #expect(table["run"]?.keyPosition == TextPosition(line: 4, column: 2))
        #expect(run.position == TextPosition(line: 4, column: 1))
        guard case .array(let caps)? = run["io"]?.value.content, case .table(let second) = caps[1].content else {
            throw Unexpected()
        }
        #expect(run["io"]?.keyPosition == TextPosition(line: 6, column: 3))
        #expect(caps[1].position == TextPosition(line: 6, column: 35))
        #expect(second["path"]?.value.position == TextPosition(line: 6, column: 44))
    }

    @Test("columns count Unicode scalars, as editors do, not bytes")
    func columnsAreScalars() throws {
        let table = try parse("a = { b = \"äöü€😀\", c = 1 }")
        guard case .table(let inner)? = table["a"]?.value.content else { throw Unexpected() }
        #expect(inner["c"]?.keyPosition == TextPosition(line: 1, column: 20))
    }

    @Test("every type of TOML has its case")
    func types() throws {
        let table = try parse(
            """
            s = 'x'
            i = -0x10
            f = 1.5e3
            b = false
            d = 2026-11-21
            t = 07:30:12.5
            dt = 2026-11-21T07:30:12Z
            l = [1, [true], {}]
            """.replacing("-0x10", with: "-16"))
        #expect(table["s"]?.value.content == .string("x"))
        #expect(table["i"]?.value.content == .integer(-16))
        #expect(table["f"]?.value.content == .float(1500))
        #expect(table["b"]?.value.content == .boolean(false))
        #expect(table["d"]?.value.content == .dateTime("2026-11-21"))
        #expect(table["t"]?.value.content == .dateTime("07:30:12.5"))
        #expect(table["dt"]?.value.content == .dateTime("2026-11-21T07:30:12Z"))
        guard case .array(let list)? = table["l"]?.value.content else { throw Unexpected() }
        #expect(list.map(\.kind) == ["an integer", "an array", "a table"])
        #expect(
            table.entries.map(\.value.kind) == [
                "a string", "an integer", "a number", "a boolean", "a date or time", "a date or time",
                "a date or time", "an array",
            ])
    }

    @Test("dotted keys, sub tables and arrays of tables nest")
    func nesting() throws {
        let table = try parse("a.b.c = 1\n[x.y]\nz = 2\n[[l]]\nn = 1\n[[l]]\nn = 2")
        guard case .table(let a)? = table["a"]?.value.content, case .table(let b)? = a["b"]?.value.content,
            case .array(let list)? = table["l"]?.value.content, case .table(let last) = list[1].content
        else { throw Unexpected() }
        #expect(b["c"]?.keyPosition == TextPosition(line: 1, column: 5))
        #expect(last["n"]?.value.content == .integer(2))
        #expect(last.position.line == 6)
    }

    @Test("an empty document is an empty table at 1:1; a byte order mark does not matter")
    func empty() throws {
        #expect(try parseToml([], file: "a") == TomlTable(entries: [], position: TextPosition(line: 1, column: 1)))
        #expect(try parse("\u{FEFF}a = 1")["a"]?.value.content == .integer(1))
    }

    @Test("an error of syntax says where and what")
    func syntaxErrors() {
        #expect(
            diagnostic("ok = 1\n  key 2\n")?.description
                == "a.toml:2:7: not valid TOML: key-value pair: expected '=', saw '2'")
        #expect(diagnostic("a = 1\na = 2")?.position?.line == 2)
        #expect(diagnostic("[a\n")?.position?.line == 1)
        #expect(diagnostic("a = 1\n[.b]")?.position == TextPosition(line: 2, column: 2))
        #expect(diagnostic("a = [}")?.position == TextPosition(line: 1, column: 6))
        #expect(diagnostic("a = 2026-01-01Tx:=1")?.position == TextPosition(line: 1, column: 16))
        #expect(diagnostic("a = \"\n\"")?.position?.line == 1)
    }

    @Test("bytes that are no UTF-8 are an error with a position")
    func invalidUnicode() {
        #expect(throws: Diagnostic.self) { try parseToml(Array("a = \"".utf8) + [0xFF, 0x22], file: "a") }
    }

    @Test("a document above 1 MiB is refused, one of exactly 1 MiB is read")
    func sizeBound() throws {
        let comment = [0x23] + [UInt8](repeating: 0x78, count: maximumDocumentSize - 1)
        #expect(try parseToml(comment, file: "a").entries.isEmpty)
        #expect(throws: Diagnostic.self) { try parseToml(comment + [0x78], file: "a") }
    }

    @Test("depth is bounded: keys of more than 32 segments and values nested too deep are errors")
    func depthBound() throws {
        let key = [String](repeating: "a", count: 32).joined(separator: ".")
        #expect(try parse("\(key) = 1").entries.count == 1)
        #expect(
            diagnostic("x = 1\n\(key).a = 1")?.description
                == "a.toml:2:64: not valid TOML: this key has more than 32 segments")
        #expect(diagnostic("[\(key).a]") != nil)
        #expect(diagnostic([String](repeating: "a", count: 500_000).joined(separator: ".")) != nil)
        #expect(diagnostic("a = " + String(repeating: "[", count: 500_000)) != nil)
        #expect(diagnostic("a = " + String(repeating: "{a=", count: 100_000)) != nil)
    }

    @Test("dots within strings and comments are no segments")
    func dotsInText() throws {
        let dots = String(repeating: ".", count: 100)
        let text = """
            a = "\(dots)\\"\(dots)" # \(dots)
            b = '\(dots)'
            c = \"\"\"\(dots)
            \\\"\(dots)\"\"\"\"
            d = '''\(dots)''
            \(dots)'''''
            "\(dots)" = 1.5
            """
        #expect(try parse(text).entries.count == 5)
    }

    @Test("no bytes whatever crash the parser")
    func arbitraryBytes() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let pieces = [
            "a", ".", "=", "[", "]", "{", "}", "\"", "'", "\\", "\n", "#", "1", "-", ":", " ", "\u{0}", "é", ",",
            "2026-01-01", "T", "\"\"\"", "'''",
        ]
        for _ in 0..<3000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...60, using: &generator) {
                if Int.random(in: 0..<20, using: &generator) == 0 {
                    bytes.append(UInt8.random(in: 0...255, using: &generator))
                } else {
                    bytes += Array((pieces.randomElement(using: &generator) ?? "").utf8)
                }
            }
            do {
                _ = try parseToml(bytes, file: "a")
            } catch {
                #expect(error.position != nil && !error.message.contains("assumption"), "\(error), seed \(seed)")
            }
        }
    }
}

struct Unexpected: Error {}
