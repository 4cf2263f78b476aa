import Presentation
import RunModel
import TestSupport
import Testing

@testable import Terminal

/// A display on a real pseudo-terminal, and a model of what its user sees.
private final class Fixture {
    let terminal: PseudoTerminal
    let display: CompactDisplay
    var screen: ScreenModel

    init(columns: Int = 80, rows: Int = 24, colour: Bool = false) throws {
        terminal = try PseudoTerminal(columns: columns, rows: rows)
        display = CompactDisplay(device: TerminalDevice(descriptor: terminal.descriptor), colour: colour)
        screen = ScreenModel(columns: columns, rows: rows) { TextWidth.of($0) }
    }

    /// Takes over what was written and returns how many bytes that were.
    @discardableResult
    func look() throws -> Int {
        let bytes = try terminal.read()
        screen.feed(bytes)
        return bytes.count
    }

    func take(_ events: [Event], at now: Duration) throws {
        try display.take(events, at: now)
        try look()
    }

    func play(until end: Duration) throws {
        for (at, events) in ExampleRun.timeline where at <= end { try take(events, at: at) }
    }

    func resize(columns: Int, rows: Int) {
        terminal.resize(columns: columns, rows: rows)
        screen.resize(columns: columns, rows: rows)
    }

    /// What a display that was never resized would have on its screen at `now`.
    static func live(columns: Int, rows: Int, at now: Duration) -> [String] {
        var view = RunView()
        for (at, events) in ExampleRun.timeline where at <= now { view.observe(events, at: at) }
        return view.live(columns: columns, rows: rows - 1, at: now).map { line in
            String(line.text.reversed().drop { $0 == " " }.reversed())
        }
    }
}

@Suite struct CompactDisplayTests {
    @Test func `ended steps stand above the live lines`() throws {
        let fixture = try Fixture()
        try fixture.play(until: .seconds(127))
        let live = Fixture.live(columns: 80, rows: 24, at: .seconds(127))
        #expect(
            fixture.screen.visible
                == ["✓ pipx/download       11 s    12 MB", "✓ apt/download        58 s   302 MB"] + live)
        #expect(!fixture.screen.isCursorVisible)
        #expect(fixture.screen.wrapsLines && !fixture.screen.isUpdating)
        #expect(fixture.screen.unexpected.isEmpty)
    }

    @Test func `after the end only what stays is there, and the terminal is as it was`() throws {
        let fixture = try Fixture(rows: 12)
        #expect(fixture.terminal.echoes)
        try fixture.play(until: .seconds(253))
        #expect(!fixture.terminal.echoes)
        fixture.display.close(at: .seconds(253))
        try fixture.look()
        let everything = fixture.screen.everything
        #expect(everything.count(where: { $0.hasPrefix("✓ apt/execute") }) == 1)
        #expect(everything.filter { "✓✗⊘".contains($0.first ?? " ") }.count == 7)
        #expect(!everything.contains { $0.contains("waits for") || $0.contains("──") })
        #expect(everything.last == "Not enforced here: I/O caps for / (overlay has no disk of its own).")
        #expect(fixture.screen.isCursorVisible && fixture.screen.wrapsLines && !fixture.screen.isUpdating)
        #expect(fixture.terminal.echoes)
    }

    @Test func `nothing is written where nothing visible changed`() throws {
        let fixture = try Fixture()
        try fixture.play(until: .seconds(127))
        try fixture.display.take([], at: .seconds(127.4))
        #expect(try fixture.look() == 0)
        try fixture.display.take([], at: .seconds(128))
        let bytes = try fixture.look()
        #expect(0 < bytes && bytes < 400, "the header alone is drawn again")
    }

    @Test func `a frame comes at most every 33 milliseconds, and then with all that happened`() throws {
        let fixture = try Fixture()
        let events = ExampleRun.timeline
        try fixture.take(events[0].events, at: .zero)
        try fixture.display.take(events[1].events, at: .milliseconds(20))
        #expect(try fixture.look() == 0)
        #expect(fixture.display.refreshInterval == .milliseconds(33))
        try fixture.take([], at: .milliseconds(40))
        #expect(fixture.screen.visible[0].hasPrefix("✓ pipx/download"))
        #expect(fixture.display.refreshInterval == .milliseconds(200))
    }

    @Test(arguments: [(40, 24), (100, 30), (40, 10), (100, 8), (79, 24), (80, 24)])
    func `after a resize the live lines are there once`(columns: Int, rows: Int) throws {
        let fixture = try Fixture()
        try fixture.play(until: .seconds(127))
        fixture.resize(columns: columns, rows: rows)
        try fixture.take([], at: .seconds(127.1))
        let live = Fixture.live(columns: columns, rows: rows, at: .seconds(127.1))
        #expect(fixture.screen.visible.suffix(live.count) == live[...])
        #expect(fixture.screen.visible.count(where: { $0.contains("41 %") }) == 1)
        if rows >= 24 { #expect(fixture.screen.visible.contains { $0.contains("✓ apt/download") }) }
        // And back.
        fixture.resize(columns: 80, rows: 24)
        try fixture.take([], at: .seconds(127.2))
        let again = Fixture.live(columns: 80, rows: 24, at: .seconds(127.2))
        #expect(fixture.screen.visible.suffix(again.count) == again[...])
    }

    @Test func `Ctrl-Z finds the terminal in order, and fg the display again`() throws {
        let fixture = try Fixture()
        try fixture.play(until: .seconds(127))
        fixture.display.suspend()
        try fixture.look()
        #expect(fixture.screen.visible.count == 2)
        #expect(fixture.screen.isCursorVisible && fixture.terminal.echoes)
        fixture.screen.feed(Array("[1]+  Stopped\r\n$ fg\r\n".utf8))
        try fixture.display.resume(at: .seconds(140))
        try fixture.look()
        let live = Fixture.live(columns: 80, rows: 24, at: .seconds(140))
        #expect(Array(fixture.screen.visible.dropFirst(2)) == ["[1]+  Stopped", "$ fg"] + live)
        #expect(!fixture.screen.isCursorVisible && !fixture.terminal.echoes)
    }

    @Test func `the restoration mends a terminal whose display died`() throws {
        let fixture = try Fixture()
        try fixture.play(until: .seconds(127))
        fixture.screen.feed(Array("\u{1B}[?2026h\u{1B}[?7l\u{1B}[31mhalf a fra".utf8))
        fixture.screen.feed(TerminalDevice.restoration)
        #expect(fixture.screen.isCursorVisible && fixture.screen.wrapsLines && !fixture.screen.isUpdating)
    }

    @Test func `with colours the same text is shown`() throws {
        let plain = try Fixture()
        let coloured = try Fixture(colour: true)
        for fixture in [plain, coloured] {
            try fixture.play(until: .seconds(253))
            fixture.display.close(at: .seconds(253))
            try fixture.look()
        }
        #expect(plain.screen.everything == coloured.screen.everything)
    }

    @Test func `a terminal that is gone is an error, not a signal`() throws {
        let fixture = try Fixture()
        let pipe = try Pipe()
        pipe.closeReader()
        let display = CompactDisplay(device: TerminalDevice(descriptor: pipe.descriptor), colour: false)
        #expect(throws: OutputError.self) { try display.take(ExampleRun.timeline[0].events, at: .zero) }
        display.suspend()
        display.close(at: .seconds(1))
        #expect(fixture.display.refreshInterval == .milliseconds(500))
    }
}
