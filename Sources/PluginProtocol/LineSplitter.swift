// Cuts a stream of bytes into lines, as they come from a pipe: in pieces of any size, of any content, for ever.

/// What a piece is of the line it belongs to.
public enum LinePart: Hashable, Sendable {
    /// The line is one piece: nearly always.
    case whole
    /// The beginning, or something behind it, of a line over `LineSplitter.maximumPieceLength`; more of it follows.
    case cut
    /// The end of such a line.
    case last
}

/// Takes what a `LineSplitter` cuts. A protocol and not a closure, so that the splitter and what takes its lines
/// can be two properties of one value.
public protocol LineConsumer {
    /// - Parameter line: The bytes without the line's end; at most `LineSplitter.maximumPieceLength`. Valid during
    ///   the call only.
    mutating func take(_ line: UnsafeBufferPointer<UInt8>, _ part: LinePart)
}

/// Lines end at `\n`, and at `\r` where a program redraws its line. `\r\n` is one end, and so are more `\r` before the
/// `\n`, which terminals make of it. A `\r` on an empty line redraws nothing and is no line.
///
/// Holds at most one piece of memory, whatever it is fed.
public struct LineSplitter: Sendable {
    /// A longer line is cut, so that no line can take all memory.
    public static let maximumPieceLength = 65_536

    /// The unfinished line, less the pieces already cut from it. Empty only at the beginning of a line: a piece is
    /// cut when a byte more is there.
    private var pending: [UInt8] = []
    private var pendingIsContinuation = false
    private var endedByReturn = false

    public init() {}

    /// Cuts `bytes` and what was left of earlier ones.
    public mutating func feed(_ bytes: RawSpan, into consumer: inout some LineConsumer) {
        bytes.withUnsafeBytes { raw in
            raw.withMemoryRebound(to: UInt8.self) { feed($0, into: &consumer) }
        }
    }

    /// The stream has ended: what is left is a line.
    public mutating func finish(into consumer: inout some LineConsumer) {
        if !pending.isEmpty { flushPending(as: pendingIsContinuation ? .last : .whole, into: &consumer) }
        self = LineSplitter()
    }

    private mutating func feed(_ bytes: UnsafeBufferPointer<UInt8>, into consumer: inout some LineConsumer) {
        let raw = UnsafeRawBufferPointer(bytes)
        var start = 0
        var index = 0
        // Eight bytes at a time: the mask has the highest bit of each byte that is a line's end.
        while index &+ 8 <= bytes.count {
            let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            var ends =
                Self.bytes(of: word, equalTo: 0x0A0A_0A0A_0A0A_0A0A)
                | Self.bytes(of: word, equalTo: 0x0D0D_0D0D_0D0D_0D0D)
            while ends != 0 {
                let end = index &+ ends.trailingZeroBitCount / 8
                endLine(bytes, start, end, into: &consumer)
                start = end &+ 1
                ends &= ends &- 1
            }
            index &+= 8
        }
        while index < bytes.count {
            if bytes[index] == 0x0A || bytes[index] == 0x0D {
                endLine(bytes, start, index, into: &consumer)
                start = index &+ 1
            }
            index &+= 1
        }
        if start < bytes.count { keep(bytes, start, bytes.count, into: &consumer) }
    }

    /// The highest bit of each byte of `word` that equals that of `pattern`, no other bit. Exact, unlike the shorter
    /// form whose borrow runs into the next byte (Warren, "Hacker's Delight", 6–1).
    @inline(__always)
    private static func bytes(of word: UInt64, equalTo pattern: UInt64) -> UInt64 {
        let low: UInt64 = 0x7F7F_7F7F_7F7F_7F7F
        let difference = word ^ pattern
        return ~(((difference & low) &+ low) | difference | low)
    }

    /// `bytes[end]` is a line's end; `start ..< end` is what came before it in this buffer.
    @inline(__always)
    private mutating func endLine(
        _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, into consumer: inout some LineConsumer
    ) {
        let isReturn = bytes[end] == 0x0D
        if start == end, pending.isEmpty, isReturn || endedByReturn {
            endedByReturn = endedByReturn && isReturn
            return
        }
        endedByReturn = isReturn
        if pending.isEmpty, end &- start <= Self.maximumPieceLength {
            consumer.take(UnsafeBufferPointer(rebasing: bytes[start..<end]), .whole)
        } else {
            keep(bytes, start, end, into: &consumer)
            flushPending(as: pendingIsContinuation ? .last : .whole, into: &consumer)
            pendingIsContinuation = false
        }
    }

    /// Adds to the unfinished line and cuts off what is too long.
    private mutating func keep(
        _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, into consumer: inout some LineConsumer
    ) {
        var start = start
        while pending.count + (end - start) > Self.maximumPieceLength {
            let cut = start + Self.maximumPieceLength - pending.count
            pending.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<cut]))
            start = cut
            flushPending(as: .cut, into: &consumer)
            pendingIsContinuation = true
        }
        pending.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<end]))
    }

    private mutating func flushPending(as part: LinePart, into consumer: inout some LineConsumer) {
        pending.withUnsafeBufferPointer { consumer.take($0, part) }
        pending.removeAll(keepingCapacity: true)
    }
}
