import PluginProtocol
import RunModel
import TestSupport
import Testing
import UpdateModel

@Suite struct OutputDecoderTests {
    private func decode(
        _ text: String, on stream: OutputStream = .stdout, in phase: Phase = .execute
    ) -> [DecodedOutput] {
        var decoder = OutputDecoder(phase: phase, stream: stream)
        return decoder.feed(bytes: Array(text.utf8)) + decoder.finish()
    }

    private func texts(_ decoded: [DecodedOutput]) -> [String] {
        decoded.flatMap { output in
            guard case .lines(let lines) = output else { return [String]() }
            return (0..<lines.count).map { String(decoding: lines.line($0), as: UTF8.self) }
        }
    }

    private func events(_ decoded: [DecodedOutput]) -> [PluginEvent] {
        decoded.compactMap { if case .event(let event) = $0 { event } else { nil } }
    }

    private func warnings(_ decoded: [DecodedOutput]) -> [String] {
        decoded.compactMap { if case .warning(let text) = $0 { text } else { nil } }
    }

    private func progress(_ text: String, on stream: OutputStream = .stdout, in phase: Phase = .execute) -> Progress? {
        guard case .progress(let progress)? = events(decode(text, on: stream, in: phase)).first else { return nil }
        return progress
    }

    @Test func `Lines come in one batch with the phase and the stream`() {
        let decoded = decode("one\n\nthree\n", on: .stderr, in: .download)
        let lines = OutputLines(phase: .download, stream: .stderr, bytes: Array("onethree".utf8), ends: [3, 3, 8])
        #expect(decoded == [.lines(lines)])
    }

    @Test func `Pieces of a long line are marked as partial`() {
        var decoder = OutputDecoder(phase: .execute, stream: .stdout)
        let line = [UInt8](repeating: 0x78, count: 2 * LineSplitter.maximumPieceLength + 1)
        let decoded = decoder.feed(bytes: (Array("a\n".utf8) + line + Array("\nb\n".utf8)))
        guard case .lines(let lines)? = decoded.first, decoded.count == 1 else {
            Issue.record("one batch was expected")
            return
        }
        #expect(lines.count == 5)
        #expect(lines.partial == [1, 2])
    }

    @Test func `Batches are bounded in bytes and in lines`() {
        var decoder = OutputDecoder(phase: .execute, stream: .stdout)
        let long = [UInt8](repeating: 0x78, count: 99) + [0x0A]
        let decoded =
            decoder.feed(bytes: [UInt8](repeating: 0x0A, count: 100_000))
            + decoder.feed(bytes: [[UInt8]](repeating: long, count: 10_000).flatMap(\.self))
        var count = 0
        for case .lines(let lines) in decoded {
            #expect(lines.bytes.count <= 262_144)
            #expect(lines.count <= 16_384)
            count += lines.count
        }
        #expect(count == 110_000)
    }

    @Test func `A progress line has every field`() {
        let text = """
            PROGRESS:{"type":"progress","phase":"download","percent":45.5,"message":"fetching","bytes_downloaded":10,\
            "bytes_total":20,"items_completed":1,"items_total":2}
            """
        var expected = Progress(phase: .download)
        expected.percent = 45.5
        expected.message = "fetching"
        expected.bytesDownloaded = ByteCount(10)
        expected.bytesTotal = ByteCount(20)
        expected.itemsCompleted = 1
        expected.itemsTotal = 2
        for stream in [OutputStream.stdout, .stderr] {
            #expect(decode(text, on: stream) == [.event(.progress(expected))])
        }
    }

