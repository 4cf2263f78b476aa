// The display for pipes, files and terminals that cannot move their cursor: one line an event, then the summary.

import Presentation
import RunModel

/// Writes a line for each event. To be created, used and closed on one thread.
public final class PlainDisplay: EventSink {
    /// Output is written in pieces of about this size: a pipe's capacity.
    private static let pieceSize = 64 * 1024

    private let device: TerminalDevice
    private let colour: Bool
    private var text = PlainText()
    private var view = RunView()
    private var bytes: [UInt8] = []

    /// - Parameter colour: for the summary; the lines of events have none.
    public init(device: TerminalDevice, colour: Bool) {
        self.device = device
        self.colour = colour
    }

    public func take(_ events: [Event], at now: Duration) throws {
        view.observe(events, at: now)
        for event in events {
            text.append(event, to: &bytes)
            if bytes.count >= Self.pieceSize { try flush() }
        }
        try flush()
    }

    public var refreshInterval: Duration? { nil }

    public func close(at now: Duration) {
        // Where the reader is gone there is nobody to tell.
        try? device.print(lines: view.summary(columns: device.columnsOfText, at: now), colour: colour)
    }

    private func flush() throws {
        try device.write(bytes)
        bytes.removeAll(keepingCapacity: true)
    }
}

/// Says nothing but what went wrong, at the end. To be created, used and closed on one thread.
public final class QuietDisplay: EventSink {
    private let device: TerminalDevice
    private let colour: Bool
    private var view = RunView()

    public init(device: TerminalDevice, colour: Bool) {
        self.device = device
        self.colour = colour
    }

    public func take(_ events: [Event], at now: Duration) { view.observe(events, at: now) }

    public var refreshInterval: Duration? { nil }

    public func close(at now: Duration) {
        // Where the reader is gone there is nobody to tell.
        try? device.print(lines: view.failures(columns: device.columnsOfText), colour: colour)
    }
}

extension TerminalDevice {
    /// Cells of a line of text: the terminal's, and in a pipe or a file as many as it takes, so that nothing is cut.
    public var columnsOfText: Int { isTerminal ? size.columns : 100_000 }
}
