import RunModel
import Scheduling
import TestSupport
import Testing

/// A dispatcher whose jobs are called by their names.
private struct Run {
    let problem: Problem
    var dispatcher: Dispatcher

    init(_ problem: Problem, failFast: Bool = false) {
        self.problem = problem
        dispatcher = Dispatcher(problem, failFast: failFast)
    }

    mutating func start() -> [String] { problem.lines(of: dispatcher.start(now: 0)) }
    mutating func ended(_ id: String, _ outcome: Outcome = .succeeded, now: Double) -> [String] {
        problem.lines(of: dispatcher.ended([.init(problem.job(id), outcome)], now: now))
    }
    mutating func blocked(_ id: String, by lock: String, now: Double) -> [String] {
        problem.lines(of: dispatcher.startBlocked(problem.job(id), by: lock, holder: "pid 7", now: now))
    }
    mutating func retry(_ id: String, taking amounts: KeyValuePairs<String, Double>, now: Double) -> [String] {
        problem.lines(
            of: dispatcher.retry(problem.job(id), taking: amounts.map { NamedAmount($0, $1) }, now: now))
    }
    mutating func released(_ lock: String, now: Double) -> [String] {
        problem.lines(of: dispatcher.foreignLockReleased(lock, now: now))
    }
    mutating func giveUp(_ id: String, now: Double) -> [String] {
        problem.lines(of: dispatcher.giveUp(problem.job(id), as: .deferred, now: now))
    }
    mutating func hold(now: Double) -> [String] { problem.lines(of: dispatcher.hold(now: now)) }
    mutating func set(_ capacity: String, to amount: Double, now: Double) -> (Double?, [String]) {
        let (effective, actions) = dispatcher.setCapacity(capacity, to: amount, now: now)
        return (effective, problem.lines(of: actions))
    }
    mutating func goOn(now: Double) -> [String] { problem.lines(of: dispatcher.goOn(now: now)) }
    mutating func cancel(endsFinal: Bool = false, now: Double) -> [String] {
        problem.lines(of: dispatcher.cancelWaiting(endsFinal: endsFinal, now: now))
    }
}

