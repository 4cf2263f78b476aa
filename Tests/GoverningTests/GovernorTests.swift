import RunModel
import TestSupport
import Testing
import UpdateModel

@testable import Governing

@Suite struct GovernorTests {
    private static let resumeAfter = Duration.seconds(30)

    private func governor(_ action: Protection.Action) -> Governor {
        Governor(action: action, resumeAfter: Self.resumeAfter)
    }

    private func strain(_ value: Double, of source: String = "db.service") -> [Strain] {
        [Strain(source: source, kind: .io, value: value, threshold: 0.2)]
    }

    /// The stages that `governor` goes through in `seconds`, one look a second, and when.
    private func stages(
        _ governor: inout Governor, from start: Int = 0, for seconds: Int, under value: (Int, Stage) -> Double
    ) -> [(second: Int, stage: Stage)] {
        var changes: [(second: Int, stage: Stage)] = []
        for second in start..<(start + seconds) {
            if let change = governor.observe(strain(value(second, governor.stage)), at: .seconds(second)) {
                #expect(change.to == governor.stage)
                changes.append((second, change.to))
            }
        }
        return changes
    }

    @Test(arguments: [
        (Protection.Action.slow, [Stage.holding, .slowed(level: 1), .slowed(level: 2), .slowed(level: 3)]),
        (.freeze, [.holding, .frozen]),
        (.slowThenFreeze, [.holding, .slowed(level: 1), .slowed(level: 2), .slowed(level: 3), .frozen]),
    ])
    func `pressure that stays takes each stage in turn, and the first at once`(
        action: Protection.Action, expected: [Stage]
    ) {
        var governor = governor(action)
        let changes = stages(&governor, for: 100) { _, _ in 0.5 }
        #expect(changes.map(\.stage) == expected)
        #expect(changes.map(\.second) == expected.indices.map { $0 * 3 })
    }

    @Test func `each stage leaves half of the share of the one before`() {
        let stages: [Stage] = [
            .normal, .holding, .slowed(level: 1), .slowed(level: 2), .slowed(level: 3), .frozen,
        ]
        #expect(stages.map(\.share.value) == [1, 1, 0.5, 0.25, 0.125, 0.125])
        #expect(stages.sorted() == stages)
    }

    @Test func `below its threshold nothing is changed, and between the two bounds nothing either`() {
        var governor = governor(.slow)
        #expect(stages(&governor, for: 100) { _, _ in 0.199 }.isEmpty)
        #expect(governor.observe(strain(0.2), at: .seconds(100))?.to == .holding)
        #expect(stages(&governor, from: 101, for: 500) { _, _ in 0.15 }.isEmpty)
        #expect(governor.stage == .holding)
    }

    @Test func `pressure that falls gets time to fall`() {
        var governor = governor(.slow)
        // As avg10 falls when nobody waits any more: by a factor of e in ten seconds.
        var value = 0.9
        let changes = stages(&governor, for: 60) { second, _ in
            defer { value *= 0.905 }
            return value
        }
        #expect(changes.map(\.stage) == [.holding, .normal])
    }

