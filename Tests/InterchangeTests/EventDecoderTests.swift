import Interchange
import JSONDocument
import RunModel
import TestSupport
import Testing
import UpdateModel

@Suite struct EventDecoderTests {
    private let run = RunID("20261121-073012-4711")!
    private let seed = UInt64.random(in: .min ... .max)

    private func line(of event: Event) -> [UInt8] {
        var bytes: [UInt8] = []
        appendLines(of: event, run: run, to: &bytes)
        return bytes
    }

    /// A whole event but for the members of its type.
    private func line(_ type: String, _ members: String) -> String {
        #"{"type":"\#(type)","seq":1,"timestamp":"2026-11-21T07:30:12.345Z"\#(members)}"#
    }

    private func failure(_ line: some StringProtocol) -> EventDecodingError? {
        do throws(EventDecodingError) {
            _ = try decodeEvent(line.utf8)
            return nil
        } catch {
            return error
        }
    }

    @Test("Whatever event is written, on one line, reads back as the same event")
    func roundTrip() throws {
        var random = RandomEvents(generator: SeededGenerator(seed: seed))
        for number in 0..<RandomEvents.kinds * 300 {
            let event = random.event(number)
            let bytes = line(of: event)
            #expect(bytes.count { $0 == UInt8(ascii: "\n") } == 1, "seed \(seed), event \(number)")
            #expect(try decodeEvent(bytes) == event, "seed \(seed), event \(number)")
        }
    }

    @Test("The order of keys does not matter, unknown keys are ignored, null is the same as absent")
    func otherWriters() throws {
        var random = RandomEvents(generator: SeededGenerator(seed: seed))
        for number in 0..<RandomEvents.kinds * 50 {
            let event = random.event(number)
            let value = try JSONValue(parsing: line(of: event)).disturbed(using: &random.generator)
            var writer = JSONWriter()
            writer.write(value)
            #expect(try decodeEvent(writer.bytes) == event, "seed \(seed), event \(number)")
        }
    }

    @Test("Each line of a batch of output is an event of its own, with the text repaired")
    func output() throws {
        let batch = OutputLines(
            phase: .execute, stream: .stderr, bytes: Array("abcdé".utf8) + [0xFF], ends: [3, 3, 7], partial: [0])
        let event = Event(seq: 9, timestamp: Timestamp(millisecondsSince1970: 5), plugin: nil, body: .output(batch))
        let decoded = try line(of: event).split(separator: UInt8(ascii: "\n")).map { try decodeEvent($0) }
        #expect(decoded.map(\.seq) == [9, 10, 11])
        let bodies = decoded.map(\.body)
        func output(_ text: String, partial: [Int32] = []) -> Event.Body {
            let bytes = Array(text.utf8)
            return .output(
                OutputLines(
                    phase: .execute, stream: .stderr, bytes: bytes, ends: [Int32(bytes.count)], partial: partial))
        }
        #expect(bodies == [output("abc", partial: [0]), output(""), output("dé\u{FFFD}")])
    }

    @Test("Measured seconds are read back to the microsecond")
    func rounding() throws {
        let metrics = Metrics(wallSeconds: 0.1 + 0.2)
        let stopping = Stopping(
            phase: .check, cause: .timedOut(after: .nanoseconds(1_000_600)), signal: nil, killAfter: nil)
        let end = PhaseEnd(phase: .check, outcome: .succeeded, metrics: metrics)
        let time = Timestamp(millisecondsSince1970: 0)
        let events = try [Event.Body.stopping(stopping), .phaseEnd(end)].map { body in
            try decodeEvent(line(of: Event(seq: 1, timestamp: time, plugin: nil, body: body)))
        }
        guard case .stopping(let stopped) = events[0].body, case .phaseEnd(let ended) = events[1].body else {
            Issue.record("another type")
            return
        }
        #expect(stopped.cause == .timedOut(after: .microseconds(1001)))
        #expect(ended.metrics?.wallSeconds == 0.3)
    }

