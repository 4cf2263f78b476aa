// What one reader of events has not taken yet: bounded, so that a slow terminal or a stalled file costs memory and
// output lines, never a package manager's time.

import DequeModule
import LinuxSystem
import Reactor
import RunModel
import Synchronization
import SystemPackage
import UpdateModel

/// A bounded queue between the run and one reader, with a rule for each kind of event at the bound:
/// - `output`: the oldest lines go, and one `dropped` for each step stands for them;
/// - `progress`: the newest replaces the one of the same step that waits; where none does it stays, beyond the bound if
///   need be: one for each step at most;
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
        /// The last event that the journal has or will have, which is any but output.
        var lastSeq: UInt64 = 0
        /// Whether state events beyond the bound can be read from the journal. If not they are kept in memory, their
        /// number being bounded by the plan's steps and `StepRun.maximumResults`.
        var hasJournal: Bool
        /// Output that could not even leave a mark in `entries`.
        var droppedWhileBehind: [StepID: Dropped] = [:]
        var isClosed = false
    }

    private let state: Mutex<State>
    private let wakeUp: WakeUp

    /// Whether its reader shows what running steps use.
    let takesUsage: Bool

    public init(hasJournal: Bool, takesUsage: Bool = false) throws(Errno) {
        state = Mutex(State(hasJournal: hasJournal))
        self.takesUsage = takesUsage
        wakeUp = try WakeUp()
    }

    // MARK: The run's side

    func push(_ event: Event) {
        let mustWake = state.withLock { state in
            let wasEmpty = state.entries.isEmpty && state.behindFrom == nil
            state.push(event)
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

    /// The journal can no longer be written: from now on all state stays in memory, and a reader that is behind waits for
    /// nothing more in the journal.
    func journalHasFailed() {
        state.withLock { $0.hasJournal = false }
        wakeUp.signal()
    }

    /// Whether what the reader has not found in the journal can still come.
    var mayJournalGrow: Bool { state.withLock { $0.hasJournal } }

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
            guard seq >= state.lastSeq else { return (false, []) }
            return (true, state.goLive())
        }
    }

    /// The reader has read up to `seq`, which is all that the journal will ever have: events come through memory again,
    /// and the reader is told which are lost.
    func giveUpJournal(after seq: UInt64) -> [Event] {
        state.withLock { state in
            let (first, last) = (seq + 1, state.lastSeq)
            let dropped = state.goLive()
            guard first <= last else { return dropped }
            // It has the first of the numbers that are missing: numbers rise.
            let text = "events \(first) to \(last) are lost to this reader: the journal cannot be written"
            return [Event(seq: first, timestamp: calendarTime(), plugin: nil, body: .error(text))] + dropped
        }
    }
}

extension EventQueue.State {
    /// Events come through memory from now on. Returns marks of the output that was lost before.
    fileprivate mutating func goLive() -> [Event] {
        behindFrom = nil
        defer { droppedWhileBehind = [:] }
        return droppedWhileBehind.sorted { $0.key < $1.key }.map { step, dropped in
            Event(seq: 0, timestamp: calendarTime(), plugin: step.plugin, body: .dropped(dropped))
        }
    }

    fileprivate mutating func push(_ event: Event) {
        if !event.isOutput { lastSeq = event.seq }
        if behindFrom != nil {
            if case .output(let lines) = event.body { noteDropped(lines, of: event) }
            return
        }
        while !fits(event), evictOldestOutput() {}
        if fits(event) { return append(event) }
        switch event.body {
        case .progress(let progress):
            removeProgress(of: event.plugin, progress.phase)
            append(event)
        case .output(let lines):
            // More lines than the whole queue may hold: one batch over the bound, if nothing else is in the way.
            if entries.isEmpty { append(event) } else { mark(dropped(lines, of: event), of: event) }
        default:
            if hasJournal { behindFrom = event.seq } else { append(event) }
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

    private mutating func removeProgress(of plugin: PluginName?, _ phase: Phase) {
        let index = entries.lastIndex { entry in
            guard entry.plugin == plugin, case .progress(let progress) = entry.body else { return false }
            return progress.phase == phase
        }
        guard let index else { return }
        weight -= entries[index].weight
        bytes -= entries[index].byteSize
        entries.remove(at: index)
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