    @Test func `Every field is optional, the type is progress by default, and the phase is the one that runs`() {
        #expect(progress("PROGRESS:{}", in: .check) == Progress(phase: .check))
        #expect(
            progress("PROGRESS: {\"phase\":null,\"type\":null,\"percent\":null}\r\n", in: .download)?.phase == .download
        )
        #expect(progress(#"PROGRESS:{"phase":"install"}"#, in: .check)?.phase == .execute)
        #expect(progress(#"PROGRESS:{"phase":7}"#, in: .check)?.phase == .execute)
    }

    @Test(
        "The percentage is clamped to 0…100",
        arguments: [("-3", 0.0), ("0", 0), ("100", 100), ("100.5", 100), ("1e300", 100)])
    func percent(text: String, expected: Double) {
        #expect(progress("PROGRESS:{\"percent\":\(text)}")?.percent == expected)
    }

    @Test func `Without a message the package that it is about stands in its place`() {
        #expect(progress(#"PROGRESS:{"package":"curl"}"#)?.message == "curl")
        #expect(progress(#"PROGRESS:{"package":"curl","message":"unpacking"}"#)?.message == "unpacking")
    }

    @Test func `A field of another type counts as missing, with one warning`() {
        let decoded = decode(
            String(repeating: "PROGRESS:{\"percent\":\"4\",\"bytes_total\":-1,\"message\":\"m\"}\n", count: 3))
        var expected = Progress(phase: .execute)
        expected.message = "m"
        #expect(events(decoded) == [PluginEvent](repeating: .progress(expected), count: 3))
        #expect(warnings(decoded) == ["\"percent\" in an event must be a number, not a string"])
        #expect(progress(#"PROGRESS:{"bytes_total":1.9e3,"items_total":1e300}"#)?.bytesTotal == ByteCount(1900))
        #expect(progress(#"PROGRESS:{"items_total":1e300}"#)?.itemsTotal == nil)
        #expect(progress(#"PROGRESS:{"items_total":2.5}"#)?.itemsTotal == 2)
    }

    @Test func `A bare progress object is an event on stderr only`() {
        let text = #"{"type":"progress","percent":5}"#
        #expect(progress(text, on: .stderr)?.percent == 5)
        #expect(texts(decode(text, on: .stdout)) == [text])
    }

    @Test(
        "A bare object that does not say it is progress is output",
        arguments: [
            #"{"percent":5}"#, #"{"type":"phase_start"}"#, #"{"type":"log"}"#, "{", #"{"type":"progress""#, "{}",
        ])
    func bareObjects(text: String) {
        #expect(texts(decode(text, on: .stderr)) == [text])
        #expect(warnings(decode(text, on: .stderr)).isEmpty)
    }

    @Test(
        "What does not parse is output as it came",
        arguments: [
            "PROGRESS", "PROGRESS:", "PROGRESS: 50%", "PROGRESS:[1]", "PROGRESS:{\"percent\":}", "PROGRESS:{} trailing",
            "PROGRESSION:{}", " PROGRESS:{}", "progress:{}", "PROGRESS:" + String(repeating: "[", count: 10_000),
        ])
    func unparsable(text: String) {
        for stream in [OutputStream.stdout, .stderr] {
            let decoded = decode("before\n\(text)\nafter\n", on: stream)
            #expect(texts(decoded) == ["before", text, "after"])
            #expect(decoded.count == 1)
        }
    }

    @Test func `An event line over 64 KiB is output`() {
        let text = "PROGRESS:{\"message\":\"\(String(repeating: "x", count: 70_000))\"}\n"
        let decoded = decode(text)
        #expect(events(decoded).isEmpty)
        #expect(texts(decoded).joined() == text.dropLast())
    }

    @Test func `Phases begin and end by events`() {
        let decoded = decode(
            """
            PROGRESS:{"type":"phase_start","phase":"download"}
            PROGRESS:{"type":"phase_end","phase":"download","success":true}
            PROGRESS:{"type":"phase_end","success":false,"error":"no space"}
            PROGRESS:{"type":"phase_end","error":"bad"}
            PROGRESS:{"type":"phase_end"}
            """)
        #expect(
            decoded == [
                .event(.phaseStart(.download)), .event(.phaseEnd(.download, success: true, error: nil)),
                .event(.phaseEnd(.execute, success: false, error: "no space")),
                .event(.phaseEnd(.execute, success: false, error: "bad")),
                .event(.phaseEnd(.execute, success: true, error: nil)),
            ])
    }

    @Test func `A result tells what was changed`() {
        let text = """
            PROGRESS:{"type":"result","packages":[{"name":"curl","from":"1.0","to":"1.1"},{"name":"new","to":"2"}],\
            "packages_updated":3,"held":["linux"],"restart":["ssh.service"],"reboot_required":true}
            """
        var result = UpdateResult()
        result.packages = [
            UpdatedPackage(name: "curl", from: "1.0", to: "1.1"), UpdatedPackage(name: "new", from: nil, to: "2"),
        ]
        result.packagesUpdated = 3
        result.held = ["linux"]
        result.restart = ["ssh.service"]
        result.rebootRequired = true
        #expect(decode(text) == [.event(.result(result))])
    }

    @Test func `A result without a number has as many as it names, and a package without a name is left out`() {
        let decoded = decode(#"PROGRESS:{"type":"result","packages":["a",{"name":"b"},{"from":"1"}],"held":"x"}"#)
        guard case .event(.result(let result))? = decoded.last else {
            Issue.record("a result was expected")
            return
        }
        #expect(result.packages.map(\.name) == ["a", "b"])
        #expect(result.packagesUpdated == 2)
        #expect(
            warnings(decoded) == [
                "\"packages\" in an event must be an array of objects that have a name, not an object"
            ])
        #expect(events(decode(#"PROGRESS:{"type":"result"}"#)) == [.result(UpdateResult())])
    }

    @Test func `An unknown type is ignored with one warning each, and eight in all`() {
        let twice = decode("PROGRESS:{\"type\":\"sound\"}\nPROGRESS:{\"type\":\"sound\"}\nPROGRESS:{\"type\":3}\n")
        #expect(
            twice == [
                .warning("an event of the unknown type \"sound\" was ignored"),
                .warning("an event whose \"type\" is not a string was ignored"),
            ])
        let many = decode((0..<100).map { "PROGRESS:{\"type\":\"t\($0)\"}\n" }.joined())
        #expect(many.count == 8)
    }

    @Test func `Events and lines keep their order`() {
        let decoded = decode("a\nPROGRESS:{\"type\":\"phase_start\"}\nb\nPROGRESS:{\"type\":\"x\"}\nc\n")
        #expect(decoded.count == 5)
        #expect(texts(Array(decoded.prefix(1))) == ["a"])
        #expect(decoded[1] == .event(.phaseStart(.execute)))
        #expect(texts(Array(decoded[2...2])) == ["b"])
        #expect(texts(Array(decoded[4...4])) == ["c"])
    }

    @Test func `A plugin is in legacy mode until an event came`() {
        var decoder = OutputDecoder(phase: .execute, stream: .stdout)
        _ = decoder.feed(bytes: Array("text\nPROGRESS: 5%\n".utf8))
        #expect(!decoder.hasEvents)
        _ = decoder.feed(bytes: Array("PROGRESS:{\"percent\":".utf8))
        #expect(!decoder.hasEvents)
        _ = decoder.feed(bytes: Array("5}\n".utf8))
        #expect(decoder.hasEvents)
    }

    @Test func `No bytes make it trap, and no line is lost`() {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let fragments: [[UInt8]] =
            [
                "PROGRESS:", "{", "}", "\"type\":", "\"progress\"", "\"percent\":", "1e999", "-1", ",", "\n", "\n",
                "\r", "[",
                "\"phase\":\"download\"", "\"result\"", "\"packages\":[]", "null", "\\u", "\u{1B}[2J",
            ].map { Array($0.utf8) } + [[0xFF], [0xC3], [0x00], [0xED, 0xA0, 0x80]]
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).flatMap { _ in
                fragments.randomElement(using: &random) ?? []
            }
            for stream in [OutputStream.stdout, .stderr] {
                var decoder = OutputDecoder(phase: .check, stream: stream)
                var splitter = LineSplitter()
                var counter = LineSplitterTests.Collector()
                splitter.feed(bytes.span.bytes, into: &counter)
                splitter.finish(into: &counter)
                let decoded = decoder.feed(bytes: bytes) + decoder.finish()
                // An unknown type is the only line that leaves neither text nor event.
                let ignored = counter.pieces.filter { $0.text.starts(with: "PROGRESS:{".utf8) }.count
                let found = texts(decoded).count + events(decoded).count
                #expect(
                    (counter.pieces.count - ignored...counter.pieces.count).contains(found), "seed \(seed), \(bytes)")
            }
        }
    }
}

extension OutputDecoder {
    fileprivate mutating func feed(bytes: [UInt8]) -> [DecodedOutput] {
        bytes.withUnsafeBytes { feed($0.bytes) }
    }
}
