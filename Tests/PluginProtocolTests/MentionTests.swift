import PluginManifests
import PluginProtocol
import TestSupport
import Testing

@Suite struct MentionTests {
    private func scan(_ chunks: [[UInt8]]) -> MentionScanner {
        var scanner = MentionScanner()
        for chunk in chunks { scanner.feed(chunk.span.bytes) }
        return scanner
    }

    @Test(
        "The words are found wherever they stand",
        arguments: [
            ("is-applicable", Mentions.isApplicable), ("case is-applicable) exit 0", .isApplicable),
            ("--dry-run", .dryRun),
            ("is-applicabl --dry-ru", Mentions()), ("", Mentions()),
            ("--dry-run is-applicable", Mentions([.dryRun, .isApplicable])), ("estimate-update)", .estimateUpdate),
            (
                "self-update --dry-run is-applicable estimate-update validate",
                Mentions([.dryRun, .isApplicable, .estimateUpdate, .selfUpdate, .validate])
            ),
        ])
    func words(text: String, expected: Mentions) {
        let scanner = scan([Array(text.utf8)])
        #expect(scanner.mentions == expected)
        #expect(scanner.isDone == (expected.rawValue == 31))
    }

    @Test func `A word is found however the file is cut into pieces`() {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let words = """
            is-applicabl is-applicable --dry --dry-run estimate-updat estimate-update self-updat self-update validat validate
            """
        let bytes = Array("#!/bin/sh\n\(words)\n".utf8)
        for _ in 0..<500 {
            var chunks: [[UInt8]] = []
            var rest = bytes[...]
            while !rest.isEmpty {
                let size = Int.random(in: 0...min(20, rest.count), using: &random)
                chunks.append(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            #expect(scan(chunks).isDone, "seed \(seed), \(chunks.map(\.count))")
        }
    }
}
