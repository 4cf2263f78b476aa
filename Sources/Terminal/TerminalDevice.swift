// A terminal as the displays use it.

import Glibc
import Presentation

/// Cells of a terminal's screen.
public struct TerminalSize: Sendable, Hashable {
    public var columns: Int
    public var rows: Int

    public init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
    }
}

/// The terminal, pipe or file that a display writes to. The descriptor stays its owner's, who keeps it open.
/// For one thread at a time.
public final class TerminalDevice {
    /// What puts a terminal right again whatever a display was doing when its process died: ends a synchronized update,
    /// wraps lines, shows the cursor, ends colours, and begins a line below the display.
    public static let restoration: [UInt8] = Array("\u{1B}[?2026l\u{1B}[?7h\u{1B}[?25h\u{1B}[0m\r\n".utf8)

    public let descriptor: Int32
    private let output: OutputDescriptor
    private var attributes: TerminalAttributes?

    public init(descriptor: Int32 = STDOUT_FILENO) {
        self.descriptor = descriptor
        output = OutputDescriptor(descriptor: descriptor)
    }

    public var isTerminal: Bool { isatty(descriptor) == 1 }

    /// The size now. A terminal that does not know it (a serial line, 0 × 0) is taken for 80 × 24.
    public var size: TerminalSize {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return TerminalSize(columns: 80, rows: 24)
        }
        return TerminalSize(columns: Int(size.ws_col), rows: Int(size.ws_row))
    }

    /// Writes all of `bytes`, waiting as long as it takes.
    public func write(_ bytes: [UInt8]) throws(OutputError) { try output.write(bytes) }

    /// Prints lines, such as those of a plan, and ends each.
    public func print(lines: [StyledLine], colour: Bool) throws(OutputError) {
        var bytes: [UInt8] = []
        for line in lines {
            line.render(colour: colour, to: &bytes)
            bytes.append(0x0A)
        }
        try write(bytes)
    }

    /// The line discipline's settings now, for whoever must give them back should this process die; `nil`: no terminal.
    public var settings: termios? {
        var settings = termios()
        return tcgetattr(descriptor, &settings) == 0 ? settings : nil
    }

    /// Stops the echo of what is typed, until `restoreAttributes()`.
    func disableEcho() {
        if attributes == nil { attributes = TerminalAttributes.disablingEcho(of: descriptor) }
    }

    func restoreAttributes() {
        attributes?.restore(on: descriptor)
        attributes = nil
    }
}
