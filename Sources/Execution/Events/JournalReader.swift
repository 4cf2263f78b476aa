// The journal, read by a display that was too slow for its queue.

import Glibc
import Interchange
import LinuxSystem
import RunModel
import SystemPackage

/// Reads `events.jsonl` from a given `seq` on while it is being written.
struct JournalReader: ~Copyable {
    private let file: OwnedDescriptor
    private let firstSeq: UInt64
    /// Bytes that do not make a whole line yet.
    private var rest: [UInt8] = []
    /// The last event that was read, 0 before the first.
    private(set) var lastSeq: UInt64 = 0

    init(path: String, firstSeq: UInt64) throws(Errno) {
        file = try openFile(path, O_RDONLY)
        self.firstSeq = firstSeq
    }

    /// The next events, at most about `limit`; none where nothing more has been written yet.
    mutating func next(limit: Int) throws -> [Event] {
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { chunk.deallocate() }
        var events: [Event] = []
        while events.count < limit {
            let count = try readBytes(file.raw, into: chunk)
            if count == 0 { break }
            rest.append(contentsOf: chunk[..<count])
            var start = rest.startIndex
            while let end = rest[start...].firstIndex(of: 0x0A) {
                let event = try decodeEvent(rest[start..<end])
                lastSeq = max(lastSeq, event.seq)
                if event.seq >= firstSeq { events.append(event) }
                start = end + 1
            }
            rest.removeSubrange(..<start)
        }
        return events
    }
}
