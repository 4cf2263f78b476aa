import Scheduling
import Testing
import UpdateModel

struct ScheduleTests {
    @Test("Jobs start when the last of their predecessors has ended")
    func diamond() throws {
        //    ┌─► b 5 ─┐
        //  a 2        ├─► d 1
        //    └─► c 3 ─┘
        let problem = try makeProblem(
            [:], .job("a", 2), .job("b", 5, after: ["a"]), .job("c", 3, requires: ["a"]),
            .job("d", 1, after: ["b"], requires: ["c"]))
        let schedule = Schedule(of: problem)
        #expect(problem.lines(of: schedule) == ["a 0…2", "b 2…7 (a)", "c 2…5 (requires a)", "d 7…8 (b)"])
        #expect(schedule.entries.map(\.wave) == [0, 1, 1, 2])
        #expect(schedule.makespan == 8)
        #expect(schedule.criticalPath.map(problem.id) == ["a", "b", "d"])
    }

    @Test("Of predecessors that end together, a requirement is what the start waited for")
    func requirementFirst() throws {
        //  a 2 ─(after)──┬─► c
        //  b 2 ─requires─┘
        let problem = try makeProblem([:], .job("a", 2), .job("b", 2), .job("c", 1, after: ["a"], requires: ["b"]))
        #expect(problem.lines(of: Schedule(of: problem)).last == "c 2…3 (requires b)")
    }

    @Test("Two jobs that share a mutex never overlap, and the one with more behind it goes first")
    func mutex() throws {
        //  a 2 [m]
        //  b 1 [m] ─► c 9
        let problem = try makeProblem(
            [:], .job("a", 2, holds: ["m"]), .job("b", 1, holds: ["M"]), .job("c", 9, after: ["b"]))
        let schedule = Schedule(of: problem)
        #expect(problem.lines(of: schedule) == ["b 0…1", "c 1…10 (b)", "a 1…3 (m of b)"])
        #expect(schedule.criticalPath.map(problem.id) == ["b", "c"])
    }

    @Test("A dependency between jobs that share a mutex is no cycle")
    func mutexIsNoEdge() throws {
        //  a 1 [m] ─► b 1 [m]
        let problem = try makeProblem([:], .job("b", 1, requires: ["a"], holds: ["m"]), .job("a", 1, holds: ["m"]))
        #expect(problem.lines(of: Schedule(of: problem)) == ["a 0…1", "b 1…2 (requires a)"])
    }

    @Test("A mutex that must be free delays a start and is not taken")
    func freeMutex() throws {
        //  a 3 [m]      b 2 (m free)      c 2 (m free)
        let problem = try makeProblem(
            [:], .job("a", 3, holds: ["m"]), .job("b", 2, free: ["m"]), .job("c", 2, free: ["m"]))
        #expect(problem.lines(of: Schedule(of: problem)) == ["a 0…3", "b 3…5 (m of a)", "c 3…5 (m of a)"])
    }

    @Test("A mutex that must be free at the start may be taken by others afterwards")
    func freeMutexAfterStart() throws {
        //  a 9 (m free)      b 3 [m]
        let problem = try makeProblem([:], .job("a", 9, free: ["m"]), .job("b", 3, holds: ["m"]))
        #expect(problem.lines(of: Schedule(of: problem)) == ["a 0…9", "b 0…3"])
    }

    @Test("No more of a capacity is in use than there is, fractions included")
    func capacity() throws {
        var builder = ProblemBuilder()
        try builder.add(capacity: "cpus", 1)
        for index in 0..<11 { try builder.add(.job("j\(index)", 1, needs: ["cpus": 0.1])) }
        let schedule = Schedule(of: try builder.build())
        #expect(schedule.entries.map(\.start) == Array(repeating: 0, count: 10) + [1])
    }

    @Test("The job that was lacking a capacity is told so, and from whom it got it")
    func capacityCause() throws {
        //  d1 3 [download]     d2 2 [download]     d3 1 [download], two at a time, three steps in all
        let problem = try makeProblem(
            ["parallel": 3, "downloads": 2], .job("d1", 3, needs: ["parallel": 1, "downloads": 1]),
            .job("d2", 2, needs: ["parallel": 1, "downloads": 1]),
            .job("d3", 1, needs: ["parallel": 1, "downloads": 1]))
        let schedule = Schedule(of: problem)
        #expect(problem.lines(of: schedule) == ["d1 0…3", "d2 0…2", "d3 2…3 (downloads of d2)"])
        #expect(schedule.criticalPath.map(problem.id) == ["d1"])
    }

    @Test("The critical path goes through what a start really waited for, without gaps")
    func criticalPathThroughMutex() throws {
        //  a 5 [m]      b 3 [m] ─► c 1
        let problem = try makeProblem(
            [:], .job("a", 5, holds: ["m"]), .job("b", 3, holds: ["m"]), .job("c", 1, after: ["b"]))
        let schedule = Schedule(of: problem)
        #expect(schedule.criticalPath.map(problem.id) == ["a", "b", "c"])
        #expect(schedule.makespan == 9)
    }

