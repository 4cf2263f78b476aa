import Glibc
import JSONDocument
import LinuxSystem
import Testing

/// `status`, `pause`, `resume` and `cancel`, as their users see them.
@Suite(.timeLimit(.minutes(2)))
struct SteeringTests {
    let site: Site
    init() throws { site = try Site() }

    private func ask(_ command: String, _ arguments: String...) throws -> Ended {
        try site.start([command, "--state-dir", "\(site.path)/state"] + arguments).finish()
    }

    /// A run in the middle of a step, with another one behind it.
    private func begunRun(_ arguments: [String] = ["--ui", "plain"]) throws -> (Program, Signpost) {
        let (begun, gate) = (try site.signpost("begun"), try site.signpost("gate"))
        try site.plugin("one", update: "\(begun.say("begun"))\n\(gate.stop)")
        try site.plugin("two", update: "echo two", manifest: "after = [\"one\"]")
        let program = try site.start(["run", "--yes"] + arguments + site.places)
        _ = try begun.next()
        return (program, gate)
    }

    @Test("a run is asked, paused, asked again and let go on; its display tells each")
    func course() throws {
        let (program, gate) = try begunRun()
        let status = try ask("status", "--format", "json")
        #expect(status.code == 0, "\(status.errorText)")
        let running = try JSONValue(parsing: status.output)
        #expect(running["state"]?.stringValue == "running" && running["pid"]?.integerValue == Int64(program.pid))
        #expect(try ask("pause").text.contains("frozen: one/execute"))
        let paused = try ask("status")
        #expect(paused.text.contains("Paused by ") && paused.text.contains("frozen"), "\(paused.text)")
        #expect(paused.text.contains("waits for one/execute"))
        #expect(try ask("resume").code == 0)
        try gate.letGo()
        let ended = try program.finish()
        #expect(ended.code == 0)
        #expect(ended.text.contains("update-all: paused by ") && ended.text.contains("update-all: resumed by "))
        #expect(ended.text.contains("Paused for "))
    }

    @Test("cancel is 143 for the run; a paused one ends, too, and nothing is left")
    func cancel() throws {
        let (program, gate) = try begunRun()
        defer { withExtendedLifetime(gate) {} }
        #expect(try ask("pause").code == 0)
        let cancelled = try ask("cancel")
        #expect(cancelled.code == 0 && cancelled.text.contains("is told to end"))
        #expect(try program.finish().code == 128 + SIGTERM)
        #expect(access("\(site.path)/state/current", F_OK) != 0)
    }

    @Test("cancel while the person is asked ends the run, and nothing is run")
    func cancelAtTheQuestion() throws {
        try site.plugin("one", update: "touch \(site.path)/ran")
        let program = try site.start("run", streams: .terminal)
        try program.wait(for: "the question") { $0.outputText.contains("[Y/n]") }
        #expect(try ask("status").text.contains("is preparing"))
        #expect(try ask("cancel").code == 0)
        #expect(try program.finish().code == 128 + SIGTERM)
        #expect(access("\(site.path)/ran", F_OK) != 0)
    }

    @Test("without a run status is 0 and tells of the newest, what steers is 1")
    func noRun() throws {
        #expect(try ask("status").text.hasPrefix("No run is in progress in "))
        #expect(try String(decoding: ask("status", "--format", "json").output, as: UTF8.self) == "{\"version\":1}\n")
        for command in ["pause", "resume", "cancel"] {
            let ended = try ask(command)
            #expect(ended.code == 1 && ended.errorText.contains("no run is in progress"), "\(command)")
        }
        try site.plugin("one", update: "exit 1")
        #expect(try site.run("run", "--yes").code == 1)
        let status = try ask("status")
        #expect(status.code == 0 && status.text.contains(": 1 failed."), "\(status.text)")
    }

