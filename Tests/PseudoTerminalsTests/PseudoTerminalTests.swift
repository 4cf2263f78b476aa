import Glibc
import LinuxSystem
import PseudoTerminals
import Testing

@Suite("Pseudo-terminals")
struct PseudoTerminalTests {
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
