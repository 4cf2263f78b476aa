// Promises of the decoder of plugins' output.

import Interchange
import PluginProtocol
import RunModel
import UpdateModel

/// The first byte chooses the phase, the stream and whether the rest is repeated until it is longer than a line may be; the
/// second is the seed of the sizes of the pieces that it is fed in.
func checkOutput(_ input: [UInt8]) throws(BrokenPromise) {
    guard input.count > 2 else { return }
    let phase = Phase.allCases[Int(input[0] & 3) % Phase.allCases.count]
    let stream: OutputStream = input[0] & 4 == 0 ? .stdout : .stderr
    var bytes = Array(input.dropFirst(2))
    let isRepeated = input[0] & 0x80 != 0
    if isRepeated {
        let once = bytes
        while bytes.count <= LineSplitter.maximumPieceLength { bytes += once }
    }

    var whole = OutputDecoder(phase: phase, stream: stream)
    let atOnce = bytes.withUnsafeBytes { whole.feed($0.bytes) } + whole.finish()
    try checkBounds(atOnce, of: bytes)
    if !isRepeated { try checkJournal(atOnce) }

    var pieces = PieceSizes(seed: input[1])
    var decoder = OutputDecoder(phase: phase, stream: stream)
    var inPieces: [DecodedOutput] = []
    var rest = bytes[...]
    while !rest.isEmpty {
        let piece = rest.prefix(pieces.next())
        rest = rest.dropFirst(piece.count)
        inPieces += piece.withUnsafeBytes { decoder.feed($0.bytes) }
    }
    inPieces += decoder.finish()
    try promise(
        joined(inPieces) == joined(atOnce), "output that comes in pieces is decoded as it is when it comes at once")
    try promise(decoder.hasEvents == whole.hasEvents, "whether there are events does not depend on pieces")
}

/// Sizes from nothing to what a pipe holds, most of them small (Knuth's MMIX generator).
private struct PieceSizes {
    private var state: UInt64

    init(seed: UInt8) { state = UInt64(seed) }

    mutating func next() -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let bits = state >> 33
        return Int(bits >> 5) & (1 << Int(bits & 15) - 1)
    }
}

/// Neighbouring batches as one: where a batch ends is not a property of the output.
private func joined(_ decoded: [DecodedOutput]) -> [DecodedOutput] {
    var result: [DecodedOutput] = []
    var batch: OutputLines?
    func close() {
        if let batch { result.append(.lines(batch)) }
    }
    for output in decoded {
        guard case .lines(let lines) = output else {
            close()
            batch = nil
            result.append(output)
            continue
        }
        guard var earlier = batch else {
            batch = lines
            continue
        }
        // Freed, so that the appending below does not copy.
        batch = nil
        let (bytes, count) = (Int32(earlier.bytes.count), Int32(earlier.count))
        earlier.bytes += lines.bytes
        earlier.ends += lines.ends.map { $0 + bytes }
        earlier.partial += lines.partial.map { $0 + count }
        batch = earlier
    }
    close()
    return result
}

private func checkBounds(_ decoded: [DecodedOutput], of bytes: [UInt8]) throws(BrokenPromise) {
    var (lines, size, events, warnings) = (0, 0, 0, 0)
    for output in decoded {
        switch output {
        case .lines(let batch):
            try promise(batch.count > 0, "no batch is empty")
            try promise(batch.bytes.count <= 262_144 && batch.count <= 16_384, "a batch is bounded")
            try promise(batch.ends.last.map { Int($0) } == batch.bytes.count, "the last line ends with the batch")
            try promise(zip(batch.ends, batch.ends.dropFirst()).allSatisfy { $0 <= $1 }, "lines end in order")
            try promise(batch.partial.allSatisfy { $0 >= 0 && $0 < batch.count }, "a piece is one of the lines")
            lines += batch.count
            size += batch.bytes.count
        case .event(let event):
            events += 1
            guard case .progress(let progress) = event else { continue }
            try promise(progress.percent.map { (0...100).contains($0) } ?? true, "a percentage is 0 to 100")
            let amounts = [
                progress.bytesDownloaded?.bytes, progress.bytesTotal?.bytes, progress.itemsCompleted,
                progress.itemsTotal,
            ]
            try promise(amounts.allSatisfy { $0 ?? 0 >= 0 }, "no amount is negative")
            try promise(progress.fraction.map { (0...1).contains($0) } ?? true, "what is done is a part of 1")
        case .warning(let text):
            warnings += 1
            try promise(text.utf8.count <= bytes.count + 200, "a warning is no longer than what it is about")
        }
    }
    try promise(size <= bytes.count, "no bytes are made up")
    try promise(lines + events <= bytes.count + 1, "no lines are made up")
    try promise(warnings <= 8, "warnings are bounded")
}

/// Nothing that a plugin prints makes two lines of one in the journal, or one that cannot be read.
private func checkJournal(_ decoded: [DecodedOutput]) throws(BrokenPromise) {
    var seq: UInt64 = 1
    for output in decoded {
        let body: Event.Body
        switch output {
        case .lines(let lines): body = .output(lines)
        case .event(.progress(let progress)): body = .progress(progress)
        case .event(.result(let result)): body = .result(result)
        case .event(.phaseStart), .event(.phaseEnd): continue
        case .warning(let text): body = .error(text)
        }
        let event = Event(
            seq: seq, timestamp: Timestamp(millisecondsSince1970: 0), plugin: PluginName("apt"), body: body)
        var journal: [UInt8] = []
        appendLines(of: event, run: RunID(start: event.timestamp, processID: 1), to: &journal)
        let count = if case .output(let lines) = body { lines.count } else { 1 }
        try promise(journal.count { $0 == 0x0A } == count, "an event is one line of the journal")
        seq += UInt64(count)
        if case .output = body {
            try promise((try? decodeEvent(journal.prefix { $0 != 0x0A })) != nil, "a line of output can be read back")
        } else {
            try promiseSame(event, try? decodeEvent(journal), "an event of a plugin")
        }
    }
}
