// One stream of a plugin: what it prints, and what it says with events between its lines.

import RunModel
import UpdateModel

/// What a stream was found to say, in the order in which it said it.
public enum DecodedOutput: Hashable, Sendable {
    case lines(OutputLines)
    case event(PluginEvent)
    /// For the log, once for each cause.
    case warning(String)
}

/// Decodes one stream of one phase.
///
/// A line that is an event becomes that event and is not among the lines; all else is among them, in order.
/// What is kept between two calls is at most one piece of a line.
public struct OutputDecoder: Sendable {
    private var splitter = LineSplitter()
    private var collector: Collector

    /// - Parameter phase: The one that runs: it is meant where an event names none.
    public init(phase: Phase, stream: OutputStream) {
        collector = Collector(phase: phase, stream: stream)
    }

    /// Whether an event came so far. A plugin that sends none, on either stream, is in legacy mode.
    public var hasEvents: Bool { collector.hasEvents }

    /// Takes what was read. The answer's size is bounded by that of `bytes`; its batches by `Collector.batchBytes`.
    public mutating func feed(_ bytes: RawSpan) -> [DecodedOutput] {
        collector.prepare(for: bytes.byteCount)
        splitter.feed(bytes, into: &collector)
        return collector.drain()
    }

    /// The stream has ended.
    public mutating func finish() -> [DecodedOutput] {
        splitter.finish(into: &collector)
        return collector.drain()
    }
}

/// Puts lines into batches and events between them.
private struct Collector: LineConsumer, Sendable {
    /// A batch is one event on its way to the displays: large enough to cost little a line, small enough that
    /// a bounded queue of them is a bound. The second one is reached by empty lines.
    static let batchBytes = 262_144
    static let batchLines = 16_384

    let phase: Phase
    let stream: OutputStream
    private(set) var hasEvents = false
    private var batch: OutputLines
    private var decoded: [DecodedOutput] = []
    private var warned: Set<String> = []

    init(phase: Phase, stream: OutputStream) {
        self.phase = phase
        self.stream = stream
        batch = OutputLines(phase: phase, stream: stream, bytes: [], ends: [])
    }

    mutating func prepare(for byteCount: Int) {
        batch.bytes.reserveCapacity(min(byteCount, Self.batchBytes))
        batch.ends.reserveCapacity(min(byteCount / 32, Self.batchLines))
    }

    mutating func take(_ line: UnsafeBufferPointer<UInt8>, _ part: LinePart) {
        if part == .whole, let first = line.first, EventLine.mayBegin(with: first, on: stream),
            takeEvent(line)
        {
            return
        }
        if batch.bytes.count + line.count > Self.batchBytes || batch.ends.count == Self.batchLines { closeBatch() }
        batch.bytes.append(contentsOf: line)
        if part == .cut { batch.partial.append(Int32(truncatingIfNeeded: batch.ends.count)) }
        batch.ends.append(Int32(truncatingIfNeeded: batch.bytes.count))
    }

    mutating func drain() -> [DecodedOutput] {
        closeBatch()
        defer { decoded = [] }
        return decoded
    }

    /// Whether the line was one.
    private mutating func takeEvent(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        switch EventLine.decode(line, phase: phase, stream: stream) {
        case .output:
            return false
        case .event(let event, let complaint):
            hasEvents = true
            if let complaint { warn(complaint) }
            closeBatch()
            decoded.append(.event(event))
        case .unknown(let complaint):
            hasEvents = true
            warn(complaint)
        }
        return true
    }

    private mutating func warn(_ text: String) {
        // A plugin that invents a new type for every line gets this many warnings.
        guard warned.count < 8, warned.insert(text).inserted else { return }
        closeBatch()
        decoded.append(.warning(text))
    }

    private mutating func closeBatch() {
        guard batch.count > 0 else { return }
        decoded.append(.lines(batch))
        batch = OutputLines(phase: phase, stream: stream, bytes: [], ends: [])
    }
}
