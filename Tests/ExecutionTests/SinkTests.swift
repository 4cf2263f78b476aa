import Glibc
import Interchange
import LinuxSystem
import Reactor
import RunModel
import Synchronization
import SystemPackage
import Testing
import UpdateModel

@testable import Execution

/// What a sink was asked, in order, for a test on another thread.
private final class Record: Sendable {
    struct State {
        var events: [Event] = []
        var calls: [String] = []
    }
    let state = Mutex(State())
    /// Signalled with each call.
    let called: WakeUp
    /// The sink's thread waits for it in its first delivery.
    let mayGoOn: WakeUp
    let isSlow: Bool

    init(isSlow: Bool = false) throws {
        called = try WakeUp()
        mayGoOn = try WakeUp()
        self.isSlow = isSlow
    }

    var events: [Event] { state.withLock { $0.events } }
    var calls: [String] { state.withLock { $0.calls } }

    func note(_ call: String) {
        state.withLock { $0.calls.append(call) }
        called.signal()
    }
}

private struct Broken: Error {}

private final class RecordingSink: EventSink {
    let record: Record
    let failsAt: UInt64?
    let refreshInterval: Duration? = nil
    private var hasWaited = false

    init(_ record: Record, failsAt: UInt64? = nil) {
        self.record = record
        self.failsAt = failsAt
    }

    func take(_ events: [Event], at now: Duration) throws {
        if record.isSlow, !hasWaited, !events.isEmpty {
            hasWaited = true
            record.note("waits")
            record.mayGoOn.wait(limit: .seconds(30))
        }
        if let failsAt, events.contains(where: { $0.seq >= failsAt }) { throw Broken() }
        record.state.withLock { $0.events += events }
        record.called.signal()
    }

    func suspend() { record.note("suspend") }
    func resume(at now: Duration) { record.note("resume") }
    func close(at now: Duration) { record.note("close") }
}

@Suite("Readers of events") struct SinkTests {
    private let directory: TemporaryDirectory
    private let run = RunID("20261121-073012-4711")!
    private let bus = EventBus()

    init() throws { directory = try TemporaryDirectory() }

    private func journalSink(_ name: String, includesOutput: Bool) throws -> sending JSONLinesSink {
        let path = "\(directory.path)/\(name)"
        let run = run
        return JSONLinesSink(
            run: run, output: try openFile(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o600),
            includesOutput: includesOutput)
    }

    @Test("JSON lines are what the decoder reads, and the journal has neither output nor drops")
    func jsonLines() throws {
        var source = EventSource()
        let events = [
            source.state("a"), source.output(2),
            Event(
                seq: 0, timestamp: Timestamp(millisecondsSince1970: 0), plugin: name("apt"),
                body: .dropped(Dropped(phase: .execute, count: 1, firstSeq: 1, lastSeq: 1))),
            source.progress(3), source.state("b"),
        ]
        for (name, includesOutput, count) in [("all", true, 6), ("journal", false, 3)] {
            let sink = try journalSink(name, includesOutput: includesOutput)
            #expect(sink.refreshInterval == nil)
            try sink.take(events, at: .zero)
            try sink.take([], at: .zero)
            sink.close(at: .zero)
            let lines = try text("\(directory.path)/\(name)").split(separator: "\n")
            #expect(lines.count == count)
            let decoded = try lines.map { try decodeEvent(Array($0.utf8)) }
            #expect(decoded.filter(\.isState) == events.filter(\.isState))
        }
    }

    @Test("A long delivery is written in pieces, and a full disk is an error")
    func pieces() throws {
        let sink = try journalSink("all", includesOutput: true)
        var source = EventSource()
        try sink.take((0..<40).map { _ in source.output(100, length: 200) }, at: .zero)
        #expect(try text("\(directory.path)/all").split(separator: "\n").count == 4000)
        let full = JSONLinesSink(run: run, output: try openFile("/dev/full", O_WRONLY), includesOutput: true)
        #expect(throws: Errno.noSpace) { try full.take([source.state()], at: .zero) }
        #expect(throws: Never.self) { try full.take([], at: .zero) }
    }

