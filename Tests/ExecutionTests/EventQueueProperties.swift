import RunModel
import TestSupport
import Testing
import UpdateModel

@testable import Execution

/// What a reader has been given of what was pushed.
private struct Ledger {
    var states: [UInt64] = []
    var pushedLines: [StepID: Int] = [:]
    var deliveredLines: [StepID: Int] = [:]
    var dropped: [StepID: [Dropped]] = [:]
    var delivered: [StepID: [ClosedRange<UInt64>]] = [:]
    var lastProgress: [PluginName: UInt64] = [:]
    var lastPushedProgress: [PluginName: UInt64] = [:]
    /// The last number that was delivered, of whatever has one.
    var lastSeq: UInt64 = 0
    var isOrdered = true

    mutating func push(_ event: Event) {
        if case .output(let lines) = event.body {
            pushedLines[StepID(event.plugin!, lines.phase), default: 0] += lines.count
        }
        if case .progress = event.body { lastPushedProgress[event.plugin!] = event.seq }
    }

    mutating func take(_ events: [Event]) {
        for event in events {
            if event.drops == nil {
                isOrdered = isOrdered && event.seq > lastSeq
                lastSeq = event.seq
            }
            switch event.body {
            case .progress: lastProgress[event.plugin!] = event.seq
            case .output(let lines):
                let step = StepID(event.plugin!, lines.phase)
                deliveredLines[step, default: 0] += lines.count
                delivered[step, default: []].append(event.seq...(event.seq + UInt64(lines.count) - 1))
            case .dropped(let mark): dropped[StepID(event.plugin!, mark.phase), default: []].append(mark)
            default: if event.isState { states.append(event.seq) }
            }
        }
    }
}

@Suite("Random traffic of a queue") struct EventQueueProperties {
    @Test(
        "Every state event arrives once and in order; delivered and dropped lines are all that were pushed",
        arguments: [true, false])
    func randomTraffic(hasJournal: Bool) throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        for number in 0..<60 {
            let hint: Comment = "seed \(seed), traffic \(number)"
            let queue = try EventQueue(hasJournal: hasJournal)
            var source = EventSource()
            var ledger = Ledger()
            // What the journal has: everything but output, at once.
            var journal: [Event] = []
            func take() {
                let delivery = queue.take(timeout: .zero)
                let weight = delivery.events.map { max(1, $0.lineCount) }.reduce(0, +)
                let marks = delivery.events.filter { $0.drops != nil }.count
                let isOneBatch = delivery.events.filter { $0.lineCount > 0 }.count == 1
                // Of each plugin one progress may be beyond the bound.
                if hasJournal { #expect(weight <= 1000 + marks + 3 || isOneBatch, hint) }
                let perStep = Dictionary(grouping: delivery.events.filter { $0.drops != nil }) {
                    StepID($0.plugin!, $0.drops!.phase)
                }
                #expect(perStep.values.allSatisfy { $0.count == 1 }, hint)
                ledger.take(delivery.events)
                guard let from = delivery.behindFrom else { return }
                ledger.take(journal.filter { $0.seq >= from })
                let (isLive, dropped) = queue.caughtUp(to: journal.last!.seq)
                #expect(isLive, hint)
                ledger.take(dropped)
            }
            let stateShare = Int.random(in: 1...10, using: &generator)
            let plugins = ["apt", "pipx", "npm"]
            for _ in 0..<Int.random(in: 1...3000, using: &generator) {
                let plugin = plugins.randomElement(using: &generator)!
                let event: Event
                switch Int.random(in: 0..<12, using: &generator) {
                case 0..<stateShare: event = source.state()
                case 10: event = source.progress(1, of: plugin)
                default:
                    event = source.output(
                        Int.random(in: 1...60, using: &generator), of: plugin,
                        Bool.random(using: &generator) ? .download : .execute,
                        length: Int.random(in: 0...200, using: &generator) == 0 ? 60_000 : 10)
                }
                ledger.push(event)
                if event.lineCount == 0 { journal.append(event) }
                queue.push(event)
                if Int.random(in: 0..<800, using: &generator) == 0 { take() }
            }
            take()
            #expect(ledger.states == journal.filter(\.isState).map(\.seq), hint)
            #expect(ledger.isOrdered, hint)
            #expect(ledger.lastProgress == ledger.lastPushedProgress, hint)
            for (step, pushed) in ledger.pushedLines {
                let dropped = ledger.dropped[step] ?? []
                #expect(ledger.deliveredLines[step, default: 0] + dropped.map(\.count).reduce(0, +) == pushed, hint)
                for mark in dropped {
                    #expect(mark.count <= mark.lastSeq - mark.firstSeq + 1, hint)
                    let delivered = ledger.delivered[step] ?? []
                    #expect(!delivered.contains { $0.overlaps(mark.firstSeq...mark.lastSeq) }, hint)
                }
            }
        }
    }
}
