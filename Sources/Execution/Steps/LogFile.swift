// The file of one log: it grows at its end, and where it would grow beyond its limit its middle gives way.

import Glibc
import LinuxSystem
import Synchronization
import SystemPackage

/// A log of bounded size. Its first half is kept whatever comes; of what follows, the newest, and between them a line
/// says how much is missing. How a step began and how it ended is what people look for.
///
/// The file is at every moment a log that can be read, and whoever else appends to it (the guardian) goes on at its end.
/// For one thread at a time.
final class LogFile: Sendable {
    private struct Extent {
        /// Of the file.
        var length: Int64
        /// Where the line stands that says what is missing, and the first byte behind it; `nil`: nothing is missing.
        var cut: (start: Int64, end: Int64)?
        var missing: Int64 = 0
    }

    /// What of the end is kept at least when the middle is cut, where the log is large enough: enough to read, and copied
    /// in less than a second.
    private static let longestTail: Int64 = 64 << 20
    /// A cut is moved by so much at most to stand between two lines.
    private static let longestLine = 4096

    private let descriptor: OwnedDescriptor
    private let limit: Int64
    private let extent: Mutex<Extent>

    /// - Parameters:
    ///   - descriptor: opened for appending. What is in the file already counts.
    ///   - limit: in bytes; 4096 at least.
    init(_ descriptor: consuming OwnedDescriptor, limit: Int64) {
        var found = stat()
        // A pipe has no length, and nothing of it can be cut.
        let length = fstat(descriptor.raw, &found) == 0 && found.st_mode & S_IFMT == S_IFREG ? found.st_size : 0
        self.descriptor = descriptor
        self.limit = max(4096, limit)
        extent = Mutex(Extent(length: Int64(length)))
    }

    /// Whether so many bytes can be written without a cut.
    func hasRoom(for count: Int) -> Bool { extent.withLock { $0.length + Int64(count) <= limit } }

    /// Writes all of `bytes`.
    /// - Parameter willCopy: called before each piece that a cut moves, so that a slow disk is not taken for one that hangs.
    func write(_ bytes: [UInt8], willCopy: () -> Void = {}) throws(Errno) {
        var rest = bytes[...]
        while !rest.isEmpty {
            var room = limit - extent.withLock(\.length)
            if room <= 0 {
                try cut(willCopy)
                room = limit - extent.withLock(\.length)
            }
            let piece = rest.prefix(Int(clamping: room))
            if piece.count == bytes.count {
                try writeAll(descriptor.raw, bytes)
            } else {
                try writeAll(descriptor.raw, Array(piece))
            }
            extent.withLock { $0.length += Int64(piece.count) }
            rest = rest.dropFirst(piece.count)
        }
    }

    // MARK: The cut

    /// Moves the end of the file to its middle. Whatever ends this before it is done, the file is still a log.
    private func cut(_ willCopy: () -> Void) throws(Errno) {
        // On a descriptor that appends, pwrite(2) appends too; and this one cannot read.
        let file = try openFile("/proc/self/fd/\(descriptor.raw)", O_RDWR)
        let before = extent.withLock { $0 }
        let start: Int64
        if let cut = before.cut { start = cut.start } else { start = try lineStart(before: limit / 2, in: file.raw) }
        let tail = try lineStart(after: before.length - min(limit / 4, Self.longestTail), in: file.raw)
        let missing = before.missing + tail - (before.cut?.end ?? start)
        let line = Array(
            "[update-all: \(missing) bytes are missing here: \"step_bytes\" in [log] of the policy]\n".utf8)
        let end = start + Int64(line.count)
        let length = try move(from: tail, to: end, count: before.length - tail, in: file.raw, willCopy)
        try writeAll(line, at: start, in: file.raw)
        try truncate(file.raw, to: length)
        extent.withLock { $0 = Extent(length: length, cut: (start, end), missing: missing) }
    }

    /// Copies upwards to a place further down: what is overwritten was read before.
    /// - Returns: where the copy ends.
    private func move(
        from source: Int64, to target: Int64, count: Int64, in file: CInt, _ willCopy: () -> Void
    ) throws(Errno) -> Int64 {
        var done: Int64 = 0
        while done < count {
            willCopy()
            let piece = try readBytes(at: source + done, count: Int(min(1 << 20, count - done)), in: file)
            if piece.isEmpty { break }
            try writeAll(piece, at: target + done, in: file)
            done += Int64(piece.count)
        }
        return target + done
    }

    /// The beginning of the last line that begins at `offset` or shortly before; `offset` in the middle of a long one.
    private func lineStart(before offset: Int64, in file: CInt) throws(Errno) -> Int64 {
        let count = min(Int(offset), Self.longestLine)
        let bytes = try readBytes(at: offset - Int64(count), count: count, in: file)
        return bytes.lastIndex(of: 0x0A).map { offset - Int64(count) + Int64($0) + 1 } ?? offset
    }

    /// The beginning of the first line that begins shortly behind `offset`; `offset` in the middle of a long one.
    private func lineStart(after offset: Int64, in file: CInt) throws(Errno) -> Int64 {
        let bytes = try readBytes(at: offset, count: min(Self.longestLine, Int(limit / 8)), in: file)
        return bytes.firstIndex(of: 0x0A).map { offset + Int64($0) + 1 } ?? offset
    }
}