    @Test("a run that was killed is none in progress, and is told of")
    func killed() throws {
        let (program, gate) = try begunRun()
        defer { withExtendedLifetime(gate) {} }
        let guardian = try program.children.first { $0.name == "update-all-guar" }?.pid
        program.signal(SIGKILL)
        _ = try program.finish()
        if let guardian { #expect(hasEnded(guardian, within: 10)) }
        let status = try ask("status")
        #expect(status.code == 0, "\(status.errorText)")
        #expect(status.text.contains("did not end by itself"), "\(status.text)")
        #expect(guardian == nil || status.text.contains("was killed"), "\(status.text)")
        #expect(try ask("pause").code == 1)
        // The next run takes the dead one's socket away.
        try site.script("one", "exit 0")
        #expect(try site.run("run", "--yes").code == 0)
    }

    @Test("a run that is stopped does not answer, and that is told with its process")
    func stopped() throws {
        let (program, gate) = try begunRun()
        program.signal(SIGSTOP)
        try program.waitForStop()
        let status = try ask("status")
        #expect(status.code == 1)
        #expect(status.errorText.contains("kill -CONT \(program.pid)"), "\(status.errorText)")
        program.signal(SIGCONT)
        try gate.letGo()
        #expect(try program.finish().code == 0)
    }

    @Test("another person's run is not theirs to ask", .enabled(if: geteuid() == 0, "runs as other accounts"))
    func anotherPerson() throws {
        let (program, gate) = try begunRun()
        try shell("cp '\(Site.executable)' '\(site.path)/update-all'")
        let stranger = try site.start(
            [
                "--reuid=65534", "--regid=65534", "--clear-groups", "\(site.path)/update-all", "cancel", "--state-dir",
                "\(site.path)/state",
            ],
            executable: "/usr/bin/setpriv"
        ).finish()
        #expect(stranger.code == 4)
        #expect(stranger.errorText.contains("belongs to root"), "\(stranger.errorText)")
        try gate.letGo()
        #expect(try program.finish().code == 0)
    }

    @Test("a value of the policy changes in the middle of a run, as --set has it, or is refused with the reason")
    func policy() throws {
        try site.write("policy.toml", "[run]\nparallel = 1\n")
        let (begun, gate) = (try site.signpost("begun"), try site.signpost("gate"))
        for name in ["one", "two"] { try site.plugin(name, update: "\(begun.say(name))\n\(gate.stop)") }
        let program = try site.start("run", "--yes", "--ui", "json")
        let first = try begun.next()
        func set(_ settings: String...) throws -> Ended {
            try site.start(["policy", "set", "--state-dir", "\(site.path)/state"] + settings).finish()
        }
        let misspelt = try set("run.paralel=2")
        #expect(misspelt.code == 2 && misspelt.errorText.contains("parallel"), "\(misspelt.errorText)")
        #expect(misspelt.errorText.contains("--set run.paralel=2"))
        let refused = try set("run.parallel=2", "plugin.one.run_as=root")
        #expect(
            refused.code == 2 && refused.errorText.contains("plugin.one.run_as cannot change"), "\(refused.errorText)")
        #expect(try ask("status").text.contains("waits for a free slot"), "all are taken, or none")
        let raised = try set("run.parallel=2", "step.stop_grace=3s")
        #expect(raised.code == 0, "\(raised.errorText)")
        #expect(raised.text.contains("run.parallel = 2 (was 1)"))
        #expect(raised.text.contains("for steps that start from now on: step.stop_grace"))
        #expect(try begun.next() != first)
        #expect(try set("run.parallel=2").text == "the policy says that already\n")
        try gate.letGo()
        try gate.letGo()
        let ended = try program.finish()
        #expect(ended.code == 0)
        let change = try #require(try ended.events.ofType("control").first)
        #expect(change["action"]?.stringValue == "set")
        #expect(try set("run.parallel=2").code == 1, "no run is in progress")
    }

    @Test("the compact display shows that a run is paused, by whom, and what lets it go on")
    func display() throws {
        let (begun, gate) = (try site.signpost("begun"), try site.signpost("gate"))
        try site.plugin("one", update: "\(begun.say("begun"))\n\(gate.stop)")
        let program = try site.start("run", "--yes", streams: .terminal)
        _ = try begun.next()
        #expect(try ask("pause").code == 0)
        try program.wait(for: "word of it") { $0.outputText.contains("update-all resume lets it go on") }
        #expect(program.outputText.contains("frozen"))
        #expect(try ask("resume").code == 0)
        try gate.letGo()
        #expect(try program.finish().code == 0)
    }
}
