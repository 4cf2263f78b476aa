// The display on a terminal: ended steps scroll up, the running ones stand below and move.

import Presentation
import RunModel
import UpdateModel

/// Draws a run on a terminal that can move its cursor, at most 30 times a second, with one write a frame and none where
/// nothing visible changed.
///
/// To be created, used (also `suspend` and `resume`) and closed on one thread. A death without `close` is put right by
/// writing `TerminalDevice.restoration` and turning echo on.
public final class CompactDisplay: EventSink {
    static let frameInterval = Duration.milliseconds(33)
    private static let hideCursor = Array("\u{1B}[?25l".utf8)
    private static let showCursor = Array("\u{1B}[?25h".utf8)

    private let device: TerminalDevice
    private var view = RunView()
    private var screen: LiveScreen
    /// Lines that came since the last frame.
    private var permanent: [StyledLine] = []
    private var lastFrame: Duration?
    private var isDrawingDue = false
    private var isOnScreen = false

    /// - Parameter device: a terminal; its size is asked before each frame.
    public init(device: TerminalDevice, colour: Bool) {
        self.device = device
        screen = LiveScreen(colour: colour)
    }

    public func take(_ events: [Event], at now: Duration) throws {
        permanent += view.take(events, at: now, columns: device.size.columns)
        if let lastFrame, now - lastFrame < Self.frameInterval {
            isDrawingDue = true
            return
        }
        try draw(at: now)
    }

    public var showsUsage: Bool { true }

    public func take(_ usage: [StepID: Usage]) { view.take(usage) }

    public var refreshInterval: Duration? {
        if isDrawingDue { return Self.frameInterval }
        // Twice a second, so that no second of the clock is left out.
        return view.isAnimated ? .milliseconds(200) : .milliseconds(500)
    }

    public func close(at now: Duration) {
        let size = device.size
        let last = permanent + view.summary(columns: size.columns, at: now)
        // Where the terminal is gone there is nobody to tell.
        try? device.write(screen.frame(permanent: last, live: [], columns: size.columns))
        permanent = []
        leave()
    }

    /// Takes the live lines away and gives the terminal back, for Ctrl-Z: to be called before the process stops.
    public func suspend() {
        try? device.write(screen.frame(permanent: permanent, live: [], columns: device.size.columns))
        permanent = []
        leave()
    }

    /// Draws again after the process was continued in the foreground.
    public func resume(at now: Duration) throws { try draw(at: now) }

    private func draw(at now: Duration) throws {
        let size = device.size
        // One row is left for what stands above.
        let live = view.live(columns: size.columns, rows: max(1, size.rows - 1), at: now)
        var bytes = screen.frame(permanent: permanent, live: live, columns: size.columns)
        permanent = []
        isDrawingDue = false
        lastFrame = now
        if !isOnScreen {
            isOnScreen = true
            device.disableEcho()
            bytes = Self.hideCursor + bytes
        }
        try device.write(bytes)
    }

    private func leave() {
        guard isOnScreen else { return }
        isOnScreen = false
        try? device.write(Self.showCursor)
        device.restoreAttributes()
    }
}