    @Test("A journal is read on from any event while it is being written, half lines too")
    func journalReader() throws {
        var source = EventSource()
        let events = (0..<500).map { source.state("\($0)") }
        var bytes: [UInt8] = []
        for event in events { appendLines(of: event, run: run, to: &bytes) }
        let path = try directory.write("events.jsonl", "")
        let file = try openFile(path, O_WRONLY | O_APPEND)
        var reader = try JournalReader(path: path, firstSeq: 100)
        var read: [Event] = []
        #expect(try reader.next(limit: 10).isEmpty)
        for piece in stride(from: 0, to: bytes.count, by: 777) {
            try writeAll(file.raw, Array(bytes[piece..<min(bytes.count, piece + 777)]))
            read += try reader.next(limit: 1000)
        }
        #expect(read == Array(events[99...]))
        #expect(reader.lastSeq == 500)
        try writeAll(file.raw, Array("no event\n".utf8))
        #expect(throws: EventDecodingError.self) { try reader.next(limit: 1) }
    }

    @Test("A sink gets all events in order, then it is closed, on its own thread")
    func delivery() async throws {
        let record = try Record()
        let thread = try SinkThread(
            name: "test", sink: RecordingSink(record), journalPath: nil, runStart: monotonicTime(), onFailure: { _ in })
        bus.attach(thread.queue)
        for number in 0..<200 { bus.publish(.error("\(number)")) }
        thread.finish()
        await thread.ended()
        #expect(record.events.map(\.seq) == Array(1...200))
        #expect(record.calls == ["close"])
        await thread.ended()
        thread.suspend(limit: .seconds(30))
        #expect(record.calls == ["close"], "whoever asks later does not wait")
    }

    @Test("A slow sink gets everything that is state, from the journal if need be, and is told what output it lost")
    func slowSink() async throws {
        let record = try Record(isSlow: true)
        let journalPath = "\(directory.path)/journal"
        let readers = JournalReaders()
        let journal = try SinkThread(
            name: "journal", sink: try journalSink("journal", includesOutput: false), journalPath: nil,
            runStart: .zero, onDelivery: { readers.journalHasGrown() }, onFailure: { _ in })
        let slow = try SinkThread(
            name: "slow", sink: RecordingSink(record), journalPath: journalPath, runStart: .zero, onFailure: { _ in })
        readers.add(slow.queue)
        bus.attach(journal.queue)
        bus.attach(slow.queue)
        bus.publish(.error("first"))
        record.called.wait(limit: .seconds(30))
        var source = EventSource()
        for number in 0..<5000 {
            bus.publish(.error("\(number)"))
            if number % 10 == 0 { bus.publish(source.output(3).body, of: name("apt")) }
        }
        record.mayGoOn.signal()
        journal.finish()
        slow.finish()
        await journal.ended()
        await slow.ended()
        let events = record.events
        let states = events.filter(\.isState)
        #expect(states.count == 5001)
        #expect(states.map(\.seq) == states.map(\.seq).sorted())
        let lines = events.map(\.lineCount).reduce(0, +) + events.compactMap(\.drops).map(\.count).reduce(0, +)
        #expect(lines == 1500)
        #expect(record.calls == ["waits", "close"])
    }

    @Test("A sink that fails is closed, its failure is told once, and it gets nothing more")
    func failure() async throws {
        let record = try Record()
        let failures = Mutex(0)
        let thread = try SinkThread(
            name: "test", sink: RecordingSink(record, failsAt: 2), journalPath: nil, runStart: .zero,
            onFailure: { error in
                #expect(error is Broken)
                failures.withLock { $0 += 1 }
            })
        bus.attach(thread.queue)
        for number in 0..<20 { bus.publish(.error("\(number)")) }
        await thread.ended()
        bus.publish(.error("later"))
        thread.finish()
        await thread.ended()
        #expect(failures.withLock { $0 } == 1)
        #expect(record.calls == ["close"])
        #expect(record.events.allSatisfy { $0.seq < 2 })
    }

