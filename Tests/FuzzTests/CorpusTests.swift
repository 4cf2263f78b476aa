// What the fuzzer has found, and what it begins with, decoded once more.

import Foundation
import FuzzTargets
import Testing

@Suite struct CorpusTests {
    private static let corpora = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "contrib/fuzz/corpus")

    @Test(arguments: FuzzTarget.allCases)
    func `No input of the corpus breaks a promise`(target: FuzzTarget) throws {
        let directory = Self.corpora.appending(path: target.rawValue)
        let files = try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty)
        for file in files {
            let input = Array(try Data(contentsOf: file))
            #expect(throws: Never.self, "contrib/fuzz/corpus/\(target.rawValue)/\(file.lastPathComponent)") {
                try target.check(input)
            }
        }
    }

    @Test func `Every corpus has a target`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.corpora.path)
        #expect(Set(names) == Set(FuzzTarget.allCases.map(\.rawValue)))
    }

    @Test(arguments: FuzzTarget.allCases)
    func `No promise needs an input of a certain length`(target: FuzzTarget) throws {
        for count in 0..<4 {
            for byte in [0, 0x0A, 0x7B, 0xFF] as [UInt8] {
                try target.check([UInt8](repeating: byte, count: count))
            }
        }
    }
}
