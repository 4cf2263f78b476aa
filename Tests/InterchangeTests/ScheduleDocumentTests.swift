import Interchange
import Scheduling
import Testing

@Suite struct ScheduleDocumentTests {
    //  a (3 s, R 2) ─► c (1 s)
    //  b (2.5 s, R 2, mutex m)      R is 3, so b waits for a
    private let text = """
        {"capacities":{"R":3},"jobs":[
          {"id":"c","duration_seconds":1,"after":["a"]},
          {"id":"a","duration_seconds":3,"demand":{"R":2}},
          {"id":"b","duration_seconds":2.5,"demand":{"R":2},"mutexes":["m"]}]}
        """

    @Test("A schedule has the form of a plan, with the problem's names")
    func document() throws {
        let problem = try readProblem(Array(text.utf8))
        var bytes = Array("before\n".utf8)
        appendLine(of: Schedule(of: problem), of: problem, to: &bytes)
        let expected =
            #"{"version":1,"makespan_seconds":5.5,"makespan_low":5.5,"makespan_high":5.5,"critical_path":["a","b"],"#
            + #""steps":[{"id":"a","after":[],"mutexes":[],"demand":{"R":2},"start_seconds":0,"#
            + #""duration_seconds":3,"duration_low":3,"duration_high":3,"wave":0},"#
            + #"{"id":"b","after":[],"mutexes":["m"],"demand":{"R":2},"start_seconds":3,"#
            + #""duration_seconds":2.5,"duration_low":2.5,"duration_high":2.5,"wave":1},"#
            + #"{"id":"c","after":["a"],"mutexes":[],"demand":{},"start_seconds":3,"#
            + #""duration_seconds":1,"duration_low":1,"duration_high":1,"wave":1}],"skipped":[]}"#
        #expect(String(decoding: bytes, as: UTF8.self) == "before\n" + expected + "\n")
    }
}
