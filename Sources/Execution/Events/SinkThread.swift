// A reader of events on a thread of its own, where it may block.

import LinuxSystem
import Reactor
import RunModel
import Synchronization
import SystemPackage

/// Drives one `EventSink` from its queue until the run is over or the sink fails.
// @unchecked: what changes is behind the mutex; the sink is only touched on the thread it was handed to.
public final class SinkThread: @unchecked Sendable {
    private struct Control {
        /// What the sink is asked between two deliveries: to suspend (and say when it has), or to resume.
        var requests: [Request] = []
        var hasEnded = false
        var onEnd: [CheckedContinuation<Void, Never>] = []
    }

    private enum Request: Sendable {
        case suspend(done: WakeUp)
        case resume
    }

    let queue: EventQueue
    private let sink: any EventSink
    private let journalPath: String?
    private let runStart: Duration
    private let onDelivery: @Sendable () -> Void
    private let onFailure: @Sendable (any Error) -> Void
    private let control = Mutex(Control())
    /// Ends the pause between two deliveries.
    private let urgent: WakeUp

    private static let interval = Duration.milliseconds(10)

    /// - Parameters:
    ///   - journalPath: `events.jsonl`, from which a reader that is behind reads on; `nil`: state events stay in memory.
    ///   - onDelivery: called on the sink's thread after each delivery; the journal's readers want to know.
    ///   - onFailure: called on the sink's thread when it could no longer deliver; it gets no more events then.
    public init(
        name: String, sink: sending any EventSink, journalPath: String?, runStart: Duration,
        onDelivery: @escaping @Sendable () -> Void = {},
        onFailure: @escaping @Sendable (any Error) -> Void
    ) throws(Errno) {
        queue = try EventQueue(hasJournal: journalPath != nil, takesUsage: sink.showsUsage)
        urgent = try WakeUp()
        self.sink = sink
        self.journalPath = journalPath
        self.runStart = runStart
        self.onDelivery = onDelivery
        self.onFailure = onFailure
        try startThread(name: name) { [self] in deliverUntilClosed() }
    }

    /// Asks the sink to leave the terminal; returns when it has, or after `limit` where it is stuck in a write.
    func suspend(limit: Duration) {
        guard let done = try? WakeUp() else { return }
        let mayAsk = control.withLock { control in
            if !control.hasEnded { control.requests.append(.suspend(done: done)) }
            return !control.hasEnded
        }
        guard mayAsk else { return }
        hurry()
        done.wait(limit: limit)
    }

    func resume() {
        control.withLock { if !$0.hasEnded { $0.requests.append(.resume) } }
        hurry()
    }

    /// No more events come; the sink gets what is left and is closed.
    func finish() {
        queue.close()
        hurry()
    }

    private func hurry() {
        queue.wake()
        urgent.signal()
    }

    /// Returns when the sink has been closed.
    func ended() async {
        await withCheckedContinuation { continuation in
            let isOver = control.withLock { control in
                if !control.hasEnded { control.onEnd.append(continuation) }
                return control.hasEnded
            }
            if isOver { continuation.resume() }
        }
    }

    // MARK: The thread

    private func deliverUntilClosed() {
        do {
            var isClosed = false
            while !isClosed {
                let delivery = queue.take(timeout: sink.refreshInterval)
                try performRequests()
                if !delivery.usage.isEmpty { try sink.take(delivery.usage) }
                try sink.take(delivery.events, at: now)
                onDelivery()
                if let seq = delivery.behindFrom { try readOnInJournal(from: seq) }
                isClosed = delivery.isClosed
                // What comes meanwhile is delivered together: a wake-up for each event would cost more than the event.
                if !isClosed { urgent.wait(limit: Self.interval) }
            }
            sink.close(at: now)
        } catch {
            sink.close(at: now)
            onFailure(error)
        }
        let waiting = control.withLock { control in
            control.hasEnded = true
            defer { control.onEnd = [] }
            return control.onEnd
        }
        answerLateRequests()
        for continuation in waiting { continuation.resume() }
    }

    private var now: Duration { monotonicTime() - runStart }

    private func performRequests() throws {
        for request in takeRequests() {
            switch request {
            case .suspend(let done):
                sink.suspend()
                done.signal()
            case .resume:
                try sink.resume(at: now)
            }
        }
    }

    /// Whoever waits for a suspension must not wait for a sink that has ended; and it is not resumed.
    private func answerLateRequests() {
        for case .suspend(let done) in takeRequests() { done.signal() }
    }

    private func takeRequests() -> [Request] {
        control.withLock { control in
            defer { control.requests = [] }
            return control.requests
        }
    }

    private func readOnInJournal(from firstSeq: UInt64) throws {
        guard let journalPath else { return }
        var journal = try JournalReader(path: journalPath, firstSeq: firstSeq)
        while true {
            // Asked first: what it grew by before it failed is read.
            let mayGrow = queue.mayJournalGrow
            let events = try journal.next(limit: EventQueue.eventBound)
            try sink.take(events, at: now)
            let (isLive, dropped) = queue.caughtUp(to: journal.lastSeq)
            if isLive { return try sink.take(dropped, at: now) }
            if events.isEmpty, !mayGrow { return try sink.take(queue.giveUpJournal(after: journal.lastSeq), at: now) }
            // The journal's own writer is not there yet; it wakes this queue when it has written more.
            if events.isEmpty { queue.wait(limit: .seconds(1)) }
        }
    }
}