    @Test("A small job passes a large one that does not fit, where it ends before its turn")
    func backfill() throws {
        //  R: 3      a 4 {2}      big 3.5 {3}      small 3 {1}
        let problem = try makeProblem(
            ["R": 3], .job("a", 4, needs: ["R": 2]), .job("big", 3.5, needs: ["R": 3]),
            .job("small", 3, needs: ["R": 1]))
        #expect(problem.lines(of: Schedule(of: problem)) == ["a 0…4", "small 0…3", "big 4…7 (R of a)"])
    }

    @Test("A small job that would delay the reserved turn waits, however much is free")
    func reservation() throws {
        //  R: 3      a 10 {2}      big 9 {3}      gate 5 ─► long 8 {1}
        //  At 5 `long` fits beside `a`, but would hold its part beyond 10, when `big` can have all.
        let problem = try makeProblem(
            ["R": 3], .job("a", 10, needs: ["R": 2]), .job("big", 9, needs: ["R": 3]),
            .job("long", 8, after: ["gate"], needs: ["R": 1]), .job("gate", 5))
        #expect(
            problem.lines(of: Schedule(of: problem))
                == ["gate 0…5", "a 0…10", "big 10…19 (R of a)", "long 19…27 (R of big)"])
    }

    @Test("A job may pass beyond the turn where it takes nothing that is needed then")
    func spare() throws {
        //  R: 4      a 10 {3}      big 9 {3}      long 8 {1}
        let problem = try makeProblem(
            ["R": 4], .job("a", 10, needs: ["R": 3]), .job("big", 9, needs: ["R": 3]), .job("long", 8, needs: ["R": 1]))
        #expect(problem.lines(of: Schedule(of: problem)) == ["a 0…10", "long 0…8", "big 10…19 (R of a)"])
    }

    @Test("A mutex that the reserved job will need is not taken beyond its turn")
    func reservedMutex() throws {
        //  big needs m and n; a holds m until 10; n is free.
        let problem = try makeProblem(
            [:], .job("a", 10, holds: ["m"]), .job("big", 9, holds: ["m", "n"]), .job("long", 8, holds: ["n"]),
            .job("late", 7, after: ["gate"], holds: ["n"]), .job("gate", 4))
        #expect(
            problem.lines(of: Schedule(of: problem))
                == [
                    "gate 0…4", "a 0…10", "long 0…8", "big 10…19 (m of a)", "late 19…26 (n of big)",
                ])
    }

    @Test("A stream of small jobs does not starve a large one")
    func noStarvation() throws {
        var builder = ProblemBuilder()
        try builder.add(capacity: "R", 2)
        //  R: 2      gate 3 ─► big 3 {2}      offset 1 {1}      s0 … s59 2 {1}
        //  The small ones are staggered, so that at no instant both parts become free by themselves.
        try builder.add(.job("offset", 1, needs: ["R": 1]))
        for index in 0..<60 { try builder.add(.job("s\(index)", 2, needs: ["R": 1])) }
        try builder.add(.job("big", 3, after: ["gate"], needs: ["R": 2]))
        try builder.add(.job("gate", 3))
        let problem = try builder.build()
        let big = Schedule(of: problem).entries.first { problem.id(of: $0.job) == "big" }
        #expect((big?.start ?? .infinity) <= 5)
    }

    @Test("Jobs of no duration run in order at one instant")
    func zeroDurations() throws {
        let problem = try makeProblem(
            ["R": 1], .job("a", 0, needs: ["R": 1]), .job("b", 0, after: ["a"], needs: ["R": 1]),
            .job("c", 0, after: ["b"]))
        let schedule = Schedule(of: problem)
        #expect(problem.lines(of: schedule) == ["a 0…0", "b 0…0 (a)", "c 0…0 (b)"])
        #expect(schedule.entries.map(\.wave) == [0, 0, 0])
        #expect(schedule.makespan == 0)
    }

    @Test("Nothing to do is a plan without steps")
    func empty() throws {
        let schedule = Schedule(of: try makeProblem())
        #expect(schedule.entries.isEmpty && schedule.criticalPath.isEmpty && schedule.makespan == 0)
    }

    @Test("The plan does not depend on the order in which jobs are given")
    func orderOfInput() throws {
        let jobs: [JobDescription] = [
            .job("a", 3, holds: ["m"]), .job("b", 3, holds: ["m"]), .job("c", 3, needs: ["R": 1]),
            .job("d", 3, needs: ["R": 1]),
        ]
        func plan(_ jobs: [JobDescription]) throws -> [String] {
            var builder = ProblemBuilder()
            try builder.add(capacity: "R", 1)
            for job in jobs { try builder.add(job) }
            let problem = try builder.build()
            return problem.lines(of: Schedule(of: problem))
        }
        #expect(try plan(jobs) == plan(jobs.reversed()))
    }

    @Test("Another priority list is followed")
    func givenOrder() throws {
        let problem = try makeProblem(["R": 1], .job("a", 1, needs: ["R": 1]), .job("b", 5, needs: ["R": 1]))
        let order = PriorityOrder([problem.job("a"), problem.job("b")])
        #expect(problem.lines(of: Schedule(of: problem, order: order)).first == "a 0…1")
    }
}
