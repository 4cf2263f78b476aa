// Where events get their numbers and go to every reader. Lives on the event loop's thread.

import LinuxSystem
import UpdateModel

/// Numbers events and hands each to every reader's queue; never waits for any of them.
final class EventBus {
    private var lastSeq: UInt64 = 0
    private var queues: [EventQueue] = []
    /// Called with each event before any reader has it; the run's own bookkeeping.
    var observer: ((Event) -> Void)?

    func attach(_ queue: EventQueue) { queues.append(queue) }

    func publish(_ body: Event.Body, of plugin: PluginName? = nil) {
        let event = Event(seq: lastSeq + 1, timestamp: calendarTime(), plugin: plugin, body: body)
        if case .output(let lines) = body { lastSeq += UInt64(lines.count) } else { lastSeq += 1 }
        observer?(event)
        for queue in queues { queue.push(event) }
    }

    /// No reader gets anything more.
    func detachAll() { queues = [] }
}
