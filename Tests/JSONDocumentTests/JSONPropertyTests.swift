import JSONDocument
import TestSupport
import Testing

@Suite struct JSONPropertyTests {
    private let seed = UInt64.random(in: .min ... .max)

    @Test("Whatever value is written reads back as the same value")
    func roundTrip() throws {
        var generator = SeededGenerator(seed: seed)
        for round in 0..<2000 {
            let value = JSONValue.random(using: &generator, depth: 4)
            var writer = JSONWriter()
            writer.write(value)
            #expect(try JSONValue(parsing: writer.bytes) == value, "seed \(seed), round \(round)")
        }
    }

    @Test("Every double reads back with the same bits")
    func doublesRoundTrip() throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            let value = Double(bitPattern: generator.next())
            guard value.isFinite else { continue }
            var writer = JSONWriter()
            writer.write(value)
            var reader = JSONReader(writer.bytes)
            #expect(try reader.readDouble().bitPattern == value.bitPattern, "seed \(seed)")
        }
    }

    @Test("Decimal numbers of few digits read as the compiler's own reading of them")
    func shortDecimals() throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            let digits = UInt64.random(
                in: 0...UInt64.max >> UInt64.random(in: 0..<64, using: &generator), using: &generator)
            let text = "\(digits)e\(Int.random(in: -40...40, using: &generator))"
            #expect(try JSONValue(parsing: text.utf8).doubleValue == Double(text), "seed \(seed), \(text)")
        }
    }

    @Test("Random bytes are a value or an error, never a trap")
    func randomBytes() {
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array("{}[]\",:\\u0019eE+-. truefalsn\u{1}\nüd8".utf8) + [0xFF, 0xC0, 0xED]
        for _ in 0..<20_000 {
            let length = Int.random(in: 0...40, using: &generator)
            let bytes = (0..<length).map { _ in alphabet.randomElement(using: &generator)! }
            checkAgreement(bytes)
        }
    }

    @Test("A valid text with a few bytes changed is a value or an error, and skipping it agrees with reading it")
    func mutations() {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<5000 {
            var writer = JSONWriter()
            writer.write(JSONValue.random(using: &generator, depth: 3))
            var bytes = writer.bytes
            for _ in 0...Int.random(in: 0...2, using: &generator) {
                let index = bytes.indices.randomElement(using: &generator)!
                switch Int.random(in: 0...2, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &generator)
                case 1 where bytes.count > 1: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: 0x20...0x7E, using: &generator), at: index)
                }
            }
            checkAgreement(bytes)
        }
    }

    /// Reading and skipping accept the same texts; what was read survives writing and reading again.
    private func checkAgreement(_ bytes: [UInt8]) {
        let value = try? JSONValue(parsing: bytes)
        var reader = JSONReader(bytes)
        var isSkipped = true
        do {
            try reader.skipValue()
            try reader.finish()
        } catch {
            isSkipped = false
        }
        #expect((value != nil) == isSkipped, "seed \(seed), \(bytes)")
        guard let value else { return }
        var first = JSONWriter()
        first.write(value)
        var second = JSONWriter()
        if let again = try? JSONValue(parsing: first.bytes) { second.write(again) }
        #expect(first.bytes == second.bytes, "seed \(seed), \(bytes)")
    }

    @Test("Any bytes written as a string read back as Swift repairs them, without control characters on the way")
    func repairsBytes() throws {
        var generator = SeededGenerator(seed: seed)
        let leads: [UInt8] = [0xC2, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF3, 0xF4, 0xC0, 0xF5, 0x80, 0x9F, 0xA0, 0xBF, 0x7F]
        for _ in 0..<20_000 {
            let length = Int.random(in: 0...24, using: &generator)
            let bytes = (0..<length).map { _ in
                Bool.random(using: &generator)
                    ? leads.randomElement(using: &generator)! : UInt8.random(in: .min ... .max, using: &generator)
            }
            var writer = JSONWriter()
            writer.write(repairing: bytes.span)
            #expect(
                try JSONValue(parsing: writer.bytes) == .string(String(decoding: bytes, as: UTF8.self)), "seed \(seed)")
            let text = String(decoding: writer.bytes, as: UTF8.self)
            #expect(text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }, "seed \(seed)")
        }
    }
}

extension JSONValue {
    /// A value in the form that reading gives: a whole number is an `integer` where it is below 2^53.
    fileprivate static func random(using generator: inout SeededGenerator, depth: Int) -> JSONValue {
        switch Int.random(in: 0...(depth > 0 ? 7 : 5), using: &generator) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &generator))
        case 2: return .integer(Int64(bitPattern: generator.next() >> UInt64.random(in: 0..<64, using: &generator)))
        case 3: return .number(Double.random(in: -1e6...1e6, using: &generator) + 0x1p-20)
        case 4, 5: return .string(randomText(using: &generator))
        case 6:
            let count = Int.random(in: 0...4, using: &generator)
            return .array((0..<count).map { _ in random(using: &generator, depth: depth - 1) })
        default:
            let count = Int.random(in: 0...4, using: &generator)
            return .object(
                (0..<count).map { _ in
                    JSONMember(key: randomText(using: &generator), value: random(using: &generator, depth: depth - 1))
                })
        }
    }

    private static func randomText(using generator: inout SeededGenerator) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...20, using: &generator) {
            let bound: UInt32 = [0x80, 0x80, 0x100, 0x1_0000, 0x11_0000].randomElement(using: &generator)!
            if let scalar = Unicode.Scalar(UInt32.random(in: 0..<bound, using: &generator)) { text.append(scalar) }
        }
        return String(text)
    }
}
