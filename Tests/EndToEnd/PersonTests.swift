import Glibc
import JSONDocument
import Testing

/// A person whom nobody gave a control group: steps are found by what their processes cannot easily shed.
@Suite(.enabled(if: geteuid() == 0, "starts programs as other accounts: run it as root"), .timeLimit(.minutes(2)))
struct PersonTests {
    let site: Site
    init() throws { site = try Site() }

    private func start() throws -> Program { try site.startAsPerson("run", ["--yes", "--ui", "json"]) }

    @Test("Orphans of a step that end while it runs are reaped, though they have shed everything")
    func orphans() throws {
        let (begun, gate) = (try site.signpost("begun"), try site.signpost("gate"))
        try site.plugin(
            "one",
            update: """
                for i in 1 2 3 4 5; do setsid -f env -i true < /dev/null > /dev/null 2>&1; done
                setsid -f env -i sh -c '\(begun.say("last $$"))' < /dev/null > /dev/null 2>&1
                \(gate.stop)
                """)
        let program = try start()
        let last = try #require(pid_t(begun.next().dropFirst("last ".count)))
        #expect(hasEnded(last, within: 10))
        // It ended after the others, and its end is one that the program is told.
        let deadline = monotonicSeconds() + 10
        while try !zombies(of: program).isEmpty, monotonicSeconds() < deadline { poll(nil, 0, 10) }
        #expect(try zombies(of: program) == [])
        try gate.letGo()
        #expect(try program.finish().code == 0)
    }

    private func zombies(of program: Program) throws -> [String] {
        try shell("for p in $(cat /proc/\(program.pid)/task/*/children); do grep -H ^State: /proc/$p/status; done")
            .split(separator: "\n").filter { $0.contains("zombie") }.map(String.init)
    }

    @Test("What a step leaves behind is ended with it, in whatever session it is")
    func leftovers() throws {
        let begun = try site.signpost("begun")
        try site.plugin(
            "one",
            update: """
                sleep 60 & setsid -f sh -c '\(begun.say("daemon $$")); exec sleep 60' < /dev/null > /dev/null 2>&1
                \(begun.say("child $!"))
                """)
        let program = try start()
        let pids = try [begun.next(), begun.next()].compactMap { pid_t($0.split(separator: " ")[1]) }
        let ended = try program.finish()
        #expect(ended.code == 0, "\(ended.errorText)")
        for pid in pids { #expect(hasEnded(pid, within: 0)) }
    }

    @Test("One that ignores SIGTERM is killed after its grace, with its children")
    func stubborn() throws {
        let begun = try site.signpost("begun")
        try site.write("policy.toml", "[step]\nstop_grace = \"300ms\"\n")
        try site.plugin("one", update: "trap '' TERM\nsleep 60 &\n\(begun.say("child $!"))\nwhile :; do sleep 60; done")
        let program = try start()
        let child = try #require(pid_t(begun.next().dropFirst("child ".count)))
        program.signal(SIGTERM)
        let ended = try program.finish()
        #expect(ended.code == 128 + SIGTERM)
        #expect(try ended.events.outcome("one") == "cancelled")
        #expect(hasEnded(child, within: 0))
    }

    @Test("Directories that a step has forbidden to write or enter are removed all the same")
    func forbiddenDirectories() throws {
        try site.plugin(
            "one",
            update: "mkdir -p cache/module closed/in\ntouch cache/module/file\nchmod -R a-w cache\nchmod 0 closed")
        #expect(try start().finish().code == 0)
        #expect(try shell("ls '\(site.path)/state/tmp'") == "")
    }

    @Test("A paused step's processes are stopped, each of them, and go on when it is resumed")
    func paused() throws {
        let begun = try site.signpost("begun")
        try site.plugin("one", update: "sleep 60 &\n\(begun.say("pids $$ $!"))\nwait; echo ended")
        let program = try start()
        let pids = try begun.next().split(separator: " ").compactMap { pid_t($0) }
        func states() throws -> String { try shell("cut -d' ' -f3 /proc/\(pids[0])/stat /proc/\(pids[1])/stat") }
        func ask(_ command: String) throws -> Ended {
            try site.start([command, "--state-dir", "\(site.path)/state"]).finish()
        }
        #expect(try ask("pause").text.contains("frozen: one/execute"))
        #expect(try states() == "T\nT\n")
        #expect(try ask("resume").code == 0)
        kill(pids[1], SIGTERM)
        #expect(try program.finish().code == 0)
    }

    @Test("After kill -9 no process of a step lives two seconds later")
    func killed() throws {
        let begun = try site.signpost("begun")
        try site.plugin("one", update: "sleep 60 &\n\(begun.say("pids $$ $!"))\nwait")
        let program = try start()
        let pids = try begun.next().split(separator: " ").compactMap { pid_t($0) }
        program.signal(SIGKILL)
        let killedAt = monotonicSeconds()
        for pid in pids { #expect(hasEnded(pid, within: max(0, killedAt + 2 - monotonicSeconds()))) }
        #expect(pids.count == 2)
    }
}
