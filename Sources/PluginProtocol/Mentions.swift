// Whether a file's bytes contain the words by which one that speaks the protocol is known.

import PluginManifests

/// Looks for the words of the protocol in a file that is read in pieces of any size; keeps a few bytes of each.
public struct MentionScanner: Sendable {
    public private(set) var mentions: Mentions = []
    private var tail: [UInt8] = []

    private static let words: [(Mentions, [UInt8])] = [
        (.isApplicable, Array("is-applicable".utf8)), (.dryRun, Array("--dry-run".utf8)),
        (.estimateUpdate, Array("estimate-update".utf8)), (.selfUpdate, Array("self-update".utf8)),
        (.validate, Array("validate".utf8)),
    ]
    /// One byte less than the longest word has.
    private static let overlap = 14

    public init() {}

    /// All were found: the rest of the file tells nothing more.
    public var isDone: Bool { mentions == .all }

    public mutating func feed(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { bytes in
            // A word may begin in one piece and end in the next.
            if !tail.isEmpty {
                tail.append(contentsOf: bytes.prefix(Self.overlap))
                tail.withUnsafeBytes { search($0) }
            }
            search(bytes)
            tail.append(contentsOf: bytes.dropFirst(tail.isEmpty ? 0 : Self.overlap).suffix(Self.overlap))
            tail = Array(tail.suffix(Self.overlap))
        }
    }

    private mutating func search(_ bytes: UnsafeRawBufferPointer) {
        for (mention, word) in Self.words where !mentions.contains(mention) && bytes.count >= word.count {
            // The last byte of a word is rarer in text than the first.
            let last = word[word.count - 1]
            for end in (word.count - 1)..<bytes.count where bytes[end] == last {
                let start = end - word.count + 1
                if bytes[start] == word[0], bytes[start...end].elementsEqual(word) {
                    mentions.insert(mention)
                    break
                }
            }
        }
    }
}

extension Mentions {
    fileprivate static let all: Mentions = [.isApplicable, .dryRun, .estimateUpdate, .selfUpdate, .validate]
}
