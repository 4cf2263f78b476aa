import Presentation
import RunModel
import TestSupport
import Testing
import UpdateModel

/// Runs that no scheduler would make: events in any order, with values that plugins and broken files could give.
@Suite struct RandomRunTests {
    private struct Maker {
        var generator: SeededGenerator
        var events = EventMaker()

        mutating func pick<T>(_ values: [T]) -> T { values.randomElement(using: &generator)! }

        mutating func text() -> String {
            let parts = [
                "apt", " ", "\u{1B}[2J", "漢字", "e\u{301}", "\u{202E}", "\n", "\t", "😀", "a-long-word", "\u{9B}1m",
            ]
            return (0..<Int.random(in: 0..<20, using: &generator)).map { _ in pick(parts) }.joined()
        }

        mutating func bytes() -> ByteCount? {
            pick([nil, ByteCount(0), ByteCount(.max), ByteCount(.min), ByteCount(5_000_000)])
        }

        mutating func number() -> Double { pick([0, 1, 37.5, -4, 1e300, .infinity, .nan, 250]) }

        mutating func step() -> StepID {
            StepID(pick(["a", "b", "c", "long-name-of-a-plugin"]) + "/" + pick(["check", "download", "execute"]))
        }

        mutating func plan() -> Plan {
            var ids: [StepID] = []
            let steps = (0..<Int.random(in: 0..<8, using: &generator)).compactMap { _ -> PlannedStep? in
                let id = step()
                if ids.contains(id) { return nil }
                defer { ids.append(id) }
                return PlannedStep(
                    id: id, after: ids.isEmpty ? [] : [pick(ids)], mutexes: [text()], demand: Demand(),
                    limits: [ControlWrite(file: "memory.max", value: pick(["max", "77", text()]))], runAs: text(),
                    isProtected: pick([true, false]), startSeconds: number(), durationSeconds: number(),
                    durationIsKnown: pick([true, true, false]), wave: 0, waitsFor: pick([nil, text()]))
            }
            return Plan(
                policy: text(), hostName: text(), runLimits: [text()], steps: steps,
                skipped: [SkippedPlugin(plugin: step().plugin, outcome: .skipped, reason: text())],
                makespanSeconds: number(), criticalPath: ids, fetch: bytes(), deviations: [deviation()])
        }

        mutating func deviation() -> LimitDeviation {
            LimitDeviation(control: text(), requested: text(), effective: pick([nil, text()]), reason: text())
        }

        mutating func event() -> Event {
            let id = step()
            var progress = Progress(phase: id.phase)
            progress.percent = pick([nil, number()])
            progress.message = pick([nil, text()])
            progress.bytesDownloaded = bytes()
            progress.bytesTotal = bytes()
            progress.itemsCompleted = bytes()?.bytes
            progress.itemsTotal = bytes()?.bytes
            var result = UpdateResult()
            result.held = [text()]
            result.packagesUpdated = bytes()?.bytes ?? 1
            let lines = (0..<Int.random(in: 0..<9, using: &generator)).map { _ in text() }
            let body: Event.Body = pick([
                .phaseStart(
                    PhaseStart(
                        phase: id.phase, cgroup: nil, limits: [], runAs: text(), capabilities: [], isProtected: true)),
                .output(OutputLines(id.phase, lines)), .progress(progress),
                .dropped(Dropped(phase: id.phase, count: .max, firstSeq: 0, lastSeq: 0)), .result(result),
                .limit(deviation()), .waiting(id.phase, .otherRun(mutex: text(), holder: text())),
                .throttle(
                    Throttle(state: pick(Throttle.State.allCases), share: Fraction(number()), cause: text())),
                .stopping(
                    Stopping(
                        phase: id.phase, cause: .timedOut(after: .zero), signal: nil,
                        killAfter: pick([nil, .seconds(3)]))),
                .phaseEnd(
                    PhaseEnd(
                        phase: id.phase, outcome: pick(Outcome.allCases), exitCode: pick([nil, 1]),
                        error: pick([nil, text()]), metrics: pick([nil, Metrics(wallSeconds: number())]))),
                .completion(Completion(outcome: pick(Outcome.allCases), error: pick([nil, text()]))),
                .error(text()), .runStart(ExampleRun.start), .plan(plan()),
                .runEnd(RunEnd(success: false, counts: [.failed: 1], metrics: Metrics(wallSeconds: number()))),
            ])
            return events.make(pick([id.plugin.rawValue, id.plugin.rawValue, id.plugin.rawValue, nil]), body)
        }
    }

    private func isClean(_ lines: [StyledLine], columns: Int) -> Bool {
        lines.allSatisfy { line in
            line.width <= columns
                && line.text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        }
    }

    @Test func `no sequence of events breaks a display`() {
        for seed in UInt64(0)..<100 {
            var maker = Maker(generator: SeededGenerator(seed: seed))
            var view = RunView()
            var plain = PlainText()
            for second in 0..<60 {
                let columns = maker.pick([1, 3, 12, 40, 80, 81, 200])
                let rows = maker.pick([1, 2, 5, 6, 24, 50])
                let now = Duration.seconds(Double(second) * 1.3)
                let event = maker.event()
                var text: [UInt8] = []
                plain.append(event, to: &text)
                let lines = view.take([event], at: now, columns: columns)
                let live = view.live(columns: columns, rows: rows, at: now)
                let end = view.summary(columns: columns, at: now)
                #expect(isClean(lines + live + end, columns: columns), "seed \(seed), second \(second)")
                #expect(live.count <= rows, "seed \(seed), second \(second)")
                #expect(text.allSatisfy { $0 >= 0x20 || $0 == 0x0A }, "seed \(seed), second \(second)")
                if columns >= 12 {
                    #expect(isClean(PlanTable.lines(maker.plan(), columns: columns), columns: columns), "seed \(seed)")
                }
            }
        }
    }

    @Test func `each step that ended gives exactly one permanent line`() {
        for seed in UInt64(0)..<100 {
            var maker = Maker(generator: SeededGenerator(seed: seed))
            var view = RunView()
            var ended: [StepID: Int] = [:]
            for second in 0..<80 {
                let event = maker.event()
                // A new plan is a new run; here it is one run.
                if case .plan = event.body, second > 0 { continue }
                let lines = view.take([event], at: .seconds(second), columns: 10_000)
                guard case .phaseEnd(let end) = event.body, let plugin = event.plugin else { continue }
                let id = StepID(plugin, end.phase)
                #expect(lines.count == (ended[id] == nil ? 1 : 0), "seed \(seed), \(id)")
                #expect(lines.allSatisfy { $0.text.dropFirst(2).hasPrefix(id.description) }, "seed \(seed), \(id)")
                ended[id, default: 0] += 1
            }
        }
    }
}
