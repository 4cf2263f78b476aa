import Scheduling
import Testing
import UpdateModel

struct ProblemBuilderTests {
    private func message(_ make: () throws(ProblemError) -> Problem) -> String {
        do throws(ProblemError) {
            _ = try make()
            return "no error"
        } catch {
            return error.description
        }
    }

    @Test("A cycle is told from its first name on, each job followed by one that it waits for")
    func cycle() {
        //  a ◄── c ◄── b ◄── a,   d behind it
        let text = message { () throws(ProblemError) in
            try makeProblem(
                [:], .job("d", 1, after: ["c"]), .job("c", 1, after: ["a"]), .job("b", 1, after: ["c"]),
                .job("a", 1, after: ["b"]))
        }
        #expect(text == "dependency cycle: a → b → c → a")
        #expect(
            message { () throws(ProblemError) in try makeProblem([:], .job("x", 1, after: ["x"])) }
                == "dependency cycle: x → x")
    }

    @Test("A predecessor that does not exist is named, with the name that was probably meant")
    func unknownPredecessor() {
        let text = message { () throws(ProblemError) in
            try makeProblem([:], .job("fetch", 1), .job("b", 1, after: ["fecth"]))
        }
        #expect(text == #"job "b" comes after "fecth", which does not exist (did you mean "fetch"?)"#)
        #expect(
            message { () throws(ProblemError) in try makeProblem([:], .job("b", 1, after: ["nowhere"])) }
                == #"job "b" comes after "nowhere", which does not exist"#)
    }

    @Test("A demand that can never be met is named with what there is")
    func impossible() {
        let text = message { () throws(ProblemError) in try makeProblem(["R1": 12], .job("d", 1, needs: ["R1": 20])) }
        #expect(text == #"job "d" needs R1=20, but only 12 exist"#)
    }

    @Test("A capacity that is not given is named, with the one that was probably meant")
    func unknownCapacity() {
        let text = message { () throws(ProblemError) in
            try makeProblem(["memory": 1], .job("d", 1, needs: ["memroy": 1]))
        }
        #expect(text == #"job "d" needs memroy, but there is no such capacity (did you mean "memory"?)"#)
    }

    @Test("What is given twice is an error")
    func twice() {
        #expect(
            message { () throws(ProblemError) in try makeProblem([:], .job("a", 1), .job("a", 2)) }
                == #"job "a" is given twice"#)
        #expect(
            message { () throws(ProblemError) in try makeProblem(["R": 1, "R": 2]) }
                == #"capacity "R" is given twice"#)
        #expect(
            message { () throws(ProblemError) in try makeProblem(["R": 3], .job("a", 1, needs: ["R": 1, "R": 1])) }
                == #"job "a" gives its demand of R twice"#)
    }

    @Test("Numbers that are negative, infinite or none at all are errors", arguments: [-1.0, .infinity, .nan])
    func badNumbers(_ bad: Double) {
        #expect(message { () throws(ProblemError) in try makeProblem([:], .job("a", bad)) }.contains("a duration of"))
        #expect(message { () throws(ProblemError) in try makeProblem(["R": bad]) }.contains("capacity R is"))
        #expect(
            message { () throws(ProblemError) in try makeProblem(["R": 1], .job("a", 1, needs: ["R": bad])) }
                .contains("needs R="))
    }

    @Test("A problem gives back what went into it")
    func accessors() throws {
        let problem = try makeProblem(
            ["R": 4, "memory": 5e12],
            .job(
                "b", 2.5, requires: ["a"], holds: ["M", "m", "n"], free: ["x", "N"], needs: ["R": 0.3, "memory": 1e12]),
            .job("a", 1, needs: ["R": 0]))
        let (a, b) = (problem.job("a"), problem.job("b"))
        #expect(problem.jobCount == 2 && problem.duration(of: b) == 2.5)
        #expect(Array(problem.predecessors(of: b)) == [Edge(job: a, kind: .requires)])
        #expect(Array(problem.successors(of: a)) == [Edge(job: b, kind: .requires)])
        #expect(problem.mutexes(of: b) == ["M", "n"])
        #expect(problem.freeMutexes(of: b) == ["x"])
        #expect(problem.demand(of: b) == [NamedAmount("R", 0.3), NamedAmount("memory", 1e12)])
        #expect(problem.demand(of: a).isEmpty)
    }
}