    @Test("A slow sink whose journal cannot be written is told what is lost, and goes on")
    func failedJournal() async throws {
        let record = try Record(isSlow: true)
        let readers = JournalReaders()
        // It has the first events, and no more.
        let path = "\(directory.path)/journal"
        let before = try journalSink("journal", includesOutput: false)
        let failed = try WakeUp()
        let journal = try SinkThread(
            name: "journal", sink: RecordingSink(try Record(), failsAt: 100), journalPath: nil, runStart: .zero,
            onFailure: { _ in
                readers.journalHasFailed()
                failed.signal()
            })
        let slow = try SinkThread(
            name: "slow", sink: RecordingSink(record), journalPath: path, runStart: .zero, onFailure: { _ in })
        readers.add(slow.queue)
        bus.attach(slow.queue)
        bus.publish(.error("1"))
        record.called.wait(limit: .seconds(30))
        // What is behind by now is to be read from the journal, which gets a part of it.
        for number in 2...1100 { bus.publish(.error("\(number)")) }
        var source = EventSource()
        try before.take((1...1050).map { _ in source.state() }, at: .zero)
        bus.attach(journal.queue)
        bus.publish(.error("1101"))
        failed.wait(limit: .seconds(30))
        record.mayGoOn.signal()
        while !record.events.contains(where: { $0.seq == 1051 }) { record.called.wait(limit: .seconds(30)) }
        bus.publish(.error("1102"))
        slow.finish()
        await slow.ended()
        await journal.ended()
        #expect(record.events.map(\.seq) == (1...1051).map { UInt64($0) } + [1102])
        #expect(
            record.events.dropLast().last?.body
                == .error("events 1051 to 1101 are lost to this reader: the journal cannot be written"))
    }

    @Test("Ctrl-Z and its end come too late for a sink that has ended: it is not drawn again")
    func lateRequests() async throws {
        let record = try Record(isSlow: true)
        let thread = try SinkThread(
            name: "test", sink: RecordingSink(record, failsAt: 1), journalPath: nil, runStart: .zero,
            onFailure: { _ in })
        bus.attach(thread.queue)
        bus.publish(.error("a"))
        record.called.wait(limit: .seconds(30))
        // Asked while it is in its last delivery, which fails.
        thread.suspend(limit: .milliseconds(1))
        thread.resume()
        record.mayGoOn.signal()
        await thread.ended()
        thread.resume()
        #expect(record.calls == ["waits", "close"])
    }

    @Test("Ctrl-Z: the sink has left the terminal when suspend returns, and goes on after resume")
    func suspension() async throws {
        let record = try Record()
        let thread = try SinkThread(
            name: "test", sink: RecordingSink(record), journalPath: nil, runStart: .zero, onFailure: { _ in })
        thread.suspend(limit: .seconds(30))
        #expect(record.calls == ["suspend"])
        thread.resume()
        thread.finish()
        await thread.ended()
        #expect(record.calls == ["suspend", "resume", "close"])
    }

    @Test("Ctrl-Z does not wait for a sink that is stuck in a write")
    func stuckSuspension() async throws {
        let record = try Record(isSlow: true)
        let thread = try SinkThread(
            name: "test", sink: RecordingSink(record), journalPath: nil, runStart: .zero, onFailure: { _ in })
        bus.attach(thread.queue)
        bus.publish(.error("a"))
        record.called.wait(limit: .seconds(30))
        thread.suspend(limit: .milliseconds(20))
        #expect(record.calls == ["waits"])
        record.mayGoOn.signal()
        thread.finish()
        await thread.ended()
    }
}
