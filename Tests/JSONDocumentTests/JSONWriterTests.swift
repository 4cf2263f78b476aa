import JSONDocument
import Testing

@Suite struct JSONWriterTests {
    private func text(_ write: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        write(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test("Commas and colons come of themselves")
    func structure() {
        let text = text { writer in
            writer.beginObject()
            writer.write("s", "x")
            writer.write("i", 7 as Int64)
            writer.write("d", 2.5)
            writer.write("b", false)
            writer.key("a")
            writer.beginArray()
            writer.beginArray()
            writer.endArray()
            writer.beginObject()
            writer.endObject()
            writer.writeNull()
            writer.write(UInt64.max)
            writer.write(Int64.min)
            writer.endArray()
            writer.write("z", true)
            writer.endObject()
            writer.endLine()
            writer.beginArray()
            writer.endArray()
            writer.endLine()
        }
        #expect(
            text == """
                {"s":"x","i":7,"d":2.5,"b":false,"a":[[],{},null,18446744073709551615,-9223372036854775808],"z":true}
                []

                """)
    }

    @Test(
        "A double is written in the shortest form that reads back",
        arguments: [
            (0.0, "0"), (-0.0, "-0.0"), (1.0, "1"), (-60, "-60"), (312.5, "312.5"), (0.1, "0.1"),
            (1e15, "1000000000000000"),
            (0x1p53, "9007199254740992.0"), (1e300, "1e+300"), (.leastNonzeroMagnitude, "5e-324"), (.nan, "null"),
            (.infinity, "null"),
        ])
    func doubles(value: Double, expected: String) {
        #expect(text { $0.write(value) } == expected)
    }

    @Test("Quotes, backslashes and every control character are escaped; all else stands as it is")
    func escapes() {
        #expect(text { $0.write("a\"b\\c/d") } == #""a\"b\\c/d""#)
        #expect(text { $0.write("\n\r\t\u{0}\u{1B}[31m\u{7F}") } == #""\n\r\t\u0000\u001b[31m\u007f""#)
        #expect(text { $0.write("\u{9B}31m\u{80}\u{A0}") } == "\"\\u009b31m\\u0080\u{A0}\"")
        #expect(text { $0.write("grüße 🙂 \u{2028}") } == "\"grüße 🙂 \u{2028}\"")
    }

    @Test("A special byte is found at every place of a long plain text")
    func specialAnywhere() throws {
        for special in ["\"", "\\", "\u{1F}", " ", "~", "\u{7F}", "é", "!", "#", "[", "]"] {
            for index in 0..<40 {
                let value =
                    String(repeating: "a", count: index) + special + special + String(repeating: "b", count: 40 - index)
                let written = text { $0.write(value) }
                #expect(try JSONValue(parsing: written.utf8) == .string(value))
                #expect(!written.utf8.contains { $0 < 0x20 || $0 == 0x7F })
            }
        }
    }

    @Test("Each invalid sequence becomes one replacement character")
    func repairs() {
        func repaired(_ bytes: [UInt8]) -> String { text { $0.write(repairing: bytes.span) } }
        #expect(repaired([0x61, 0xFF, 0x62]) == "\"a\u{FFFD}b\"")
        #expect(repaired([0xE2, 0x82]) == "\"\u{FFFD}\"")
        #expect(repaired([0xF0, 0x9F, 0x99, 0x41]) == "\"\u{FFFD}A\"")
        #expect(repaired([0xED, 0xA0, 0x80]) == "\"\u{FFFD}\u{FFFD}\u{FFFD}\"")
        #expect(repaired([0xC2]) == "\"\u{FFFD}\"")
    }

    @Test("Its bytes can be exchanged, so that one buffer serves many documents")
    func exchangesBuffers() {
        var buffer = Array("old\n".utf8)
        var writer = JSONWriter()
        swap(&writer.bytes, &buffer)
        writer.write(true)
        writer.endLine()
        swap(&writer.bytes, &buffer)
        #expect(buffer == Array("old\ntrue\n".utf8))
        #expect(writer.bytes.isEmpty)
    }
}
