// The last lines that a step printed, clean and bounded.

import RunModel

/// Keeps the last lines of a step's two streams together, in the order in which they came.
struct OutputTail: Sendable, Hashable {
    static let maximumLines = 5
    /// Bytes of one line that are looked at; more fits on no screen.
    static let maximumLineBytes = 4096

    private(set) var lines: [String] = []
    private var sanitizers: [OutputStream: Sanitizer] = [:]

    static func == (left: Self, right: Self) -> Bool { left.lines == right.lines }
    func hash(into hasher: inout Hasher) { hasher.combine(lines) }

    mutating func take(_ output: OutputLines) {
        var sanitizer = sanitizers[output.stream] ?? Sanitizer()
        let first = max(0, output.count - Self.maximumLines)
        if first > 0 { sanitizer.skip(output.bytes[..<Int(output.ends[first - 1])]) }
        var clean: [UInt8] = []
        for index in first..<output.count {
            let line = output.line(index)
            clean.removeAll(keepingCapacity: true)
            sanitizer.append(line.prefix(Self.maximumLineBytes), to: &clean)
            sanitizer.skip(line.dropFirst(Self.maximumLineBytes))
            while clean.last == 0x20 { clean.removeLast() }
            if clean.isEmpty { continue }
            if lines.count == Self.maximumLines { lines.removeFirst() }
            lines.append(String(decoding: clean, as: UTF8.self))
        }
        sanitizers[output.stream] = sanitizer
    }
}
