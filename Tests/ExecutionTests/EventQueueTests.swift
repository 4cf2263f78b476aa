import RunModel
import Testing
import UpdateModel

@testable import Execution

/// Events of one run, numbered as the bus does it.
struct EventSource {
    private(set) var nextSeq: UInt64 = 1

    mutating func event(_ body: Event.Body, of plugin: String? = "apt") -> Event {
        let event = Event(
            seq: nextSeq, timestamp: Timestamp(millisecondsSince1970: 0), plugin: plugin.map { name($0) }, body: body)
        if case .output(let lines) = body { nextSeq += UInt64(lines.count) } else { nextSeq += 1 }
        return event
    }

    mutating func output(_ count: Int, of plugin: String = "apt", _ phase: Phase = .execute, length: Int = 1) -> Event {
        event(
            .output(
                OutputLines(
                    phase: phase, stream: .stdout, bytes: [UInt8](repeating: 0x78, count: count * length),
                    ends: (1...count).map { Int32($0 * length) })), of: plugin)
    }

    mutating func progress(_ percent: Double, of plugin: String = "apt") -> Event {
        var progress = Progress(phase: .execute)
        progress.percent = percent
        return event(.progress(progress), of: plugin)
    }

    mutating func state(_ text: String = "state") -> Event { event(.error(text), of: nil) }
}

extension Event {
    var drops: Dropped? { if case .dropped(let dropped) = body { dropped } else { nil } }
    var lineCount: Int { if case .output(let lines) = body { lines.count } else { 0 } }
}

@Suite("The queue of a reader") struct EventQueueTests {
    private var source = EventSource()
    private let queue: EventQueue

    init() throws { queue = try EventQueue(hasJournal: true) }

    @Test("Of a running step's figures the newest are taken, and they wake nobody")
    func usage() throws {
        let queue = try EventQueue(hasJournal: false, takesUsage: true)
        let deaf = try EventQueue(hasJournal: false)
        let bus = EventBus()
        bus.attach(deaf)
        #expect(!bus.wantsUsage)
        bus.attach(queue)
        #expect(bus.wantsUsage)
        let step = StepID(name("apt"), .execute)
        for percent in 1...3 { bus.publish(Usage(cpu: Fraction(Double(percent) / 100)), of: step) }
        #expect(queue.take(timeout: nil).usage == [step: Usage(cpu: Fraction(0.03))])
        #expect(queue.take(timeout: .zero).usage.isEmpty)
        #expect(deaf.take(timeout: .zero).usage.isEmpty)
    }

    @Test("What fits is delivered as it came, all at once")
    mutating func delivery() {
        let events = [source.state(), source.output(3), source.progress(5), source.state()]
        for event in events { queue.push(event) }
        let delivery = queue.take(timeout: nil)
        #expect(delivery.events == events)
        #expect(delivery.behindFrom == nil)
        #expect(!delivery.isClosed)
        #expect(queue.take(timeout: .zero).events == [])
    }

