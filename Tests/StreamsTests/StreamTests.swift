import Glibc
import LinuxSystem
import Streams
import Testing

@Suite("Pipes and pseudo-terminals")
struct StreamTests {
    @Test("A pipe's read end never blocks and its write end closes on exec")
    func pipes() throws {
        let pipe = try Pipe()
        var byte: UInt8 = 0
        #expect(read(pipe.readEnd.raw, &byte, 1) == -1 && errno == EAGAIN)
        #expect(fcntl(pipe.writeEnd.raw, F_GETFL) & O_NONBLOCK == 0)
        #expect(fcntl(pipe.writeEnd.raw, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test("A terminal has the size that it was given, and carries both ways")
    func terminal() throws {
        let terminal = try PseudoTerminal(size: TerminalSize(rows: 5, columns: 7))
        var size = winsize()
        #expect(ioctl(terminal.peer.raw, UInt(TIOCGWINSZ), &size) == 0)
        #expect(size.ws_row == 5 && size.ws_col == 7)
        try writeAll(terminal.peer.raw, Array("hello\n".utf8))
        var buffer = [UInt8](repeating: 0, count: 64)
        #expect(read(terminal.controller.raw, &buffer, 64) == 7)
        #expect(String(decoding: buffer.prefix(7), as: UTF8.self) == "hello\r\n")
    }
}
