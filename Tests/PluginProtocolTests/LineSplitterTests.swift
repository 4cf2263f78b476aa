import PluginProtocol
import TestSupport
import Testing

@Suite struct LineSplitterTests {
    /// A piece with what it is.
    struct Piece: Equatable {
        var text: [UInt8]
        var part: LinePart
    }

    struct Collector: LineConsumer {
        var pieces: [Piece] = []
        mutating func take(_ line: UnsafeBufferPointer<UInt8>, _ part: LinePart) {
            pieces.append(Piece(text: Array(line), part: part))
        }
    }

    private func split(_ chunks: [[UInt8]]) -> [Piece] {
        var splitter = LineSplitter()
        var collector = Collector()
        for chunk in chunks { splitter.feed(chunk.span.bytes, into: &collector) }
        splitter.finish(into: &collector)
        return collector.pieces
    }

    private func lines(_ text: String) -> [String] {
        split([Array(text.utf8)]).map { String(decoding: $0.text, as: UTF8.self) }
    }

    /// The rules once more, byte by byte.
    private func reference(_ bytes: [UInt8]) -> [Piece] {
        var pieces: [Piece] = []
        var line: [UInt8] = []
        var isCut = false
        var endedByReturn = false
        func end() {
            pieces.append(Piece(text: line, part: isCut ? .last : .whole))
            line = []
            isCut = false
        }
        for byte in bytes {
            switch byte {
            case 0x0A:
                if !(line.isEmpty && endedByReturn) { end() }
                endedByReturn = false
            case 0x0D:
                if !line.isEmpty {
                    end()
                    endedByReturn = true
                }
            default:
                if line.count == LineSplitter.maximumPieceLength {
                    pieces.append(Piece(text: line, part: .cut))
                    line = []
                    isCut = true
                }
                line.append(byte)
                endedByReturn = false
            }
        }
        if !line.isEmpty { end() }
        return pieces
    }

    @Test(
        "A line ends at \\n and at \\r, and \\r\\n is one end",
        arguments: [
            ("a\nb\n", ["a", "b"]), ("a\n\nb\n", ["a", "", "b"]), ("\n", [""]), ("", []),
            ("10%\r20%\rdone\n", ["10%", "20%", "done"]),
            ("a\r\nb\r\n", ["a", "b"]), ("a\r\n\r\nb", ["a", "", "b"]), ("a\r\r\nb\n", ["a", "b"]),
            ("a\r\r\n\nb", ["a", "", "b"]),
            ("\r10%\r20%\n", ["10%", "20%"]), ("a\r\n\n", ["a", ""]), ("\r\n", [""]),
        ])
    func ends(text: String, expected: [String]) {
        #expect(lines(text) == expected)
    }

    @Test func `The last line needs no newline`() {
        #expect(lines("a\nb") == ["a", "b"])
        #expect(lines("a\r") == ["a"])
    }

    @Test func `A line of 64 KiB is whole, and one of a byte more is cut`() {
        let limit = LineSplitter.maximumPieceLength
        #expect(limit == 64 * 1024)
        let longest = [UInt8](repeating: 0x61, count: limit)
        #expect(split([longest, [0x0A]]) == [Piece(text: longest, part: .whole)])
        #expect(split([longest + [0x0A]]) == [Piece(text: longest, part: .whole)])
        let tooLong = [Piece(text: longest, part: .cut), Piece(text: [0x62], part: .last)]
        #expect(split([longest, [0x62], [0x0A]]) == tooLong)
        #expect(split([longest + [0x62, 0x0A]]) == tooLong)
        #expect(split([longest + [0x62]]) == tooLong)
    }

    @Test func `A line that never ends comes in pieces, and what follows it is whole again`() {
        let limit = LineSplitter.maximumPieceLength
        let pieces = split([[UInt8](repeating: 0x61, count: 3 * limit + 5) + [0x0A, 0x62, 0x0A]])
        #expect(pieces.map(\.part) == [.cut, .cut, .cut, .last, .whole])
        #expect(pieces.map(\.text.count) == [limit, limit, limit, 5, 1])
    }

    @Test func `Any cutting of random bytes into chunks gives the same lines as byte by byte`() {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let count = Int.random(in: 0...400, using: &random)
            // Ends of lines are frequent; so are bytes that differ from them by one bit.
            let alphabet: [UInt8] = [0x0A, 0x0D, 0x0A, 0x0D, 0x61, 0x8A, 0x8D, 0x0B, 0x0C, 0x00, 0xFF]
            let bytes = (0..<count).map { _ in alphabet.randomElement(using: &random) ?? 0 }
            var chunks: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let size = Int.random(in: 0...min(rest.count, 30), using: &random)
                chunks.append(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            #expect(split(chunks) == reference(bytes), "seed \(seed), \(bytes)")
            #expect(split([bytes]) == reference(bytes), "seed \(seed), \(bytes)")
        }
    }

    @Test func `Pieces of long lines put together are the input`() {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5 {
            let lengths = (0..<4).map { _ in Int.random(in: 0...200_000, using: &random) }
            let bytes = lengths.flatMap {
                [UInt8](repeating: UInt8.random(in: 0x20...0xFF, using: &random), count: $0) + [0x0A]
            }
            var chunks: [[UInt8]] = []
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + Int.random(in: 1...100_000, using: &random))
                chunks.append(Array(bytes[start..<end]))
                start = end
            }
            let pieces = split(chunks)
            let joined: [UInt8] = pieces.flatMap { $0.text + ($0.part == .cut ? [] : [0x0A]) }
            #expect(joined == bytes, "seed \(seed)")
            #expect(pieces == split([bytes]), "seed \(seed)")
            #expect(pieces.allSatisfy { $0.text.count <= LineSplitter.maximumPieceLength }, "seed \(seed)")
        }
    }
}