    @Test(
        "What only a newer program writes is unknown, and the error says where it stands",
        arguments: [
            ("unheard", "", "type", #""unheard""#),
            ("waiting", #","phase":"check","for":"godot""#, "for", #""godot""#),
            ("plan", #","version":2"#, "version", "2"),
            ("completion", #","outcome":"a\u001bb""#, "outcome", #""a\u001bb""#),
        ])
    func unknown(type: String, members: String, key: String, value: String) throws {
        let text = line(type, members)
        guard case .unknown(let error) = failure(text) else {
            Issue.record("not unknown")
            return
        }
        #expect(error.message == #""\#(key)" is \#(value), which this version does not know"#)
        let place = try #require(text.firstRange(of: #""\#(key)":\#(value)"#))
        #expect(error.offset == text.utf8.distance(from: text.startIndex, to: place.lowerBound) + key.utf8.count + 3)
    }

    @Test(
        "What is no event is refused where it is wrong",
        arguments: [
            ("", "1:1: expected a value, found the end of the text"),
            ("[]", "1:1: expected an object, found an array"),
            (" {}", #"1:2: "type" is missing"#),
            (#"{"type":7}"#, #"1:9: "type" must be a word, not 7"#),
            (#"{"type":"error"}"#, #"1:1: "seq" is missing"#),
            (#"{"type":"error","seq":-1}"#, #"1:23: "seq" must be a whole number from 0 on, not -1"#),
            (#"{"type":"error","seq":1.5}"#, #"1:23: "seq" must be a whole number from 0 on, not 1.5"#),
            (
                #"{"type":"error","seq":1,"timestamp":"2026-02-30T00:00:00.000Z"}"#,
                #"1:37: "timestamp" must be a time such as 2026-11-21T07:30:12.345Z, not "2026-02-30T00:00:00.000Z""#
            ),
            (#"{"type":"error"} x"#, "1:18: expected the end of the text, found 'x'"),
        ])
    func invalid(text: String, message: String) {
        let error = failure(text)
        #expect(error?.description == message)
        if case .unknown = error { Issue.record("taken for a newer program's") }
    }

    @Test(
        "A member of another form than its type's is refused by its key",
        arguments: [
            ("error", #","plugin":"../x","error":"e""#, #""plugin" must be a plugin's name, not "../x""#),
            ("error", #","error":[]"#, #""error" must be a string, not an array"#),
            (
                "run_start", #","version":"1","host":"h","user":"u","policy":"p","policy_hash":"","plugins":{}"#,
                #""plugins" must be an array, not an object"#
            ),
            ("result", #","packages":["curl"]"#, "expected an object, found a string"),
            (
                "stopping", #","phase":"check","cause":"timed_out","timeout_seconds":1e300"#,
                #""timeout_seconds" must be a duration in seconds, not 1e+300"#
            ),
            (
                "stopping", #","phase":"check","cause":"cancelled","cause_signal":5000000000"#,
                #""cause_signal" must be a whole number from -2147483648 to 2147483647, not 5000000000"#
            ),
            (
                "plan", #","version":1,"policy":"p","host":"h","makespan_seconds":1,"critical_path":["apt"]"#,
                #""critical_path" must be a step such as apt/execute, not "apt""#
            ),
            ("phase_start", #","phase":"check","limits":{"cpu.max":1}"#, #""cpu.max" must be a string, not 1"#),
        ])
    func wrongMember(type: String, members: String, message: String) {
        let error = failure(line(type, members))
        guard case .invalid(let error) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error.message == message)
    }

    @Test("A long text of a stranger is cut in the message, and nothing in it reaches a terminal")
    func longTexts() {
        let error = failure(line(String(repeating: "x", count: 1000), ""))
        #expect(error?.error.message.utf8.count == 64 + #""type" is "", which this version does not know"#.utf8.count)
    }

    @Test("Random bytes, and lines with a few bytes changed, are an event or an error within the line, never a trap")
    func anyBytes() {
        var random = RandomEvents(generator: SeededGenerator(seed: seed))
        let alphabet = Array(#"{}[]",:\u0019e-. truefalsn"#.utf8) + [0, 0x1B, 0xFF, 0xC3]
        func check(_ bytes: [UInt8]) {
            do throws(EventDecodingError) {
                _ = try decodeEvent(bytes)
            } catch {
                #expect((0...bytes.count).contains(error.error.offset), "seed \(seed), \(bytes)")
            }
        }
        for _ in 0..<2000 {
            let length = Int.random(in: 0...60, using: &random.generator)
            check((0..<length).map { _ in alphabet.randomElement(using: &random.generator)! })
        }
        for number in 0..<RandomEvents.kinds * 300 {
            var bytes = line(of: random.event(number))
            for _ in 0..<Int.random(in: 1...3, using: &random.generator) {
                let index = bytes.indices.randomElement(using: &random.generator)!
                bytes[index] = alphabet.randomElement(using: &random.generator)!
            }
            check(bytes)
            check(Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random.generator))))
        }
    }
}

extension JSONValue {
    /// The same to a tolerant reader: keys it does not know, nulls for some that it does, another order. Control files
    /// are names of their own, in an order that says something.
    fileprivate func disturbed(using generator: inout SeededGenerator) -> JSONValue {
        switch self {
        case .array(let elements):
            return .array(elements.map { $0.disturbed(using: &generator) })
        case .object(let members):
            var disturbed = members.map { member in
                let value = member.key == "limits" ? member.value : member.value.disturbed(using: &generator)
                return JSONMember(key: member.key, value: value)
            }
            disturbed.append(JSONMember(key: "of_a_newer_version", value: .array([.object([]), .number(0.5)])))
            for key in ["signal", "percent", "effective", "from", "fetch_bytes"] where self[key] == nil {
                disturbed.append(JSONMember(key: key, value: .null))
            }
            return .object(disturbed.shuffled(using: &generator))
        default:
            return self
        }
    }
}
