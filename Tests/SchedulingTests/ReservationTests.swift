import TestSupport
import Testing

@testable import Scheduling

struct ReservationTests {
    @Test("A reserved turn never moves back, and comes, unless a more urgent job goes before", arguments: 0..<4)
    func honoured(_ chunk: Int) throws {
        for seed in UInt64(chunk * 250)..<UInt64((chunk + 1) * 250) {
            var random = SeededGenerator(seed: seed)
            let problem = try randomProblem(&random).0
            let order = PriorityOrder.longestRemainingPath(of: problem)
            var dispatcher = Dispatcher(problem, order: order, reportsWaiting: false)
            var actions = dispatcher.start(now: 0)
            while let reserved = dispatcher.reservation, let next = dispatcher.nextExpectedEnds() {
                actions = dispatcher.ended(next.jobs.map { .init($0, .succeeded) }, now: next.time)
                let wasOvertaken = actions.contains { action in
                    guard case .start(let job) = action else { return false }
                    return order.rank(of: job) < order.rank(of: reserved.job)
                }
                if wasOvertaken || actions.contains(.start(reserved.job)) { continue }
                let after = try #require(dispatcher.reservation, "seed \(seed)")
                if after.job == reserved.job {
                    #expect(after.time <= reserved.time && next.time < reserved.time, "seed \(seed)")
                } else {
                    #expect(order.rank(of: after.job) < order.rank(of: reserved.job), "seed \(seed)")
                }
            }
        }
    }

    @Test("More running jobs than the lookahead make the turn early and leave nothing to spare")
    func lookahead() throws {
        // 200 jobs of one unit; `big` needs 150 of them, and only 128 ends are looked at.
        var builder = ProblemBuilder()
        try builder.add(capacity: "R", 200)
        for index in 0..<199 { try builder.add(.job("j\(index)", 500 + Double(index), needs: ["R": 1])) }
        try builder.add(.job("big", 3, needs: ["R": 150]))
        try builder.add(.job("long", 2, after: ["gate"], needs: ["R": 1]))
        try builder.add(.job("gate", 1))
        let problem = try builder.build()
        var dispatcher = Dispatcher(problem)
        _ = dispatcher.start(now: 0)
        let reservation = try #require(dispatcher.reservation)
        #expect(problem.id(of: reservation.job) == "big")
        #expect(reservation.time == 500 + 127)
        #expect(reservation.spare == [0])
        let schedule = Schedule(of: problem)
        let big = schedule.entries.first { $0.job == reservation.job }
        #expect(big?.start == 648.0)
    }
}
