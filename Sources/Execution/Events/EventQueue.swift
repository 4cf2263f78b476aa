// What one reader of events has not taken yet: bounded, so that a slow terminal or a stalled file costs memory and
// output lines, never a package manager's time.

import DequeModule
import LinuxSystem
import Synchronization
import SystemPackage
import UpdateModel

/// A bounded queue between the run and one reader, with a rule for each kind of event at the bound:
/// - `output`: the oldest lines go, and one `dropped` for each step stands for them;
/// - `progress`: the newest replaces the one of the same step that waits;
/// - state events are never dropped: where only such wait, the reader is *behind* and reads on in the journal.
public final class EventQueue: Sendable {
    public static let eventBound = 1000
    public static let byteBound = 4 << 20

    /// What a reader gets at once.
    struct Delivery {
        var events: [Event] = []
        /// What running steps use, where there is something new.
        var usage: [StepID: Usage] = [:]
        /// State events from this `seq` on are in the journal only; `nil`: all that were pushed are in `events`.
        var behindFrom: UInt64?
        /// No more will come.
        var isClosed = false
    }

    fileprivate struct State {
        var entries: Deque<Event> = []
        /// The newest figures of each running step.
        var usage: [StepID: Usage] = [:]
        var weight = 0
        var bytes = 0
        var behindFrom: UInt64?
        /// The last state event that was pushed, in memory or not.
        var lastStateSeq: UInt64 = 0
        /// Output that could not even leave a mark in `entries`.
        var droppedWhileBehind: [StepID: Dropped] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())
    private let wakeUp: WakeUp
    /// Whether state events beyond the bound can be read from the journal; if not they are kept in memory, their
    /// number being bounded by the plan's steps.
    private let hasJournal: Bool

    /// Whether its reader shows what running steps use.
    let takesUsage: Bool

    public init(hasJournal: Bool, takesUsage: Bool = false) throws(Errno) {
        self.hasJournal = hasJournal
        self.takesUsage = takesUsage
        wakeUp = try WakeUp()
    }

    // MARK: The run's side

    func push(_ event: Event) {
        let mustWake = state.withLock { state in
            let wasEmpty = state.entries.isEmpty && state.behindFrom == nil
            state.push(event, hasJournal: hasJournal)
            return wasEmpty
        }
        if mustWake { wakeUp.signal() }
    }

    /// Figures are shown when something else is, or when the display draws its clock: they wake nobody.
    func push(_ usage: Usage, of step: StepID) {
        state.withLock { $0.usage[step] = usage }
    }

    /// No more events come; the reader takes what is left.
    func close() {
        state.withLock { $0.isClosed = true }
        wake()
    }

    /// Ends the reader's wait, though there may be nothing to take.
    func wake() { wakeUp.signal() }

    /// Whether so many state events wait that no new step should be started for this reader's sake (the journal's).
    var isOverfull: Bool { state.withLock { $0.weight > Self.eventBound } }

    // MARK: The reader's side

    /// Waits for events, at most `timeout` (`nil`: for ever), and takes all there are.
    func take(timeout: Duration?) -> Delivery {
        if let delivery = takeNow() { return delivery }
        wakeUp.wait(limit: timeout)
        return takeNow() ?? Delivery()
    }

    /// The journal has grown, in which a reader that is behind reads on.
    func wakeIfBehind() {
        if state.withLock({ $0.behindFrom != nil }) { wakeUp.signal() }
    }

    /// Waits until something was pushed or `wake` was called, at most `limit`, and takes nothing.
    func wait(limit: Duration) { wakeUp.wait(limit: limit) }

    private func takeNow() -> Delivery? {
        state.withLock { state in
            if state.entries.isEmpty, state.usage.isEmpty, state.behindFrom == nil, !state.isClosed { return nil }
            defer {
                state.usage.removeAll(keepingCapacity: true)
                state.entries.removeAll(keepingCapacity: true)
                state.weight = 0
                state.bytes = 0
            }
            return Delivery(
                events: Array(state.entries), usage: state.usage, behindFrom: state.behindFrom,
                isClosed: state.isClosed && state.behindFrom == nil)
        }
    }

    /// The reader has read in the journal up to `seq`. Returns whether it is at the end of what was pushed, so that
    /// events come through memory again; `dropped` is what it missed of the output meanwhile.
    func caughtUp(to seq: UInt64) -> (isLive: Bool, dropped: [Event]) {
        state.withLock { state in
            guard seq >= state.lastStateSeq else { return (false, []) }
            state.behindFrom = nil
            let dropped = state.droppedWhileBehind.sorted { $0.key < $1.key }.map { step, dropped in
                Event(seq: 0, timestamp: calendarTime(), plugin: step.plugin, body: .dropped(dropped))
            }
            state.droppedWhileBehind = [:]
            return (true, dropped)
        }
    }
}

