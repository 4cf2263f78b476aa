import Glibc
import LinuxSystem
import Streams
import SystemPackage
import TestSupport
import Testing
import UpdateModel

@testable import Execution

private let seconds = Duration.seconds(20)

@Suite("The writer of logs") struct LogWriterTests {
    private let directory: TemporaryDirectory
    private let writer: LogWriter

    init() throws {
        // As the program does: a reader that goes away is an error of the write.
        signal(SIGPIPE, SIG_IGN)
        directory = try TemporaryDirectory()
        writer = try LogWriter()
    }

    private func open(_ name: String) throws -> LogWriter.LogID {
        writer.open(try openFile("\(directory.path)/\(name)", O_WRONLY | O_CREAT | O_APPEND, mode: 0o600))
    }

    /// Waits for the next notices.
    private func notices() -> [LogWriter.Notice] {
        writer.notice.wait(limit: seconds)
        return writer.takeNotices()
    }

    @Test("Random pieces of many logs arrive whole and in order, whatever is opened and closed meanwhile")
    func randomAppends() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        var expected: [String: [UInt8]] = [:]
        var logs: [String: LogWriter.LogID] = [:]
        for number in 0..<10_000 {
            let name = "log\(Int.random(in: 0..<8, using: &generator))"
            if logs[name] == nil { logs[name] = try open(name) }
            let piece = [UInt8](
                repeating: UInt8(truncatingIfNeeded: number), count: Int.random(in: 0...300, using: &generator))
            _ = writer.append(piece, to: logs[name]!)
            expected[name, default: []] += piece
            if Int.random(in: 0..<4, using: &generator) == 0 { writer.close(logs.removeValue(forKey: name)!) }
        }
        writer.stop(limit: seconds)
        for (name, bytes) in expected {
            #expect(try readFile("\(directory.path)/\(name)", limit: 1 << 30) == bytes, "\(name), seed \(seed)")
        }
    }

    @Test("A log that is closed while it is written keeps no other log waiting")
    func closingInTurn() throws {
        // Each round ends with pieces in a log that nobody touches again: they must be written all the same.
        for round in 0..<300 {
            let ids = try (0..<3).map { try open("\(round).\($0)") }
            for id in ids { _ = writer.append([1], to: id) }
            for id in ids.dropLast() {
                _ = writer.append([2], to: id)
                writer.close(id)
            }
            _ = writer.append([3], to: ids[2])
            let probe = try open("probe")
            writer.close(probe)
            writer.close(ids[2])
        }
        // Everything is closed, so that all descriptors go without anybody asking for an end.
        let deadline = monotonicTime() + seconds
        while try openLogs() > 0, monotonicTime() < deadline { sched_yield() }
        #expect(try openLogs() == 0)
        writer.stop(limit: seconds)
    }

    private func openLogs() throws -> Int {
        let path = directory.path
        return try directoryEntries("/proc/self/fd").filter { number in
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = readlink("/proc/self/fd/\(number)", &buffer, buffer.count)
            return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self).hasPrefix(path)
        }.count
    }

    /// A log on a pipe that nobody reads yet: a disk that hangs until the test lets it go on.
    private func openStuck() throws -> (log: LogWriter.LogID, readEnd: CInt) {
        let (readEnd, writeEnd) = try Pipe().ends()
        return (writer.open(OwnedDescriptor(owning: writeEnd)), readEnd)
    }

    private func drain(_ readEnd: CInt, count: Int) {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var rest = count
        while rest > 0 {
            var ready = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, 20_000) > 0 else { return }
            rest -= max(0, read(readEnd, &buffer, min(buffer.count, rest)))
        }
    }

    @Test("At the bound it says that there is no room, and when there is again; other logs never notice")
    func bound() throws {
        let (stuck, readEnd) = try openStuck()
        defer { Glibc.close(readEnd) }
        let megabyte = [UInt8](repeating: 7, count: 1 << 20)
        #expect(writer.append(megabyte, to: stuck))
        #expect(writer.append(megabyte, to: stuck))
        #expect(writer.append(megabyte, to: stuck))
        #expect(!writer.append(megabyte, to: stuck))
        #expect(writer.append([1], to: try open("other")))
        drain(readEnd, count: 4 << 20)
        guard case .drained(let log)? = notices().first else {
            Issue.record("no notice")
            return
        }
        #expect(log == stuck)
        #expect(writer.append([1], to: stuck))
    }

    @Test("Room that one stream finds does not take from the other the word that there is room again")
    func twoStreams() throws {
        let (log, readEnd) = try openStuck()
        defer { Glibc.close(readEnd) }
        let megabyte = [UInt8](repeating: 7, count: 1 << 20)
        _ = writer.append(megabyte, to: log)
        // The thread is at the first megabyte; behind it the log fills up, and standard output waits.
        waitUntilWriting(log)
        while writer.append(megabyte, to: log) {}
        // The first megabyte is written, and there is a little room, less than what makes a notice.
        drain(readEnd, count: 1 << 20)
        while !writer.append([8], to: log) { sched_yield() }
        // Standard output still has to be told.
        drain(readEnd, count: 3 << 20)
        guard case .drained? = notices().first else {
            Issue.record("standard output would wait for ever")
            return
        }
    }

    private func waitUntilWriting(_ log: LogWriter.LogID) {
        let deadline = monotonicTime() + seconds
        while writer.stalled(log, at: monotonicTime()) == nil, monotonicTime() < deadline { sched_yield() }
    }

    @Test("A full disk is told once, with its error; what comes then is thrown away")
    func fullDisk() throws {
        let log = writer.open(try openFile("/dev/full", O_WRONLY))
        #expect(writer.append([1], to: log))
        guard case .failed(let failed, let failure)? = notices().first else {
            Issue.record("no notice")
            return
        }
        #expect(failed == log)
        #expect(failure == .noSpace)
        #expect(
            writer.append([UInt8](repeating: 1, count: 8 << 20), to: log), "nothing waits for a log that has failed")
        writer.close(log)
        writer.stop(limit: seconds)
        #expect(writer.takeNotices().isEmpty)
    }

    @Test("One can see for how long a write has not returned, and give the log up")
    func stall() throws {
        let (stuck, readEnd) = try openStuck()
        #expect(writer.stalled(stuck, at: monotonicTime()) == nil)
        _ = writer.append([UInt8](repeating: 7, count: 1 << 20), to: stuck)
        waitUntilWriting(stuck)
        #expect(try #require(writer.stalled(stuck, at: monotonicTime() + .seconds(40))) >= .seconds(39))
        writer.abandon(stuck)
        #expect(writer.append([1], to: stuck))
        writer.close(stuck)
        Glibc.close(readEnd)  // the write ends with EPIPE
        writer.stop(limit: seconds)
        #expect(writer.takeNotices().isEmpty, "whoever gave it up knows")
    }

    @Test("A log that is closed with bytes waiting is told as closed when they are written, or after their refusal")
    func closedNotice() throws {
        let (slow, readEnd) = try openStuck()
        _ = writer.append([UInt8](repeating: 7, count: 1 << 20), to: slow)
        waitUntilWriting(slow)
        let full = writer.open(try openFile("/dev/full", O_WRONLY))
        _ = writer.append([1], to: full)
        #expect(writer.close(slow) == .pending)
        #expect(writer.close(full) == .pending, "the thread is at the other log")
        #expect(try #require(writer.stalled(full, at: monotonicTime() + .seconds(40))) >= .seconds(39))
        drain(readEnd, count: 1 << 20)
        var told: [LogWriter.Notice] = []
        while told.count < 3, case let new = notices(), !new.isEmpty { told += new }
        guard told.count == 3, case .closed(slow) = told[0], case .failed(full, .noSpace) = told[1],
            case .closed(full) = told[2]
        else {
            Issue.record("\(told)")
            return
        }
        Glibc.close(readEnd)
    }

    @Test("Closing a log says at once what is known already")
    func closedAtOnce() throws {
        #expect(writer.close(try open("empty")) == .closed(nil))
        let full = writer.open(try openFile("/dev/full", O_WRONLY))
        #expect(writer.write([1], to: full))
        #expect(writer.close(full) == .closed(.noSpace))
    }

    @Test("An end does not wait for a disk that hangs")
    func stopWhileStuck() throws {
        let (stuck, readEnd) = try openStuck()
        _ = writer.append([UInt8](repeating: 7, count: 1 << 20), to: stuck)
        let start = monotonicTime()
        writer.stop(limit: .milliseconds(20))
        #expect(monotonicTime() - start < .seconds(10))
        Glibc.close(readEnd)
    }

    @Test("What is unknown or closed is passed over")
    func unknown() throws {
        let log = try open("log")
        writer.close(log)
        writer.close(log)
        #expect(writer.append([1], to: log))
        writer.stop(limit: seconds)
        #expect(try readFile("\(directory.path)/log") == [])
    }
}
