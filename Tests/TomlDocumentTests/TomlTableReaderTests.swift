import Testing

@testable import TomlDocument

private enum Colour: String, CaseIterable { case red, green }

private func reader(_ text: String) throws -> TomlTableReader {
    TomlTableReader(try parseToml(Array(text.utf8), file: "a.toml"), file: "a.toml")
}

@Suite("The reader of a table")
struct TomlTableReaderTests {
    @Test("gives values of their types, and has nothing to say about a document that is right")
    func values() throws {
        var reader = try reader(
            """
            name = "x"
            flag = true
            ratio = 2
            share = 0.5
            list = ["a", "b"]
            colour = "red"
            [inner]
            deep = true
            """)
        #expect(reader.string("name", required: true) == "x")
        #expect(reader.boolean("flag") == true)
        #expect(reader.number("ratio") == 2)
        #expect(reader.number("share") == 0.5)
        #expect(reader.strings("list") == ["a", "b"])
        #expect(reader.choice("colour", of: Colour.self) == .red)
        #expect(reader.table("inner") { $0.boolean("deep") } == true)
        #expect(reader.string("absent") == nil)
        #expect(reader.strings("none") == nil)
        #expect(reader.table("nowhere") { _ in 1 } == nil)
        #expect(reader.finish().isEmpty)
    }

    @Test("reports every value of a wrong type, what was expected and what is there")
    func wrongTypes() throws {
        var reader = try reader(
            """
            name = 1
            flag = "yes"
            ratio = "x"
            list = ["a", 2]
            lists = 3
            inner = 4
            """)
        #expect(reader.string("name") == nil)
        #expect(reader.boolean("flag") == nil)
        #expect(reader.number("ratio") == nil)
        #expect(reader.strings("list") == ["a"])
        #expect(reader.strings("lists") == nil)
        #expect(reader.table("inner") { _ in 1 } == nil)
        #expect(
            reader.finish().map(\.description) == [
                "a.toml:1:8: \"name\" must be a string, not an integer",
                "a.toml:2:8: \"flag\" must be true or false, not a string",
                "a.toml:3:9: \"ratio\" must be a number, not a string",
                "a.toml:4:14: \"list\" must be a list of strings, and this is an integer",
                "a.toml:5:9: \"lists\" must be a list of strings, not an integer",
                "a.toml:6:9: \"inner\" must be a table [inner], not an integer",
            ])
    }

    @Test("reports what is missing and no choice")
    func values2() throws {
        var reader = try reader("colour = \"gren\"\n[inner]")
        #expect(reader.string("name", required: true) == nil)
        #expect(reader.choice("colour", of: Colour.self) == nil)
        #expect(reader.table("inner") { $0.string("name", required: true) } == .some(nil))
        #expect(
            reader.finish().map(\.description) == [
                "a.toml:1:1: \"name\" is missing",
                "a.toml:1:10: \"colour\" must be one of \"red\", \"green\", not \"gren\" (did you mean \"green\"?)",
                "a.toml:2:1: \"name\" is missing in [inner]",
            ])
    }

    @Test("reports unknown keys at the key, with the known one that was meant, in tables within tables too")
    func unknownKeys() throws {
        var reader = try reader("nmae = 1\n[run]\nmemory_hihg = 1\nother = 2")
        _ = reader.string("name")
        reader.table("run") { _ = $0.string("memory_high") }
        #expect(
            reader.finish().map(\.description) == [
                "a.toml:1:1: unknown key \"nmae\" (did you mean \"name\"?)",
                "a.toml:3:1: unknown key \"memory_hihg\" in [run] (did you mean \"memory_high\"?)",
                "a.toml:4:1: unknown key \"other\" in [run]",
            ])
    }

    @Test("hands out the keys that are free to choose")
    func remaining() throws {
        var reader = try reader("[plugin.a]\nx = true\n[plugin.b]\n")
        reader.table("plugin") { plugins in
            let entries = plugins.remainingEntries()
            #expect(entries.map(\.key) == ["a", "b"])
            for entry in entries { plugins.table(entry) { _ = $0.boolean("x") } }
        }
        #expect(reader.finish().isEmpty)
    }
}