struct DispatcherTests {
    @Test("A failure ends what requires it, directly or not; what only comes after it goes on")
    func failure() throws {
        //  a ─requires─► b ─requires─► c
        //  └──after────► d             └─after─► e
        let problem = try makeProblem(
            [:], .job("a", 1), .job("b", 1, requires: ["a"]), .job("c", 1, requires: ["b"]), .job("d", 1, after: ["a"]),
            .job("e", 1, after: ["c"]))
        var run = Run(problem)
        #expect(run.start() == ["start a"])
        #expect(
            run.ended("a", .failed, now: 1) == [
                "end b: dependency_failed, requires a", "end c: dependency_failed, requires b", "start d", "start e",
            ])
        #expect(run.ended("d", now: 2) == [])
        #expect(run.ended("e", now: 2) == ["finished"])
    }

    @Test("When the time is over what has not started is deferred, what runs goes on, and a final job comes after it")
    func timeIsOver() throws {
        let problem = try makeProblem(
            [:], .job("a", 1), .job("b", 1, requires: ["a"]), .job("c", 1, after: ["b"]),
            JobDescription(id: "z", duration: 1, predecessors: [("a", .after), ("c", .after)], isFinal: true))
        var run = Run(problem)
        #expect(run.start() == ["start a"])
        #expect(
            problem.lines(of: run.dispatcher.deferWaiting(now: 0.5)) == [
                "end b: deferred, time is over", "end c: deferred, time is over",
            ])
        #expect(run.ended("a", now: 1) == ["start z"])
        #expect(run.ended("z", now: 2) == ["finished"])
        var never = Run(problem)
        #expect(
            problem.lines(of: never.dispatcher.deferWaiting(endsFinal: true, now: 0)) == [
                "end a: deferred, time is over", "end b: deferred, time is over", "end c: deferred, time is over",
                "end z: deferred, time is over", "finished",
            ])
    }

    @Test("A job that is tried again gives everything back and takes more, when it is free and its turn")
    func retry() throws {
        // R has 4: a and b take 2 each. a is tried again with 3 and must wait for b; c is shorter and may pass.
        let problem = try makeProblem(
            ["R": 4], .job("a", 9, holds: ["m"], needs: ["R": 2]), .job("b", 5, needs: ["R": 2]),
            .job("c", 1, needs: ["R": 1]), .job("d", 8, holds: ["m"], needs: ["R": 1]), .job("e", 1, after: ["a"]))
        var run = Run(problem)
        #expect(run.start() == ["start a", "start b", "d waits for m of a", "c waits for R"])
        #expect(run.retry("a", taking: ["R": 3, "unknown": 7], now: 1) == ["start c", "a waits for R"])
        #expect(run.dispatcher.startsMore)
        #expect(run.ended("c", now: 2) == [])
        #expect(run.ended("b", now: 5) == ["start a"])
        // All there is, where it is more than there is; never less than before.
        #expect(run.retry("a", taking: ["R": .infinity], now: 6) == ["start a"])
        #expect(run.retry("a", taking: ["R": 1], now: 7) == ["start a"])
        #expect(run.ended("a", now: 8) == ["start d", "start e"])
        #expect(run.ended("e", now: 9) == [])
        #expect(run.ended("d", now: 9) == ["finished"])
        #expect(run.dispatcher.isFinished)
    }

    @Test("After a failure that ends the run nothing more is started, and so nothing tried again")
    func noRetry() throws {
        var run = Run(try makeProblem([:], .job("a", 1), .job("b", 1)), failFast: true)
        _ = run.start()
        _ = run.ended("a", .failed, now: 1)
        #expect(!run.dispatcher.startsMore)
    }

    @Test("A job that needs everything is not starved by small ones, however many, nor by those that are tried again")
    func noStarvation() throws {
        // R has 4. Of 40 small jobs four run at any time; `big` needs all four units, and is more urgent than all.
        var builder = ProblemBuilder()
        try builder.add(capacity: "R", 4)
        try builder.add(.job("first", 1, needs: ["R": 1]))
        try builder.add(.job("big", 50, after: ["first"], needs: ["R": 4]))
        for index in 0..<40 { try builder.add(.job("small\(index)", Double(2 + index % 3), needs: ["R": 1])) }
        let problem = try builder.build()
        var dispatcher = Dispatcher(problem)
        var actions = dispatcher.start(now: 0)
        var startOfBig: Double?
        var tried: Set<JobIndex> = []
        while let next = dispatcher.nextExpectedEnds(), startOfBig == nil {
            // Every small job is tried again once, with twice as much.
            let again = next.jobs.filter { problem.id(of: $0).hasPrefix("small") && !tried.contains($0) }
            actions = []
            for job in again {
                tried.insert(job)
                actions += dispatcher.retry(job, taking: [NamedAmount("R", 2)], now: next.time)
            }
            let ends = next.jobs.filter { !again.contains($0) }
            if !ends.isEmpty { actions += dispatcher.ended(ends.map { .init($0, .succeeded) }, now: next.time) }
            if actions.contains(.start(problem.job("big"))) { startOfBig = next.time }
        }
        // At its turn the three that run beside `first` have ended: the longest of them takes 4.
        #expect(try #require(startOfBig) <= 4)
    }

    @Test("A final job runs when the others have ended, however they did; only a second cancellation ends it")
    func finalJobs() throws {
        //  a ─requires─► b ─after─► z (final) ─after─► y (final)
        let problem = try makeProblem(
            [:], .job("a", 1), .job("b", 1, requires: ["a"]), .job("z", 1, after: ["a", "b"], isFinal: true),
            .job("y", 1, after: ["z"], isFinal: true))
        var failed = Run(problem, failFast: true)
        #expect(failed.start() == ["start a"])
        #expect(failed.ended("a", .failed, now: 1) == ["end b: dependency_failed, requires a", "start z"])
        #expect(failed.ended("z", now: 2) == ["start y"])
        #expect(failed.ended("y", now: 3) == ["finished"])

        var cancelled = Run(problem)
        #expect(cancelled.start() == ["start a"])
        #expect(cancelled.cancel(now: 1) == ["end b: cancelled, cancelled"])
        #expect(cancelled.ended("a", .cancelled, now: 2) == ["start z"])
        #expect(cancelled.cancel(endsFinal: true, now: 3) == ["end y: cancelled, cancelled"])
        #expect(cancelled.ended("z", .cancelled, now: 4) == ["finished"])

        // What they come after waits for another run, and is cancelled there.
        let shelved = try makeProblem(
            [:], .job("a", 1, holds: ["m"]), .job("z", 1, after: ["a"], holds: ["n"], isFinal: true))
        var run = Run(shelved)
        #expect(run.start() == ["start a"])
        #expect(run.blocked("a", by: "m", now: 0) == ["a waits for m, pid 7"])
        #expect(run.cancel(now: 1) == ["end a: cancelled, cancelled", "start z"])
        #expect(run.blocked("z", by: "n", now: 1) == ["z waits for n, pid 7"])
        #expect(run.released("n", now: 2) == ["start z"])
        #expect(run.ended("z", now: 3) == ["finished"])
    }

    @Test("A failed requirement ends a job that still has other predecessors running")
    func failureBesideRunning() throws {
        //  a ─requires─┐
        //  b ──after───┴─► c
        let problem = try makeProblem([:], .job("a", 1), .job("b", 1), .job("c", 1, after: ["b"], requires: ["a"]))
        var run = Run(problem)
        #expect(run.start() == ["start a", "start b"])
        #expect(run.ended("a", .oomKilled, now: 1) == ["end c: dependency_failed, requires a"])
        #expect(run.ended("b", now: 2) == ["finished"])
    }

    @Test(
        "What a requirement's outcome makes of the job that requires it",
        arguments: [
            (Outcome.failed, "dependency_failed"), (.timedOut, "dependency_failed"), (.killed, "dependency_failed"),
            (.dependencyFailed, "dependency_failed"), (.cancelled, "cancelled"), (.deferred, "deferred"),
            (.needsAuth, "skipped"), (.skipped, "skipped"), (.notApplicable, "skipped"),
        ])
    func inherited(_ outcome: Outcome, _ inherited: String) throws {
        var run = Run(try makeProblem([:], .job("a", 1), .job("b", 1, requires: ["a"])))
        _ = run.start()
        #expect(run.ended("a", outcome, now: 1) == ["end b: \(inherited), requires a", "finished"])
    }

    @Test("A requirement that had nothing to do is satisfied", arguments: [Outcome.succeeded, .upToDate])
    func satisfied(_ outcome: Outcome) throws {
        var run = Run(try makeProblem([:], .job("a", 1), .job("b", 1, requires: ["a"])))
        _ = run.start()
        #expect(run.ended("a", outcome, now: 1) == ["start b"])
    }

    @Test("With fail-fast the first failure ends all that waits, and what runs goes on")
    func failFast() throws {
        //  a ─► b      c [R]   d [R]   e [R]
        let problem = try makeProblem(
            ["R": 1], .job("a", 1), .job("b", 1, requires: ["a"]), .job("c", 3, needs: ["R": 1]),
            .job("d", 2, needs: ["R": 1]), .job("e", 1, after: ["d"]))
        var run = Run(problem, failFast: true)
        #expect(run.start() == ["start c", "start a", "d waits for R"])
        #expect(
            run.ended("a", .failed, now: 1) == [
                "end b: dependency_failed, requires a", "end d: skipped, a failed", "end e: skipped, a failed",
            ])
        #expect(run.ended("c", .failed, now: 3) == ["finished"])
    }

    @Test("Cancelling ends all that waits; the run is finished when the last running job ends")
    func cancel() throws {
        let problem = try makeProblem(
            [:], .job("a", 2, holds: ["m"]), .job("b", 1, holds: ["m"]), .job("c", 1, requires: ["b"]), .job("d", 1))
        var run = Run(problem)
        #expect(run.start() == ["start a", "start d", "b waits for m of a"])
        #expect(run.cancel(now: 1) == ["end b: cancelled, cancelled", "end c: cancelled, cancelled"])
        #expect(run.ended("d", .cancelled, now: 1) == [])
        #expect(run.ended("a", .succeeded, now: 2) == ["finished"])
    }

    @Test("What a job waits for is said once for each thing in the way")
    func waiting() throws {
        let problem = try makeProblem(
            ["R": 2], .job("a", 9, holds: ["m"], needs: ["R": 1]), .job("b", 8, holds: ["m"], needs: ["R": 1]),
            .job("c", 7, holds: ["m"], needs: ["R": 1]), .job("d", 1, needs: ["R": 1]))
        var run = Run(problem)
        #expect(run.start() == ["start a", "start d", "b waits for m of a", "c waits for m of a"])
        #expect(run.ended("d", now: 1) == [])
        #expect(run.ended("a", now: 9) == ["start b", "c waits for m of b"])
    }

    @Test("A job that would delay a reserved turn says what it is kept back for")
    func waitingForTurn() throws {
        //  R: 3      a 9 {2}      big 8 {2} [m]      long 10 {2, gate}      other 7 [m]      third 6 {1}
        let problem = try makeProblem(
            ["R": 3], .job("a", 2, after: [], needs: ["R": 2]), .job("b", 1.5, requires: ["a"]),
            .job("big", 3, holds: ["m"], needs: ["R": 3]), .job("other", 2.9, holds: ["m"]),
            .job("third", 2.8, needs: ["R": 1]), .job("short", 1, needs: ["R": 1]))
        var run = Run(problem)
        #expect(
            run.start() == [
                "start a", "start short", "big waits for R", "other waits for m of big", "third waits for R",
            ])
    }

    @Test("A lock of another run gives the resources back and is waited for; others that need it wait too")
    func foreignMutex() throws {
        let problem = try makeProblem(
            ["R": 1], .job("a", 9, holds: ["Apt"], needs: ["R": 1]), .job("b", 8, holds: ["apt"], needs: ["R": 1]),
            .job("c", 7, needs: ["R": 1]))
        var run = Run(problem)
        #expect(run.start() == ["start a", "b waits for Apt of a", "c waits for R"])
        #expect(
            run.blocked("a", by: "apt", now: 1) == ["a waits for Apt, pid 7", "b waits for Apt, pid 7", "start c"])
        #expect(run.ended("c", now: 8) == [])
        #expect(run.released("apt", now: 20) == ["start a", "b waits for Apt of a"])
        #expect(run.ended("a", now: 29) == ["start b"])
        #expect(run.ended("b", now: 37) == ["finished"])
    }

    @Test("A job behind a foreign lock says so once, whatever else happens")
    func foreignSaidOnce() throws {
        let problem = try makeProblem(
            [:], .job("a", 9, holds: ["m"]), .job("b", 8, holds: ["m"]), .job("c", 7, free: ["m"]), .job("d", 6))
        var run = Run(problem)
        #expect(run.start() == ["start a", "start d", "b waits for m of a", "c waits for m of a"])
        #expect(
            run.blocked("a", by: "m", now: 1) == [
                "a waits for m, pid 7", "b waits for m, pid 7", "c waits for m, pid 7",
            ])
        #expect(run.ended("d", now: 6) == [])
        #expect(run.released("m", now: 7) == ["start a", "b waits for m of a", "c waits for m of a"])
        #expect(run.blocked("a", by: "m", now: 8).first == "a waits for m, pid 7")
    }

    @Test("A lock that is no mutex of the problem keeps only the job that met it")
    func foreignFile() throws {
        let problem = try makeProblem(["R": 1], .job("a", 9, needs: ["R": 1]), .job("b", 8, needs: ["R": 1]))
        var run = Run(problem)
        #expect(run.start() == ["start a", "b waits for R"])
        #expect(run.blocked("a", by: "/var/lock", now: 1) == ["a waits for /var/lock, pid 7", "start b"])
        #expect(run.released("/var/lock", now: 2) == ["a waits for R"])
        #expect(run.ended("b", now: 9) == ["start a"])
    }

    @Test("The release of a lock that nobody waits for changes nothing")
    func foreignUnknown() throws {
        var run = Run(try makeProblem([:], .job("a", 9)))
        _ = run.start()
        #expect(run.released("/nowhere", now: 1) == [])
    }

    @Test("A job that is given up ends, and so does what requires it; one that runs is left alone")
    func giveUp() throws {
        let problem = try makeProblem([:], .job("a", 9), .job("b", 1, requires: ["a"]), .job("c", 3))
        var run = Run(problem)
        _ = run.start()
        _ = run.blocked("a", by: "lock", now: 1)
        #expect(run.giveUp("c", now: 1) == [])
        #expect(run.giveUp("a", now: 2) == ["end a: deferred, given up", "end b: deferred, requires a"])
        #expect(run.released("lock", now: 3) == [])
        #expect(run.ended("c", now: 3) == ["finished"])
    }

    @Test("A job that meets a foreign lock after the run was cancelled ends with it")
    func blockedAfterCancel() throws {
        var run = Run(try makeProblem([:], .job("a", 9)))
        _ = run.start()
        #expect(run.cancel(now: 1) == [])
        #expect(run.blocked("a", by: "lock", now: 1) == ["end a: cancelled, cancelled", "finished"])
    }

    @Test("A job that ends late moves the turn that was reserved, one that ends early too")
    func movedTurn() throws {
        //  R: 2    a 5 {1}    big 9 {2}    s 4 {1}    t 4 {1}
        let problem = try makeProblem(
            ["R": 2], .job("a", 5, needs: ["R": 1]), .job("big", 5, after: ["gate"], needs: ["R": 2]), .job("gate", 1),
            .job("s", 4, needs: ["R": 1]), .job("t", 4, needs: ["R": 1]))
        var run = Run(problem)
        #expect(run.start() == ["start gate", "start a", "start s", "t waits for R"])
        #expect(run.ended("gate", now: 1) == ["big waits for R"])
        // The turn of `big` is at 5. `s` ends early, and `t` would now end at 6.
        #expect(run.ended("s", now: 2) == [])
        // `a` is overdue; nothing passes that is expected to take any time.
        #expect(run.ended("a", now: 9) == ["start big"])
        #expect(run.ended("big", now: 14) == ["start t"])
        #expect(run.ended("t", now: 18) == ["finished"])
        #expect(run.dispatcher.isFinished)
    }

    @Test("While all are held nothing starts, each that could says so once, and then the most urgent goes first")
    func held() throws {
        let problem = try makeProblem(
            ["R": 2], .job("a", 1, needs: ["R": 1]), .job("b", 3, requires: ["a"], needs: ["R": 1]),
            .job("c", 5, after: ["a"], needs: ["R": 2]), .job("d", 1, needs: ["R": 1]))
        var run = Run(problem)
        #expect(run.start() == ["start a", "start d"])
        #expect(run.hold(now: 0) == [])
        #expect(run.ended("a", now: 1) == ["c is held", "b is held"])
        #expect(run.ended("d", now: 1) == [])
        #expect(run.goOn(now: 2) == ["start c", "b waits for R"])
        #expect(run.hold(now: 3) == ["b is held"])
        #expect(run.cancel(now: 4) == ["end b: cancelled, cancelled"])
        #expect(run.ended("c", now: 5) == ["finished"])
    }

    @Test("A run that is held before it begins starts nothing until it goes on")
    func heldBefore() throws {
        let problem = try makeProblem([:], .job("a", 1), .job("b", 1, after: ["a"]))
        var run = Run(problem)
        #expect(run.hold(now: 0) == [])
        #expect(run.start() == ["a is held"])
        #expect(run.goOn(now: 1) == ["start a"])
        var other = Run(problem)
        #expect(other.hold(now: 0) == [])
        #expect(other.goOn(now: 0) == [])
        #expect(other.start() == ["start a"])
    }

    @Test("Where there is less of a capacity from now on, nothing starts until it fits; where there is more, at once")
    func capacity() throws {
        let problem = try makeProblem(
            ["R": 2], .job("a", 4, needs: ["R": 1]), .job("b", 3, needs: ["R": 1]), .job("c", 2, needs: ["R": 1]),
            .job("d", 1, needs: ["R": 1]))
        var run = Run(problem)
        #expect(run.start() == ["start a", "start b", "c waits for R", "d waits for R"])
        #expect(run.set("R", to: 1, now: 0) == (1, []))
        #expect(run.ended("b", now: 3) == [])
        #expect(run.ended("a", now: 4) == ["start c"])
        #expect(run.set("R", to: 5, now: 4) == (5, ["start d"]))
        #expect(run.set("S", to: 5, now: 4) == (nil, []))
    }

    @Test("There is never less of a capacity than a job needs that is still to come")
    func capacityOfLargest() throws {
        let problem = try makeProblem(
            ["R": 3], .job("a", 4, needs: ["R": 3]), .job("b", 3, after: ["a"], needs: ["R": 2]))
        var run = Run(problem)
        #expect(run.start() == ["start a"])
        #expect(run.set("R", to: 1, now: 0) == (2, []))
        #expect(run.ended("a", now: 4) == ["start b"])
        #expect(run.set("R", to: 1, now: 4) == (1, []))
        #expect(run.ended("b", now: 7) == ["finished"])
    }

    @Test("Capacities that change at random leave every job its turn")
    func randomCapacities() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let jobs = (0..<20).map { index in
                JobDescription(
                    id: "j\(index)", duration: Double.random(in: 1...9, using: &generator),
                    demand: [NamedAmount("R", Double(Int.random(in: 0...4, using: &generator)))])
            }
            var builder = ProblemBuilder()
            try builder.add(capacity: "R", 4)
            for job in jobs { try builder.add(job) }
            let problem = try builder.build()
            var dispatcher = Dispatcher(problem)
            var running: [JobIndex] = []
            var now = 0.0
            var isFinished = false
            func take(_ actions: [Dispatcher.Action]) {
                for action in actions {
                    if case .start(let job) = action { running.append(job) }
                    if case .finished = action { isFinished = true }
                }
            }
            take(dispatcher.start(now: now))
            while !isFinished {
                now += 1
                if Bool.random(using: &generator) {
                    let amount = Double(Int.random(in: 0...6, using: &generator))
                    take(dispatcher.setCapacity("R", to: amount, now: now).actions)
                }
                guard !running.isEmpty else {
                    Issue.record("nothing runs and not all have ended, seed \(seed)")
                    return
                }
                let index = Int.random(in: 0..<running.count, using: &generator)
                take(dispatcher.ended([.init(running.remove(at: index), .succeeded)], now: now))
            }
        }
    }

    @Test("A run without jobs is finished at once")
    func empty() throws {
        var run = Run(try makeProblem())
        #expect(run.start() == ["finished"])
    }
}
