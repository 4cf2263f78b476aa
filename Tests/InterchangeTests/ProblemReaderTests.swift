import Interchange
import JSONDocument
import Scheduling
import Testing

@Suite struct ProblemReaderTests {
    @Test("A problem is read with its jobs in order, in whatever order its keys come")
    func reads() throws {
        let text = """
            {"jobs": [
               {"id": "a", "duration_seconds": 3, "after": ["b"], "mutexes": ["m", "n"], "demand": {"R1": 2, "R2": 0.5}},
               {"duration_seconds": 1.5, "id": "b"}
             ],
             "capacities": {"R1": 12, "R2": 4}}
            """
        let problem = try readProblem(Array(text.utf8))
        let jobs = Array(problem.jobs)
        #expect(jobs.map { problem.id(of: $0) } == ["a", "b"])
        #expect(jobs.map { problem.duration(of: $0) } == [3, 1.5])
        #expect(Array(problem.predecessors(of: jobs[0])) == [Edge(job: jobs[1], kind: .after)])
        #expect(problem.mutexes(of: jobs[0]) == ["m", "n"])
        #expect(problem.demand(of: jobs[0]) == [NamedAmount("R1", 2), NamedAmount("R2", 0.5)])
        #expect(problem.mutexes(of: jobs[1]).isEmpty)
        #expect(problem.demand(of: jobs[1]).isEmpty)
    }

    @Test("A problem without jobs and one without capacities are valid")
    func empty() throws {
        #expect(try readProblem(Array(#"{"jobs":[]}"#.utf8)).jobCount == 0)
        #expect(try readProblem(Array(#"{"jobs":[{"id":"","duration_seconds":0}]}"#.utf8)).jobCount == 1)
    }

    static let invalid: [(String, String)] = [
        ("[]", "1:1: expected an object, found an array"),
        ("{}", #"1:1: the problem has no "jobs""#),
        (#"{"jobs":[]} x"#, "1:13: expected the end of the text, found 'x'"),
        (#"{"jobs":{}}"#, "1:9: expected an array, found an object"),
        (#"{"jobs":[],"jobs":[]}"#, #"1:12: the key "jobs" comes twice"#),
        (#"{"job":[]}"#, #"1:2: unknown key "job" (did you mean "jobs"?)"#),
        (#"{"version":1}"#, #"1:2: unknown key "version"; the keys here are capacities, jobs"#),
        ("{\"jobs\":[\n{\"duration_seconds\":1}]}", #"2:1: a job has no "id""#),
        ("{\"jobs\":[\n {\"id\":\"a\"}]}", #"2:2: job "a" has no "duration_seconds""#),
        (#"{"jobs":[{"id":7}]}"#, "1:16: expected a string, found a number"),
        (#"{"jobs":[{"id":"a","duration_seconds":"1"}]}"#, "1:39: expected a number, found a string"),
        (#"{"jobs":[{"id":"a","duration_seconds":-1}]}"#, "1:10: job \"a\" has a duration of -1 s"),
        (#"{"jobs":[{"id":"a","duration":1}]}"#, #"1:20: unknown key "duration"; the keys here are id, dur"#),
        (#"{"jobs":[{"id":"a","afetr":[]}]}"#, #"1:20: unknown key "afetr" (did you mean "after"?)"#),
        (#"{"jobs":[{"id":"a","after":"b"}]}"#, "1:28: expected an array, found a string"),
        (#"{"jobs":[{"id":"a","after":[null]}]}"#, "1:29: expected a string, found null"),
        (#"{"jobs":[{"id":"a","demand":{"R":true}}]}"#, "1:34: expected a number, found true"),
        (#"{"jobs":[{"id":"a","demand":{"R":1,"R":2}}]}"#, #"1:36: the key "R" comes twice"#),
        (
            "{\"capacities\":{" + (0..<40).map { "\"R\($0)\":1" }.joined(separator: ",") + ",\n\"R30\":1}}",
            #"2:1: the key "R30" comes twice"#
        ),
        (#"{"capacities":{"R":-3},"jobs":[]}"#, "1:20: capacity R is -3"),
        (#"{"jobs":[{"id":"a","duration_seconds":1},{"id":"a","duration_seconds":1}]}"#, #"1:42: job "a" is given"#),
    ]

    @Test("What is wrong with the text or with one job is named with line and column", arguments: invalid)
    func refuses(text: String, description: String) {
        let error = #expect(throws: JSONError.self) { try readProblem(Array(text.utf8)) }
        #expect(error?.description.hasPrefix(description) == true, "\(error as Any)")
    }

    @Test("What is wrong between jobs is the scheduler's error")
    func refusesTogether() {
        let cycle =
            #"{"jobs":[{"id":"a","duration_seconds":1,"after":["b"]},{"id":"b","duration_seconds":1,"after":["a"]}]}"#
        let error = #expect(throws: ProblemError.self) { try readProblem(Array(cycle.utf8)) }
        #expect(error?.description.hasPrefix("dependency cycle: ") == true)
        let greedy = #"{"capacities":{"R1":12},"jobs":[{"id":"d","duration_seconds":1,"demand":{"R1":20}}]}"#
        let demand = #expect(throws: ProblemError.self) { try readProblem(Array(greedy.utf8)) }
        #expect(demand?.description == "job \"d\" needs R1=20, but only 12 exist")
    }
}
