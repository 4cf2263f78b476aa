import Dispatch
import Glibc
import Presentation
import RunModel
import TestSupport
import Testing

@testable import Terminal

@Suite struct OutputTests {
    private func play(_ sink: some EventSink) throws {
        for (at, events) in ExampleRun.timeline { try sink.take(events, at: at) }
        sink.close(at: .seconds(253))
    }

    @Test func `the plain display writes each event and then the summary`() throws {
        let pipe = try Pipe()
        let display = PlainDisplay(device: TerminalDevice(descriptor: pipe.descriptor), colour: false)
        #expect(display.refreshInterval == nil)
        try play(display)
        let lines = try pipe.read().split(separator: "\n")
        #expect(lines[0] == "update-all 0.1: started on db7 by alice, policy shared-server, 5 plugins")
        #expect(lines.contains("apt/download: succeeded in 58 s"))
        #expect(lines.contains("  ⊘ reports    not run: requires pipx"))
        #expect(lines.last == "Not enforced here: I/O caps for / (overlay has no disk of its own).")
    }

    @Test func `the quiet display says only what went wrong`() throws {
        let pipe = try Pipe()
        let display = QuietDisplay(device: TerminalDevice(descriptor: pipe.descriptor), colour: false)
        #expect(display.refreshInterval == nil)
        try play(display)
        let lines = try pipe.read().split(separator: "\n")
        #expect(lines.count == 6)
        #expect(lines[0].hasPrefix("  ✗ pipx       failed: exit 1 after 38 s"))
        #expect(lines.last == "  ⊘ reports    not run: requires pipx")
    }

    @Test func `a reader that has gone is an error, and no signal is left behind`() throws {
        let pipe = try Pipe()
        pipe.closeReader()
        let display = PlainDisplay(device: TerminalDevice(descriptor: pipe.descriptor), colour: false)
        let error = try #require(throws: OutputError.self) {
            try display.take(ExampleRun.timeline[0].events, at: .zero)
        }
        #expect(error.isReaderGone)
        #expect(error.description == "cannot write to file descriptor \(pipe.descriptor): Broken pipe")
        var pending = sigset_t()
        sigpending(&pending)
        #expect(sigismember(&pending, SIGPIPE) == 0)
        display.close(at: .seconds(1))
    }

    @Test func `an error names the standard streams`() {
        #expect(
            OutputError(code: ENOSPC, descriptor: 1).description
                == "cannot write to standard output: No space left on device")
        #expect(
            OutputError(code: EIO, descriptor: 2).description
                == "cannot write to standard error: Input/output error")
        #expect(!OutputError(code: ENOSPC, descriptor: 1).isReaderGone)
    }

    @Test func `a pipe that does not block gets all of it, however slow its reader`() throws {
        let pipe = try Pipe(isBlocking: false)
        let reader = pipe.reader
        let finished = DispatchSemaphore(value: 0)
        let total = 1_000_000
        DispatchQueue.global().async {
            var rest = total
            var piece = [UInt8](repeating: 0, count: 10_000)
            while rest > 0 {
                var entry = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
                poll(&entry, 1, -1)
                rest -= max(0, Glibc.read(reader, &piece, piece.count))
            }
            finished.signal()
        }
        try TerminalDevice(descriptor: pipe.descriptor).write([UInt8](repeating: 0x61, count: total))
        finished.wait()
    }

    @Test func `lines are printed with their ends`() throws {
        let pipe = try Pipe()
        let device = TerminalDevice(descriptor: pipe.descriptor)
        try device.print(lines: PlanTable.lines(ExampleRun.plan, columns: device.columnsOfText), colour: false)
        let text = try pipe.read()
        #expect(text.hasPrefix("Plan for db7 (policy shared-server: memory"))
        #expect(text.hasSuffix("its own).\n"))
    }

    @Test func `a device knows whether it is a terminal, and its size`() throws {
        let terminal = try PseudoTerminal(columns: 132, rows: 50)
        let device = TerminalDevice(descriptor: terminal.descriptor)
        #expect(device.isTerminal)
        #expect(device.size == TerminalSize(columns: 132, rows: 50))
        #expect(device.columnsOfText == 132)
        terminal.resize(columns: 0, rows: 0)
        #expect(device.size == TerminalSize(columns: 80, rows: 24))
        let pipe = try Pipe()
        #expect(!TerminalDevice(descriptor: pipe.descriptor).isTerminal)
        #expect(TerminalDevice(descriptor: pipe.descriptor).size == TerminalSize(columns: 80, rows: 24))
    }

    @Test(
        arguments: [
            (true, "xterm", nil, ColourChoice.auto, true, true),
            (true, "xterm", "1", .auto, true, false),
            (true, "xterm", "", .auto, true, true),
            (true, "xterm", "1", .always, true, true),
            (true, "xterm", nil, .never, true, false),
            (true, "dumb", nil, .auto, false, false),
            (true, nil, nil, .auto, false, false),
            (false, "xterm", nil, .auto, false, false),
            (false, "xterm", nil, .always, false, true),
        ] as [(Bool, String?, String?, ColourChoice, Bool, Bool)])
    func `what may be sent follows from the output, TERM, NO_COLOR and --color`(
        isTerminal: Bool, term: String?, noColor: String?, choice: ColourChoice, movesCursor: Bool, hasColour: Bool
    ) {
        let capabilities = TerminalCapabilities(isTerminal: isTerminal, term: term, noColor: noColor, choice: choice)
        #expect(capabilities.movesCursor == movesCursor)
        #expect(capabilities.hasColour == hasColour)
    }
}