extension EventQueue.State {
    fileprivate mutating func push(_ event: Event, hasJournal: Bool) {
        if event.isState { lastStateSeq = event.seq }
        if behindFrom != nil {
            if case .output(let lines) = event.body { noteDropped(lines, of: event) }
            return
        }
        while !fits(event), evictOldestOutput() {}
        if fits(event) { return append(event) }
        switch event.body {
        case .progress(let progress):
            replaceProgress(of: progress.phase, by: event)
        case .output(let lines):
            // More lines than the whole queue may hold: one batch over the bound, if nothing else is in the way.
            if entries.isEmpty { append(event) } else { mark(dropped(lines, of: event), of: event) }
        default:
            while !fits(event), evictOldestProgress() {}
            if fits(event) || !hasJournal { append(event) } else { behindFrom = event.seq }
        }
    }

    private func fits(_ event: Event) -> Bool {
        weight + event.weight <= EventQueue.eventBound && bytes + event.byteSize <= EventQueue.byteBound
    }

    private mutating func append(_ event: Event) {
        entries.append(event)
        weight += event.weight
        bytes += event.byteSize
    }

    private mutating func evictOldestOutput() -> Bool {
        guard let index = entries.firstIndex(where: \.isOutput), case .output(let lines) = entries[index].body else {
            return false
        }
        let event = entries[index]
        weight -= event.weight
        bytes -= event.byteSize
        let mark = dropped(lines, of: event)
        // An earlier mark of the same step takes it in; else the mark stands where the lines stood.
        if merge(mark, of: event) {
            entries.remove(at: index)
        } else {
            entries[index].seq = 0
            entries[index].body = .dropped(mark)
            weight += 1
        }
        return true
    }

    private mutating func evictOldestProgress() -> Bool {
        guard let index = entries.firstIndex(where: { if case .progress = $0.body { true } else { false } }) else {
            return false
        }
        weight -= entries[index].weight
        bytes -= entries[index].byteSize
        entries.remove(at: index)
        return true
    }

    private mutating func replaceProgress(of phase: Phase, by event: Event) {
        let index = entries.lastIndex { entry in
            guard entry.plugin == event.plugin, case .progress(let progress) = entry.body else { return false }
            return progress.phase == phase
        }
        if let index { entries[index] = event }
    }

    private func dropped(_ lines: OutputLines, of event: Event) -> Dropped {
        Dropped(
            phase: lines.phase, count: lines.count, firstSeq: event.seq, lastSeq: event.seq + UInt64(lines.count) - 1)
    }

    private mutating func mark(_ mark: Dropped, of event: Event) {
        if merge(mark, of: event) { return }
        append(Event(seq: 0, timestamp: event.timestamp, plugin: event.plugin, body: .dropped(mark)))
    }

    private mutating func merge(_ mark: Dropped, of event: Event) -> Bool {
        for index in entries.indices {
            guard entries[index].plugin == event.plugin, case .dropped(let earlier) = entries[index].body,
                earlier.phase == mark.phase
            else { continue }
            entries[index].body = .dropped(earlier.merged(with: mark))
            return true
        }
        return false
    }

    private mutating func noteDropped(_ lines: OutputLines, of event: Event) {
        guard let plugin = event.plugin else { return }
        let mark = dropped(lines, of: event)
        droppedWhileBehind[StepID(plugin, lines.phase), default: mark] =
            droppedWhileBehind[StepID(plugin, lines.phase)]?.merged(with: mark) ?? mark
    }
}

extension Dropped {
    fileprivate func merged(with other: Dropped) -> Dropped {
        Dropped(
            phase: phase, count: count + other.count, firstSeq: min(firstSeq, other.firstSeq),
            lastSeq: max(lastSeq, other.lastSeq))
    }
}

extension Event {
    fileprivate var isOutput: Bool { if case .output = body { true } else { false } }

    /// How many events of the contract it stands for.
    fileprivate var weight: Int { if case .output(let lines) = body { lines.count } else { 1 } }

    fileprivate var byteSize: Int {
        switch body {
        case .output(let lines): lines.bytes.count + lines.ends.count * 4
        case .plan(let plan): plan.steps.count * 512
        default: 256
        }
    }
}
