import PolicyFixtures
import TestSupport
import Testing
import UpdateModel

@testable import Policy

@Suite("Typos")
struct TypoProperties {
    private static let lines: [(header: String, line: String)] = [
        ("run", "memory_high = \"25%\""), ("run", "cpu_quota = \"100%\""), ("run", "tasks_max = 2048"),
        ("run", "downloads = 2"), ("step", "memory_swap_max = \"0\""), ("step", "stop_grace = \"10s\""),
        ("step.check", "no_new_privileges = true"), ("plugin.apt", "wait_timeout = \"1h30m\""),
        ("plugin.apt.execute", "cpu_weight = 20"), ("protect", "memory_some = \"5%\""), ("log", "keep_bytes = \"8G\""),
    ]

    @Test("in a key are always reported at that key, whatever else is in the document")
    func keys() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<1500 {
            let chosen = Self.lines.shuffled(using: &generator).prefix(
                Int.random(in: 1...Self.lines.count, using: &generator))
            let victim = Int.random(in: 0..<chosen.count, using: &generator)
            var text = ""
            var expected = ""
            let tables = Dictionary(grouping: chosen.enumerated(), by: \.element.header).sorted { $0.key < $1.key }
            for (header, entries) in tables {
                text += "[\(header)]\n"
                for (index, entry) in entries {
                    let key = entry.line.prefix { $0 != " " }
                    let typo = index == victim ? Self.mistyped(String(key), &generator) : String(key)
                    if index == victim {
                        expected =
                            "base.toml:\(text.split(separator: "\n").count + 1):1: unknown key \"\(typo)\" in [\(header)]"
                    }
                    text += typo + entry.line.dropFirst(key.count) + "\n"
                }
            }
            let found = messages(text)
            #expect(found.count == 1 && found[0].hasPrefix(expected), "seed \(seed)\n\(text)\n\(found)")
        }
    }

    /// One letter doubled, dropped, changed or swapped with its neighbour, such that another word results.
    private static func mistyped(_ key: String, _ generator: inout SeededGenerator) -> String {
        while true {
            var letters = Array(key)
            let index = Int.random(in: 0..<letters.count - 1, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: letters.insert(letters[index], at: index)
            case 1: letters.remove(at: index)
            case 2: letters[index] = "q"
            default: letters.swapAt(index, index + 1)
            }
            let typo = String(letters)
            if PolicyKey(rawValue: typo) == nil { return typo }
        }
    }

    @Test("anywhere never crash the reader, and what is not reported is a valid policy")
    func bytes() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let whole = Array(
            Self.lines.sorted { $0.header < $1.header }.map { "[\($0.header).x]\n\($0.line)\n" }.joined().utf8)
        for _ in 0..<1500 {
            var text = whole
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<text.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: text.remove(at: index)
                case 1: text[index] = UInt8.random(in: 0...255, using: &generator)
                default: text.insert(text[Int.random(in: 0..<text.count, using: &generator)], at: index)
                }
            }
            do {
                _ = try mergePolicy(PolicyTexts(base: PolicyText(file: "a", bytes: text))) { _, _ in nil }
            } catch {
                #expect(!error.list.isEmpty, "seed \(seed)")
            }
        }
    }
}
