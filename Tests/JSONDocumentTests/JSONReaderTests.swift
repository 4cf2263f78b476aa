import JSONDocument
import Testing

@Suite struct JSONReaderTests {
    @Test("A caller reads what it knows and passes over the rest")
    func pulls() throws {
        var reader = JSONReader(
            Array(#"{"skip":[{"x":[1,"\n",null,true]},2.5],"n":3e2,"on":true,"none":null,"s":"é"} "#.utf8))
        var seen: [String] = []
        try reader.beginObject()
        while let key = try reader.nextKey() {
            seen.append(key)
            switch key {
            case "n": #expect(try reader.readInteger() == 300)
            case "on": #expect(try reader.readBool())
            case "none": try reader.readNull()
            case "s": #expect(try reader.readString() == "é")
            default: try reader.skipValue()
            }
        }
        try reader.finish()
        #expect(seen == ["skip", "n", "on", "none", "s"])
    }

    @Test("A value of another kind is refused where it stands")
    func refusesOtherKinds() {
        func message(_ text: String, _ read: (inout JSONReader) throws -> Void) -> String? {
            var reader = JSONReader(Array(text.utf8))
            return #expect(throws: JSONError.self) { try read(&reader) }?.description
        }
        #expect(message(" 3") { _ = try $0.readString() } == "1:2: expected a string, found a number")
        #expect(message("{}") { try $0.beginArray() } == "1:1: expected an array, found an object")
        #expect(message("[]") { try $0.beginObject() } == "1:1: expected an object, found an array")
        #expect(message("\n\"a\"") { _ = try $0.readDouble() } == "2:1: expected a number, found a string")
        #expect(message("true") { _ = try $0.readInteger() } == "1:1: expected a whole number, found true")
        #expect(message("false") { try $0.readNull() } == "1:1: expected null, found false")
        #expect(message("null") { _ = try $0.readBool() } == "1:1: expected true or false, found null")
        #expect(message("2.5") { _ = try $0.readInteger() } == "1:1: expected a whole number of 64 bits, found 2.5")
        #expect(message("1e19") { _ = try $0.readInteger() } == "1:1: expected a whole number of 64 bits, found 1e19")
    }

    @Test("An object is not read as an array, nor an array as an object")
    func containersDoNotMix() {
        #expect(throws: JSONError.self) {
            var reader = JSONReader(Array(#"["a"]"#.utf8))
            try reader.beginArray()
            _ = try reader.nextKey()
        }
        #expect(throws: JSONError.self) {
            var reader = JSONReader(Array(#"{"a":1}"#.utf8))
            try reader.beginObject()
            while try reader.nextElement() { _ = try reader.readString() }
        }
    }

    @Test("A caller's own error points at the token that it read last")
    func ownErrors() throws {
        var reader = JSONReader(Array("{\n  \"ü\": 1, \"colour\": 2}".utf8))
        try reader.beginObject()
        _ = try reader.nextKey()
        let key = reader.tokenOffset
        try reader.skipValue()
        _ = try reader.nextKey()
        #expect(reader.error("unknown key").description == "2:11: unknown key")
        #expect(reader.error("no", at: key) == JSONError("no", at: 4, in: Array("{\n  \"".utf8)))
        #expect(reader.error("no", at: key).offset == 4)
    }

    @Test("The kind of the next value can be asked for without reading it")
    func peeks() throws {
        for (text, kind) in [
            ("{", JSONReader.Kind.object), ("[", .array), (" \"", .string), ("-", .number), ("7", .number),
            ("t", .bool),
            ("f", .bool), ("n", .null),
        ] {
            var reader = JSONReader(Array(text.utf8))
            #expect(try reader.peek() == kind)
        }
    }
}
