// Where events get their numbers and go to every reader. Lives on the event loop's thread.

import LinuxSystem
import RunModel
import Synchronization
import UpdateModel

/// The queues of readers that may have to read on in the journal, for the thread that writes it.
final class JournalReaders: Sendable {
    private let queues = Mutex<[EventQueue]>([])

    func add(_ queue: EventQueue) { queues.withLock { $0.append(queue) } }

    func journalHasGrown() {
        queues.withLock { queues in
            for queue in queues { queue.wakeIfBehind() }
        }
    }

    func journalHasFailed() {
        queues.withLock { queues in
            for queue in queues { queue.journalHasFailed() }
        }
    }
}

/// Numbers events and hands each to every reader's queue; never waits for any of them.
final class EventBus {
    private var lastSeq: UInt64 = 0
    private var queues: [EventQueue] = []
    private let clock: () -> Timestamp
    /// Told of every event but output, at once.
    var observer: ((Event.Body, PluginName?) -> Void)?

    /// - Parameter clock: the time that events get.
    init(clock: @escaping () -> Timestamp = calendarTime) { self.clock = clock }

    func attach(_ queue: EventQueue) { queues.append(queue) }

    func publish(_ body: Event.Body, of plugin: PluginName? = nil) {
        let event = Event(seq: lastSeq + 1, timestamp: clock(), plugin: plugin, body: body)
        if case .output(let lines) = body {
            lastSeq += UInt64(lines.count)
        } else {
            lastSeq += 1
            observer?(body, plugin)
        }
        for queue in queues { queue.push(event) }
    }

    /// Whether a reader shows what running steps use.
    var wantsUsage: Bool { queues.contains(where: \.takesUsage) }

    func publish(_ usage: Usage, of step: StepID) {
        for queue in queues where queue.takesUsage { queue.push(usage, of: step) }
    }

    /// No reader gets anything more.
    func detachAll() { queues = [] }
}