    @Test func `it comes back in stages, the first after the policy's time`() {
        var governor = governor(.slowThenFreeze)
        _ = stages(&governor, for: 20) { _, _ in 1 }
        #expect(governor.stage == .frozen)
        let back = stages(&governor, from: 20, for: 200) { _, _ in 0 }
        #expect(
            back.map(\.stage) == [
                .slowed(level: 3), .slowed(level: 2), .slowed(level: 1), .holding, .normal,
            ])
        #expect(back.map(\.second) == [50, 60, 70, 80, 90])
    }

    @Test func `where coming back brings the pressure back it comes back later each time`() {
        var governor = governor(.slow)
        // Others suffer whenever the run has its whole share.
        let changes = stages(&governor, for: 2000) { _, stage in stage == .normal ? 0.5 : 0 }
        let returns = changes.filter { $0.stage == .normal }.map(\.second)
        let waits = zip(returns, returns.dropFirst()).map { $1 - $0 }
        #expect(waits.prefix(5) == [62, 122, 242, 242, 242])
    }

    @Test func `pressure long after the last one is a new beginning`() {
        var governor = governor(.slow)
        _ = stages(&governor, for: 200) { _, stage in stage == .normal ? 0.5 : 0 }
        _ = stages(&governor, from: 200, for: 1000) { _, _ in 0 }
        #expect(governor.stage == .normal)
        let changes = stages(&governor, from: 1200, for: 100) { second, _ in second == 1200 ? 0.5 : 0 }
        #expect(changes.map(\.second) == [1200, 1231])
    }

    @Test func `the cause is the one who suffers most beyond what is borne`() {
        var governor = governor(.slow)
        let strains = [
            Strain(source: "a", kind: .io, value: 0.5, threshold: 0.2),
            Strain(source: "b", kind: .memory, value: 0.3, threshold: 0.05),
            Strain(source: "c", kind: .load, value: 1.4, threshold: 1.5),
        ]
        #expect(governor.observe(strains, at: .zero)?.cause == "b waits for memory (PSI 30 %)")
        for second in 1...30 { #expect(governor.observe([], at: .seconds(second)) == nil) }
        #expect(
            governor.observe([], at: .seconds(31))
                == Governor.Change(from: .holding, to: .normal, cause: "b waits for memory (PSI 30 %)"))
    }

    @Test func `time in which nobody looked is no time in which others were well`() {
        var governor = governor(.freeze)
        _ = stages(&governor, for: 10) { _, _ in 0.5 }
        #expect(governor.stage == .frozen)
        // Well for a moment, then an hour of which nothing is known, as after Ctrl-Z or a clock that jumped.
        #expect(governor.observe([], at: .seconds(10)) == nil)
        let changes = stages(&governor, from: 3610, for: 100) { _, _ in 0 }
        #expect(changes.map(\.stage) == [.holding, .normal])
        #expect(changes.map(\.second) == [3640, 3650])
    }

    @Test(arguments: [
        (Protection.Action.slowThenFreeze, Protection.Action.slow, Stage.frozen, Stage.slowed(level: 3)),
        (.slow, .freeze, .slowed(level: 3), .holding),
        (.slow, .slowThenFreeze, .slowed(level: 3), .slowed(level: 3)),
        (.freeze, .slowThenFreeze, .frozen, .frozen),
    ])
    func `a policy that changes leaves it where it is, or at the next stage that steps back less`(
        old: Protection.Action, new: Protection.Action, before: Stage, after: Stage
    ) {
        var governor = governor(old)
        _ = stages(&governor, for: 30) { _, _ in 1 }
        #expect(governor.stage == before)
        let change = governor.revise(action: new, resumeAfter: .seconds(6), at: .seconds(30))
        #expect(governor.stage == after && (change == nil) == (before == after))
        #expect(change.map { $0.from == before && $0.to == after && !$0.cause.isEmpty } ?? true)
        // The new time counts for the way back.
        let back = stages(&governor, from: 30, for: 30) { _, _ in 0 }
        #expect(back.first?.second == 36 && back.last?.stage == .normal)
    }

    @Test func `whatever others suffer, it moves one stage at a time and never in haste`() {
        for seed in UInt64(0)..<200 {
            var random = SeededGenerator(seed: seed)
            let action = Protection.Action.allCases.randomElement(using: &random)!
            var governor = governor(action)
            var now = Duration.zero
            var lastClimb: Duration?
            var wellSince: Duration? = .zero
            var value = 0.0
            for _ in 0..<2000 {
                now += .milliseconds(Int.random(in: 10...3000, using: &random))
                if Int.random(in: 0..<20, using: &random) == 0 { value = Double.random(in: 0...1, using: &random) }
                if value >= 0.2 * Governor.wellBelow { wellSince = nil } else { wellSince = wellSince ?? now }
                let before = governor.stage
                guard let change = governor.observe(strain(value), at: now) else {
                    #expect(governor.stage == before, "seed \(seed)")
                    continue
                }
                #expect(change.from == before && change.to == governor.stage && change.to != before, "seed \(seed)")
                if change.to > change.from {
                    #expect(value >= 0.2, "seed \(seed): nobody suffers")
                    if let lastClimb, before != .normal {
                        #expect(now - lastClimb >= Governor.patience, "seed \(seed): \(now) after \(lastClimb)")
                    }
                    lastClimb = now
                } else {
                    let well = wellSince.map { now - $0 } ?? .zero
                    #expect(well >= Self.resumeAfter / 3, "seed \(seed): back after \(well)")
                }
            }
            // Left in peace it always comes back whole.
            for _ in 0..<2000 where governor.stage != .normal {
                now += .seconds(1)
                _ = governor.observe(strain(0), at: now)
            }
            #expect(governor.stage == .normal, "seed \(seed)")
        }
    }
}
