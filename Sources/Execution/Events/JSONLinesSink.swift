// Events as JSON lines, for `--ui json`, `--events` and the run's journal.

import Interchange
import LinuxSystem
import RunModel
import SystemPackage
import UpdateModel

/// Writes each event as one line to a descriptor that may block.
public final class JSONLinesSink: EventSink {
    private let run: RunID
    private let output: OwnedDescriptor
    private let includesOutput: Bool
    private var buffer: [UInt8] = []

    /// Written at once where more has been gathered.
    private static let chunk = 256 << 10

    /// - Parameter includesOutput: the journal has no `output` (its bytes are in the step's log) and no `dropped`.
    public init(run: RunID, output: consuming OwnedDescriptor, includesOutput: Bool) {
        self.run = run
        self.output = output
        self.includesOutput = includesOutput
    }

    public var refreshInterval: Duration? { nil }

    public func take(_ events: [Event], at now: Duration) throws {
        for event in events {
            if !includesOutput {
                switch event.body {
                case .output, .dropped: continue
                default: break
                }
            }
            appendLines(of: event, run: run, to: &buffer)
            if buffer.count >= Self.chunk { try flush() }
        }
        try flush()
    }

    public func close(at now: Duration) {}

    private func flush() throws {
        guard !buffer.isEmpty else { return }
        defer { buffer.removeAll(keepingCapacity: true) }
        try writeAll(output.raw, buffer)
    }
}
