import JSONDocument
import TestSupport
import Testing

@Suite struct JSONValueTests {
    static let valid: [(String, JSONValue)] = [
        ("null", .null), (" true\n", .bool(true)), ("false", .bool(false)), ("\"\"", .string("")),
        ("[]", .array([])), ("{}", .object([])), ("[ ]", .array([])), ("{\t}", .object([])),
        ("[1,2 , 3]", .array([.integer(1), .integer(2), .integer(3)])),
        (
            #"{"a":{"b":[null]},"c":""}"#,
            .object([
                JSONMember(key: "a", value: .object([JSONMember(key: "b", value: .array([.null]))])),
                JSONMember(key: "c", value: .string("")),
            ])
        ),
        ("\"grüße 🙂\"", .string("grüße 🙂")),
        (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")),
        (#""\u0000\u00e9\uD83D\ude42\uFFFF""#, .string("\0é🙂\u{FFFF}")),
        (#""a\u005C""#, .string("a\\")),
        ("\"\u{7F}\"", .string("\u{7F}")),
    ]

    @Test("A valid text gives its value", arguments: valid)
    func parsesValid(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text.utf8) == value)
    }

    static let numbers: [(String, JSONValue)] = [
        ("0", .integer(0)), ("-0", .number(-0.0)), ("-1", .integer(-1)), ("1.0", .number(1)), ("1e2", .number(100)),
        ("1E+2", .number(100)), ("25e-1", .number(2.5)), ("0.1", .number(0.1)), ("-0.0", .number(-0.0)),
        ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("9223372036854775808", .number(0x1p63)), ("-9223372036854775809", .number(-0x1p63)),
        ("18446744073709551616", .number(0x1p64)), ("123456789012345678901234567890", .number(1.2345678901234568e29)),
        ("9007199254740993.0", .number(9007199254740992)), ("1e22", .number(1e22)), ("1e23", .number(1e23)),
        ("2.2250738585072011e-308", .number(.leastNormalMagnitude.nextDown)),
        ("5e-324", .number(.leastNonzeroMagnitude)),
        ("1e-400", .number(0)), ("1.7976931348623157e308", .number(.greatestFiniteMagnitude)),
        ("0e99999999999999999999", .number(0)), ("1e-99999999999999999999", .number(0)),
        ("0.3000000000000000444089209850062616169452667236328125", .number(0.30000000000000004)),
    ]

    @Test("A number is exact where 64 bits hold it, else the nearest double", arguments: numbers)
    func parsesNumber(text: String, value: JSONValue) throws {
        let parsed = try JSONValue(parsing: text.utf8)
        #expect(parsed == value)
        #expect(parsed.doubleValue?.sign == value.doubleValue?.sign)
    }

    static let invalid: [(String, String)] = [
        ("", "1:1: expected a value, found the end of the text"),
        ("nul", "1:1: expected null, found 'n'"), ("tru", "1:1: expected true or false, found 't'"),
        ("True", "1:1: expected a value, found 'T'"), ("NaN", "1:1: expected a value, found 'N'"),
        ("+1", "1:1: expected a value, found '+'"), ("-", "1:2: expected a digit, found the end of the text"),
        ("-Infinity", "1:2: expected a digit, found 'I'"), ("01", "1:1: a number does not begin with 0"),
        ("-01", "1:2: a number does not begin with 0"), (".5", "1:1: expected a value, found '.'"),
        ("1.", "1:3: expected a digit, found the end of the text"), ("1.e5", "1:3: expected a digit, found 'e'"),
        ("1e", "1:3: expected a digit, found the end of the text"),
        ("1e+", "1:4: expected a digit, found the end of the text"),
        ("1e400", "1:1: 1e400 is too large for a double"),
        ("-1000000000000000000000000000e400", "1:1: -10000000000000000000000… is too large for a double"),
        ("1 2", "1:3: expected the end of the text, found a number"),
        ("0x10", "1:2: expected the end of the text, found 'x'"),
        ("[1,]", "1:4: expected a value, found ']'"), ("[,1]", "1:2: expected a value, found ','"),
        ("[1 2]", "1:4: expected ',' or ']', found a number"),
        ("[1", "1:3: expected ',' or ']', found the end of the text"),
        ("[1}", "1:3: expected ',' or ']', found '}'"), ("[", "1:2: expected a value, found the end of the text"),
        ("{\"a\":1,}", "1:8: expected a key, found '}'"), ("{\"a\"}", "1:5: expected ':', found '}'"),
        ("{\"a\" 1}", "1:6: expected ':', found a number"), ("{a:1}", "1:2: expected a key, found 'a'"),
        ("{1:1}", "1:2: expected a key, found a number"), ("{\"a\":}", "1:6: expected a value, found '}'"),
        ("{\n  \"a\": 1\n  \"b\": 2\n}", "3:3: expected ',' or '}', found a string"),
        ("{\"a\":1", "1:7: expected ',' or '}', found the end of the text"),
        ("]", "1:1: expected a value, found ']'"), ("[\"ü\", x]", "1:7: expected a value, found 'x'"),
        ("'a'", "1:1: expected a value, found '''"), ("// x\n1", "1:1: expected a value, found '/'"),
        ("\"a", "1:1: the string that begins here has no closing quote"),
        ("\"a\\\"", "1:1: the string that begins here has no closing quote"),
        ("\"a\\", "1:1: the string that begins here has no closing quote"),
        ("\"a\nb\"", "1:3: a control character in a string must be written as an escape"),
        ("\"\0\"", "1:2: a control character in a string must be written as an escape"),
        (#""\x41""#, #"1:3: expected one of "\/bfnrtu after a backslash"#),
        (#""\u12G4""#, #"1:6: expected four hexadecimal digits after \u"#),
        (#""\u123""#, #"1:7: expected four hexadecimal digits after \u"#),
        (#""\ud800""#, "1:2: half of a surrogate pair stands alone"),
        (#""\udc00\ud800""#, "1:2: half of a surrogate pair stands alone"),
        (#""\ud800\u0041""#, "1:2: half of a surrogate pair stands alone"),
        (#""\ud800\n12345""#, "1:2: half of a surrogate pair stands alone"),
        ("\u{FEFF}1", "1:1: expected a value, found the byte 0xEF"),
        ("\u{B}1", "1:1: expected a value, found the byte 0x0B"),
        ("{\"a\":[1,{\"b\":tru}]}", "1:14: expected true or false, found 't'"),
    ]

    @Test("An invalid text is refused with its place and what was expected there", arguments: invalid)
    func refusesInvalid(text: String, description: String) {
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text.utf8) }
        #expect(error?.description == description)
    }

    @Test(
        "A string that is not UTF-8 is refused", arguments: [[0x80], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82]])
    func refusesInvalidUTF8(contents: [UInt8]) {
        for prefix in ["", "\\n"] {
            let text = [0x22] + Array(prefix.utf8) + contents + [0x22]
            let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
            #expect(error?.description == "1:1: the string that begins here is not valid UTF-8")
        }
    }

    @Test("Nesting is allowed to 64 levels and no deeper")
    func boundsDepth() throws {
        func nested(_ depth: Int) -> [UInt8] {
            Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        _ = try JSONValue(parsing: nested(64))
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: nested(65)) }
        #expect(error?.description == "1:65: objects and arrays may be nested 64 deep, not deeper")
        #expect(throws: JSONError.self) { try JSONValue(parsing: nested(1_000_000)) }
        // Depth is what is open, not what has been opened.
        let wide = "[" + repeatElement("[{}]", count: 200).joined(separator: ",") + "]"
        #expect(try JSONValue(parsing: wide.utf8).arrayValue?.count == 200)
    }

    @Test("Of two members with the same key the last one counts")
    func lastDuplicateWins() throws {
        let value = try JSONValue(parsing: #"{"a":1,"b":2,"a":3}"#.utf8)
        #expect(value["a"] == .integer(3))
        #expect(value["c"] == nil)
        #expect(JSONValue.null["a"] == nil)
    }

    @Test("A value says whether it is of the kind that is asked for")
    func conversions() {
        #expect(JSONValue.bool(true).boolValue == true)
        #expect(JSONValue.string("x").boolValue == nil)
        #expect(JSONValue.string("x").stringValue == "x")
        #expect(JSONValue.null.stringValue == nil)
        #expect(JSONValue.integer(3).doubleValue == 3)
        #expect(JSONValue.number(2.5).doubleValue == 2.5)
        #expect(JSONValue.null.doubleValue == nil)
        #expect(JSONValue.number(3e6).integerValue == 3_000_000)
        #expect(JSONValue.number(2.5).integerValue == nil)
        #expect(JSONValue.number(1e19).integerValue == nil)
        #expect(JSONValue.integer(7).integerValue == 7)
        #expect(JSONValue.bool(true).integerValue == nil)
        #expect(JSONValue.array([]).arrayValue == [])
        #expect(JSONValue.object([]).arrayValue == nil)
    }

    @Test("Each kind has a name for messages")
    func kindNames() {
        let values: [JSONValue] = [.null, .bool(true), .integer(1), .number(1), .string(""), .array([]), .object([])]
        #expect(
            values.map(\.kindName) == [
                "null", "true or false", "a number", "a number", "a string", "an array", "an object",
            ])
    }
}
