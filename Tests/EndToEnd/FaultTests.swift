import Glibc
import JSONDocument
import Testing

/// What a run survives: signals, kills, and the death of its companions.
@Suite(.timeLimit(.minutes(2)))
struct FaultTests {
    let site: Site
    init() throws { site = try Site() }

    /// A commit that says where it is, and goes on when it may.
    private func commit(_ begun: Signpost, _ gate: Signpost) throws {
        try site.plugin(
            "commit", update: "echo first\n\(begun.say("commit $$"))\n\(gate.stop)\necho last",
            manifest: "protected_phases = [\"execute\"]")
    }

    @Test("a commit survives Ctrl-C and is waited for")
    func commitAndInterrupt() throws {
        let (begun, gate) = (try site.signpost("begun"), try site.signpost("gate"))
        try commit(begun, gate)
        let program = try site.start("run", "--yes", "--ui", "json")
        _ = try begun.next()
        program.signal(SIGINT)
        try program.wait(for: "word that it is asked to stop") { try !$0.events.ofType("stopping").isEmpty }
        program.signal(SIGINT)
        try gate.letGo()
        let ended = try program.finish()
        #expect(ended.code == 130)
        #expect(try ended.events.outcome("commit") == "succeeded")
        #expect(try site.read("\(site.runDirectory)/commit.execute.log") == Array("first\nlast\n".utf8))
    }

    @Test("a commit beyond its time is told as overdue and waited for")
    func commitAndTimeout() throws {
        let (begun, gate) = (try site.signpost("begun"), try site.signpost("gate"))
        try commit(begun, gate)
        let program = try site.start("run", "--yes", "--ui", "json", "--timeout", "1s")
        try program.wait(for: "word that it is overdue") { program in
            try program.events.ofType("limit", plugin: "commit").contains { $0["control"]?.stringValue == "timeout" }
        }
        try gate.letGo()
        let ended = try program.finish()
        #expect(ended.code == 0)
        #expect(try ended.events.outcome("commit") == "succeeded")
    }

    @Test("a run goes on when its terminal is closed")
    func hangUp() throws {
        let (begun, gate) = (try site.signpost("begun"), try site.signpost("gate"))
        try site.plugin("one", update: "\(begun.say("begun"))\n\(gate.stop)")
        let program = try site.start("run", "--yes", "--ui", "json")
        _ = try begun.next()
        program.signal(SIGHUP)
        try program.wait(for: "word of it") { try !$0.events.ofType("error").isEmpty }
        try gate.letGo()
        let ended = try program.finish()
        #expect(ended.code == 0)
        #expect(try ended.events.outcome("one") == "succeeded")
    }

    @Test("after kill -9 the unprotected is gone in two seconds, a commit ends whole, and the next run tells")
    func killed() throws {
        let (begun, gate) = (try site.signpost("begun"), try site.signpost("gate"))
        try commit(begun, gate)
        try site.plugin("plain", update: "sleep 60 &\n\(begun.say("plain $$ $!"))\nwait")
        let program = try site.start("run", "--yes", "--jobs", "2")
        var processes: [String: [pid_t]] = [:]
        for _ in 0..<2 {
            let words = try begun.next().split(separator: " ")
            processes[String(words[0])] = words.dropFirst().compactMap { pid_t($0) }
        }
        program.signal(SIGKILL)
        let killedAt = monotonicSeconds()
        for pid in try #require(processes["plain"]) {
            #expect(hasEnded(pid, within: max(0, killedAt + 2 - monotonicSeconds())))
        }
        let commit = try #require(processes["commit"]?.first)
        #expect(!hasEnded(commit, within: 0))
        #expect(try program.finish().signal == SIGKILL)
        let directory = try site.runDirectory

        // A run meanwhile says that it goes on, and leaves its report for the one after its end.
        let meanwhile = try site.run("run", "--yes", "--only", "plain", "--dry-run")
        #expect(meanwhile.errorText.contains("still goes on"), "\(meanwhile.errorText)")

        try gate.letGo()
        #expect(hasEnded(commit, within: 10))
        let log = try waitedLog("\(directory)/commit.execute.log", endingWith: "last\n")
        #expect(log == Array("first\nlast\n".utf8))
        try site.script("commit", "exit 0")
        try site.script("plain", "exit 0")
        let next = try site.start("run", "--yes").finish()
        #expect(next.code == 0, "\(next.errorText)")
        #expect(next.errorText.contains("was killed"), "\(next.errorText)")
        #expect(next.errorText.contains("plain/execute"), "\(next.errorText)")
        #expect(next.errorText.contains("commit/execute of that run went on"), "\(next.errorText)")
    }

    /// A log's bytes, once they end so: the guardian writes them a moment after the commit's end.
    private func waitedLog(_ path: String, endingWith end: String) throws -> [UInt8] {
        let follower = try site.start(["-n", "+1", "-f", path], executable: "/usr/bin/tail")
        try follower.wait(limit: 5, for: "the log's end") { $0.outputText.hasSuffix(end) }
        return follower.output
    }

    @Test("a guardian that is killed is told of and replaced, and the run goes on")
    func guardianKilled() throws {
        let (begun, gate) = (try site.signpost("begun"), try site.signpost("gate"))
        try site.plugin("one", update: "\(begun.say("begun"))\n\(gate.stop)")
        let program = try site.start("run", "--yes", "--ui", "json")
        _ = try begun.next()
        let guardian = try #require(try program.children.first { $0.name == "update-all-guar" })
        kill(guardian.pid, SIGKILL)
        try program.wait(for: "word of it") { try !$0.events.ofType("error").isEmpty }
        try gate.letGo()
        let ended = try program.finish()
        #expect(ended.code == 0)
        #expect(try ended.events.ofType("error").contains { $0["error"]?.stringValue?.contains("guardian") == true })
        #expect(try ended.events.outcome("one") == "succeeded")
    }
}
