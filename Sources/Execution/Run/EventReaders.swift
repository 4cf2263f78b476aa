// The readers of one session's events: the journal first, then displays and files, each on a thread of its own.

import LinuxSystem
import RunModel
import SystemPackage

/// Starts the readers of an event bus, and ends them. Lives on the event loop's thread.
final class EventReaders {
    private let bus: EventBus
    private let journalReaders = JournalReaders()
    private var threads: [SinkThread] = []
    /// `events.jsonl`, once there is one.
    private var journalPath: String?
    /// When the run began, as `monotonicTime()`: the clock that displays show counts from there.
    private var runStart = Duration.zero

    init(bus: EventBus) { self.bus = bus }

    var isEmpty: Bool { threads.isEmpty }

    /// Begins the journal, in which readers that fall behind read on. To be attached before them.
    func attachJournal(
        _ sink: sending any EventSink, path: String, runStart: Duration,
        onFailure: @escaping @Sendable (any Error) -> Void
    ) throws(RunError) {
        self.runStart = runStart
        try start(
            sink, name: "journal", journalPath: nil,
            onDelivery: { [journalReaders] in journalReaders.journalHasGrown() },
            onFailure: { [journalReaders] error in
                journalReaders.journalHasFailed()
                onFailure(error)
            })
        journalPath = path
    }

    /// Adds a reader of all events from now on.
    func attach(
        _ sink: sending any EventSink, name: String, onFailure: @escaping @Sendable (any Error) -> Void
    ) throws(RunError) {
        let thread = try start(sink, name: name, journalPath: journalPath, onDelivery: {}, onFailure: onFailure)
        journalReaders.add(thread.queue)
    }

    @discardableResult
    private func start(
        _ sink: sending any EventSink, name: String, journalPath: String?,
        onDelivery: @escaping @Sendable () -> Void, onFailure: @escaping @Sendable (any Error) -> Void
    ) throws(RunError) -> SinkThread {
        do throws(Errno) {
            let thread = try SinkThread(
                name: name, sink: sink, journalPath: journalPath, runStart: runStart, onDelivery: onDelivery,
                onFailure: onFailure)
            threads.append(thread)
            bus.attach(thread.queue)
            return thread
        } catch {
            throw RunError(
                .failure,
                "a thread for \(name) cannot be started: \(error). Raise the limit of processes (ulimit -u)")
        }
    }

    /// Asks all to leave the terminal, each for at most a second.
    func suspend() {
        for thread in threads { thread.suspend(limit: .seconds(1)) }
    }

    func resume() {
        for thread in threads { thread.resume() }
    }

    /// No more events come; each takes what is left for it.
    func finish() {
        bus.detachAll()
        for thread in threads { thread.finish() }
    }

    /// The journal's thread; its end means that the journal is on disk.
    var journal: SinkThread? { threads.first }

    /// Their threads, to be waited for elsewhere.
    var all: [SinkThread] { threads }
}