    @Test("Of output the oldest goes, and one event for each step says which lines")
    mutating func dropsOldest() throws {
        for plugin in ["apt", "pipx", "apt", "pipx"] { queue.push(source.output(300, of: plugin)) }
        queue.push(source.output(300, of: "apt"))
        let events = queue.take(timeout: nil).events
        #expect(events.map(\.lineCount).reduce(0, +) == 900)
        let marks = events.filter { $0.drops != nil }
        #expect(
            marks.map(\.drops) == [
                Dropped(phase: .execute, count: 300, firstSeq: 1, lastSeq: 300),
                Dropped(phase: .execute, count: 300, firstSeq: 301, lastSeq: 600),
            ])
        #expect(marks.map(\.plugin) == [name("apt"), name("pipx")])
        #expect(marks.allSatisfy { $0.seq == 0 }, "it has no number of its own")
        #expect(events.map(\.lineCount) == [0, 0, 300, 300, 300], "it stands where the lines stood")
    }

    @Test("What one step loses again is added to what it lost")
    mutating func merges() {
        for _ in 0..<20 { queue.push(source.output(100)) }
        let events = queue.take(timeout: nil).events
        #expect(events.compactMap(\.drops) == [Dropped(phase: .execute, count: 1100, firstSeq: 1, lastSeq: 1100)])
        #expect(events.map(\.lineCount).reduce(0, +) == 900)
    }

    @Test("A step's phases are told apart")
    mutating func phases() {
        queue.push(source.output(600, .download))
        queue.push(source.output(600, .execute))
        queue.push(source.output(900, .execute))
        #expect(
            queue.take(timeout: nil).events.compactMap(\.drops) == [
                Dropped(phase: .download, count: 600, firstSeq: 1, lastSeq: 600),
                Dropped(phase: .execute, count: 600, firstSeq: 601, lastSeq: 1200),
            ])
    }

    @Test("Bytes are bounded, too")
    mutating func byteBound() {
        for _ in 0..<10 { queue.push(source.output(1, length: 1 << 20)) }
        let events = queue.take(timeout: nil).events
        #expect(events.map(\.lineCount).reduce(0, +) == 3)
        #expect(events.compactMap(\.drops).map(\.count) == [7])
    }

    @Test("A batch of more lines than the queue holds comes whole to a reader that keeps up")
    mutating func hugeBatch() {
        queue.push(source.output(5000))
        #expect(queue.take(timeout: nil).events.map(\.lineCount) == [5000])
        queue.push(source.state())
        queue.push(source.output(5000))
        #expect(queue.take(timeout: nil).events.compactMap(\.drops).map(\.count) == [5000])
    }

    @Test("Progress waits as it came while there is room; when there is none the newest replaces its step's last")
    mutating func progress() {
        for percent in 0..<10 { queue.push(source.progress(Double(percent))) }
        #expect(queue.take(timeout: nil).events.count == 10)
        for _ in 0..<998 { queue.push(source.state()) }
        queue.push(source.progress(1, of: "apt"))
        queue.push(source.progress(2, of: "pipx"))
        let newest = source.progress(50, of: "apt")
        queue.push(newest)
        let events = queue.take(timeout: nil).events
        #expect(events.count == 1000)
        #expect(events[998].plugin == name("pipx"))
        #expect(events[999] == newest, "numbers rise")
    }

    @Test("A step's only progress stays where nothing but state waits")
    mutating func onlyProgress() {
        let events =
            (0..<1000).map { _ in source.state() } + [source.progress(1, of: "apt"), source.progress(2, of: "npm")]
        for event in events { queue.push(event) }
        #expect(queue.take(timeout: nil).events == events)
    }

    @Test("Progress that was reported while the reader was behind is waited for in the journal")
    mutating func progressWhileBehind() {
        for _ in 0..<1001 { queue.push(source.state()) }
        #expect(queue.take(timeout: nil).behindFrom == 1001)
        let progress = source.progress(1)
        queue.push(progress)
        #expect(!queue.caughtUp(to: 1001).isLive, "it would be lost")
        #expect(queue.caughtUp(to: progress.seq).isLive)
    }

    @Test("State is never dropped: output makes room, then the reader reads on in the journal")
    mutating func behind() {
        queue.push(source.output(10))
        queue.push(source.progress(1))
        let states = (0..<1500).map { _ in source.state() }
        for state in states { queue.push(state) }
        let delivery = queue.take(timeout: nil)
        let kept = delivery.events.filter(\.isState)
        #expect(kept == Array(states.prefix(kept.count)))
        #expect(kept.count == 998)
        #expect(delivery.events.compactMap(\.drops).map(\.count) == [10])
        #expect(delivery.behindFrom == states[998].seq)
    }

    @Test("A reader that was behind is told what it lost when it has caught up, and not before")
    mutating func catchingUp() {
        for _ in 0..<1001 { queue.push(source.state()) }
        let lost = [source.output(5), source.output(7, of: "pipx"), source.output(2)]
        for event in lost { queue.push(event) }
        let last = source.state()
        queue.push(last)
        #expect(queue.take(timeout: nil).behindFrom == 1001)
        #expect(!queue.caughtUp(to: last.seq - 1).isLive)
        let (isLive, dropped) = queue.caughtUp(to: last.seq)
        #expect(isLive)
        #expect(
            dropped.map(\.drops) == [
                Dropped(phase: .execute, count: 7, firstSeq: 1002, lastSeq: 1015),
                Dropped(phase: .execute, count: 7, firstSeq: 1007, lastSeq: 1013),
            ])
        let next = source.state()
        queue.push(next)
        #expect(queue.take(timeout: nil).events == [next], "from now on through memory again")
    }

    @Test("Without a journal all state stays in memory, also where it fails later", arguments: [true, false])
    mutating func withoutJournal(fails: Bool) throws {
        let queue = try EventQueue(hasJournal: fails)
        if fails { queue.journalHasFailed() }
        for _ in 0..<1500 { queue.push(source.state()) }
        let delivery = queue.take(timeout: nil)
        #expect(delivery.events.count == 1500)
        #expect(delivery.behindFrom == nil)
    }

    @Test("A closed queue gives what is left, and says that it is all")
    mutating func closing() {
        queue.push(source.state())
        queue.close()
        let delivery = queue.take(timeout: nil)
        #expect(delivery.events.count == 1)
        #expect(delivery.isClosed)
        #expect(queue.take(timeout: nil).isClosed)
    }

    @Test("A closed queue whose reader is behind is over only when it has caught up")
    mutating func closingBehind() {
        for _ in 0..<1001 { queue.push(source.state()) }
        queue.close()
        #expect(!queue.take(timeout: nil).isClosed)
        _ = queue.caughtUp(to: 1001)
        #expect(queue.take(timeout: nil).isClosed)
    }

    @Test("The bus numbers events from 1, and every line of output counts")
    func numbers() {
        let bus = EventBus()
        bus.attach(queue)
        var source = EventSource()
        bus.publish(.error("a"))
        bus.publish(source.output(3).body, of: name("apt"))
        bus.publish(.error("b"))
        #expect(queue.take(timeout: nil).events.map(\.seq) == [1, 2, 5])
        bus.detachAll()
        bus.publish(.error("c"))
        #expect(queue.take(timeout: .zero).events == [])
    }
}
