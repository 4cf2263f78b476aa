import Glibc
import Testing

/// A pair of pseudo-terminal ends: a display writes to one, the test reads at the other.
final class PseudoTerminal {
    // Linux, asm-generic/ioctls.h; macros that compute their value are not imported into Swift.
    private static let unlock: UInt = 0x4004_5431
    private static let openPeer: UInt = 0x5441
    private static let marker: UInt8 = 0x01

    let descriptor: Int32
    private let master: Int32

    init(columns: Int, rows: Int) throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(master >= 0)
        var locked: Int32 = 0
        try #require(ioctl(master, Self.unlock, &locked) == 0)
        descriptor = ioctl(master, Self.openPeer, O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(descriptor >= 0)
        resize(columns: columns, rows: rows)
    }

    deinit {
        close(descriptor)
        close(master)
    }

    func resize(columns: Int, rows: Int) {
        var size = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(master, UInt(TIOCSWINSZ), &size)
    }

    var echoes: Bool {
        var attributes = termios()
        tcgetattr(descriptor, &attributes)
        return attributes.c_lflag & tcflag_t(ECHO) != 0
    }

    /// Everything written since the last call. A marker behind it says where it ends: the kernel hands the bytes over
    /// some time after the write.
    func read() throws -> [UInt8] {
        var marker = Self.marker
        try #require(write(descriptor, &marker, 1) == 1)
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while bytes.last != Self.marker {
            let count = Glibc.read(master, &piece, piece.count)
            try #require(count > 0)
            bytes += piece[..<count]
        }
        return bytes.dropLast()
    }
}

/// A pipe whose reading end the test holds.
final class Pipe {
    let descriptor: Int32
    private(set) var reader: Int32

    init(isBlocking: Bool = true) throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        reader = ends[0]
        descriptor = ends[1]
        if !isBlocking { try #require(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0) }
    }

    deinit {
        closeReader()
        close(descriptor)
    }

    func closeReader() {
        if reader >= 0 { close(reader) }
        reader = -1
    }

    /// What is in the pipe now.
    func read() throws -> String {
        var piece = [UInt8](repeating: 0, count: 65536)
        let count = Glibc.read(reader, &piece, piece.count)
        try #require(count >= 0)
        return String(decoding: piece[..<count], as: UTF8.self)
    }
}
