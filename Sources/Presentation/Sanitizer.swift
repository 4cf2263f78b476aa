// Bytes that programs printed → text that can do nothing to a terminal but stand in its cells.

/// Makes the lines of one stream harmless. Removed: control characters, escape sequences as a whole (their parameters
/// and texts too, also where they go on in the next line), bidirectional controls and all else that is never visible.
/// A tab becomes spaces up to the next multiple of eight cells, a byte that is not UTF-8 U+FFFD. Behind a carriage
/// return the line begins again, as a terminal would show it.
///
/// The sequences are those of ECMA-48, with the states of a VT500 (Paul Williams, "A parser for DEC's ANSI-compatible
/// video terminals"). A sequence that does not end is given up after `maximumSequenceLength` characters.
public struct Sanitizer: Sendable {
    private enum State: Sendable {
        case text
        case escape
        case controlSequence
        /// The text of OSC, DCS, SOS, PM, APC.
        case string
    }

    static let maximumSequenceLength = 4096
    /// Marks on one character, more of which would only make a line taller than its row.
    static let maximumMarks = 8

    private var state = State.text
    private var sequenceLength = 0

    public init() {}

    /// Adds the clean form of a line, or of a piece of one, to `output`.
    public mutating func append(_ line: ArraySlice<UInt8>, to output: inout [UInt8]) {
        line.withUnsafeBufferPointer { append($0, to: &output) }
    }

    /// As `append(_:to:)` for a line of which nothing will be shown: only sequences that go on behind it count.
    public mutating func skip(_ lines: ArraySlice<UInt8>) {
        // 0xC2 begins the C1 controls in UTF-8.
        if case .text = state, !lines.contains(where: { $0 == 0x1B || $0 == 0xC2 }) { return }
        var unseen: [UInt8] = []
        append(lines, to: &unseen)
    }

    /// `text`, clean, for a text that is whole.
    public static func clean(_ text: String) -> String {
        var text = text
        return text.withUTF8 { bytes in
            if isPrintableASCII(bytes) { return nil }
            var output: [UInt8] = []
            var sanitizer = Sanitizer()
            sanitizer.append(bytes, to: &output)
            return String(decoding: output, as: UTF8.self)
        } ?? text
    }

    /// Whether every byte is of 0x20…0x7E, and so stays as it is. Without a branch, so that it is done by vectors.
    static func isPrintableASCII(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var others: UInt8 = 0
        for byte in bytes { others |= isPrintable(byte) ? 0 : 1 }
        return others == 0
    }

    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]) {
        if case .text = state, Self.isPrintableASCII(bytes) {
            output.append(contentsOf: bytes)
            return
        }
        var line = CleanLine(start: output.count)
        var index = 0
        while index < bytes.count {
            // Runs of one kind: text as it is, all else of ASCII one by one, and bytes of other characters, which end
            // where ASCII begins in any case.
            let start = index
            if bytes[index] >= 0x80 {
                while index < bytes.count, bytes[index] >= 0x80 { index += 1 }
                takeUTF8(UnsafeBufferPointer(rebasing: bytes[start..<index]), line: &line, output: &output)
            } else if case .text = state, isPrintable(bytes[index]) {
                while index < bytes.count, isPrintable(bytes[index]) { index += 1 }
                line.putASCII(UnsafeBufferPointer(rebasing: bytes[start..<index]), to: &output)
            } else {
                index += 1
                take(Unicode.Scalar(bytes[start]), line: &line, output: &output)
            }
        }
    }

    private mutating func takeUTF8(
        _ bytes: UnsafeBufferPointer<UInt8>, line: inout CleanLine, output: inout [UInt8]
    ) {
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        while true {
            switch parser.parseScalar(from: &iterator) {
            case .valid(let encoded): take(UTF8.decode(encoded), line: &line, output: &output)
            case .error: take("\u{FFFD}", line: &line, output: &output)
            case .emptyInput: return
            }
        }
    }

    private mutating func take(_ scalar: Unicode.Scalar, line: inout CleanLine, output: inout [UInt8]) {
        switch state {
        case .text:
            switch scalar.value {
            case 0x1B: begin(.escape)
            case 0x9B: begin(.controlSequence)
            case 0x90, 0x98, 0x9D, 0x9E, 0x9F: begin(.string)
            default: line.put(scalar, to: &output)
            }
        case .escape:
            switch scalar {
            case "[": begin(.controlSequence)
            // k is the title of screen and tmux.
            case "]", "P", "X", "^", "_", "k": begin(.string)
            case " "..."/", "\u{1B}": countSequence()
            case "0"..."~", "\u{18}", "\u{1A}": state = .text
            case "\0"..."\u{1F}", "\u{7F}": countSequence()
            default: leaveSequence(before: scalar, line: &line, output: &output)
            }
        case .controlSequence:
            switch scalar {
            case "\u{1B}": begin(.escape)
            case "@"..."~", "\u{18}", "\u{1A}": state = .text
            case "\0"..."?", "\u{7F}": countSequence()
            default: leaveSequence(before: scalar, line: &line, output: &output)
            }
        case .string:
            switch scalar {
            // An escape ends the string: as ST (ESC \) or to begin another sequence.
            case "\u{1B}": begin(.escape)
            case "\u{07}", "\u{18}", "\u{1A}", "\u{9C}": state = .text
            default: countSequence()
            }
        }
    }

    private mutating func begin(_ next: State) {
        if case .text = state { sequenceLength = 0 }
        state = next
        countSequence()
    }

    private mutating func countSequence() {
        sequenceLength += 1
        if sequenceLength > Self.maximumSequenceLength { state = .text }
    }

    /// A character that no sequence can hold: the sequence was broken off.
    private mutating func leaveSequence(before scalar: Unicode.Scalar, line: inout CleanLine, output: inout [UInt8]) {
        state = .text
        take(scalar, line: &line, output: &output)
    }
}

/// Whether `byte` is a printable character of ASCII, 0x20…0x7E.
private func isPrintable(_ byte: UInt8) -> Bool { byte &- 0x20 <= 0x5E }

/// Where a line is while its visible characters are put one after the other.
private struct CleanLine {
    /// Index of its first byte in the output.
    let start: Int
    var column = 0
    var marks = Sanitizer.maximumMarks
    var returned = false

    init(start: Int) { self.start = start }

    mutating func putASCII(_ bytes: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]) {
        restartIfReturned(&output)
        output.append(contentsOf: bytes)
        column += bytes.count
        marks = 0
    }

    /// Adds what is not printable ASCII.
    mutating func put(_ scalar: Unicode.Scalar, to output: inout [UInt8]) {
        switch scalar.value {
        case 0x09:
            restartIfReturned(&output)
            let spaces = 8 - column % 8
            output.append(contentsOf: repeatElement(0x20, count: spaces))
            column += spaces
            marks = 0
        case 0x0D: returned = true
        case 0...0x9F: break
        default:
            if WidthTable.contains(scalar.value, in: WidthTable.invisible) { return }
            restartIfReturned(&output)
            let width = TextWidth.of(scalar)
            if width == 0 {
                // A mark at a line's begin would sit on what the display puts before it.
                if marks >= Sanitizer.maximumMarks { return }
                marks += 1
            } else {
                marks = 0
            }
            column += width
            output.append(contentsOf: UTF8.encode(scalar)!)
        }
    }

    private mutating func restartIfReturned(_ output: inout [UInt8]) {
        guard returned else { return }
        output.removeSubrange(start...)
        column = 0
        marks = Sanitizer.maximumMarks
        returned = false
    }
}
