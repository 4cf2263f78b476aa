import Glibc
import JSONDocument
import Testing

/// The table "Exit codes" of the contract, one by one.
@Suite(.timeLimit(.minutes(2)))
struct ExitCodeTests {
    let site: Site
    init() throws { site = try Site() }

    @Test("nothing to do is 0")
    func nothing() throws {
        try site.plugin("absent", manifest: "", tables: "")
        try site.write(
            "plugins/absent.toml",
            "name = \"absent\"\nexecutable = \"absent\"\napplicable_if = [\"no-such-program\"]\nrun_as = \"user\"\n")
        let ended = try site.run("run", "--yes")
        #expect(ended.code == 0)
        #expect(ended.text.contains("absent"))
    }

    @Test("all that was to do has succeeded: 0")
    func success() throws {
        try site.plugin("one", update: "echo done")
        #expect(try site.run("run", "--yes").code == 0)
    }

    @Test("a step that failed is 1")
    func failure() throws {
        try site.plugin("one", update: "exit 7")
        let events = try site.events(code: 1)
        #expect(events.ofType("completion", plugin: "one").first?["exit_code"]?.integerValue == 7)
    }

    @Test("an option that does not exist is 2")
    func usage() throws { #expect(try site.run("run", "--no-such-option").code == 2) }

    @Test("an invalid policy is 2, its place is told, and nothing is run")
    func invalidPolicy() throws {
        try site.plugin("one", update: "touch \(site.path)/ran")
        try site.write("policy.toml", "description = \"d\"\n[step]\nmemory_hihg = \"1G\"\n")
        let ended = try site.run("run", "--yes")
        #expect(ended.code == 2)
        #expect(ended.errorText.contains("policy.toml:3:1"), "\(ended.errorText)")
        #expect(ended.errorText.contains("memory_high"))
        #expect(ended.output.isEmpty)
        #expect(access("\(site.path)/ran", F_OK) != 0)
    }

    @Test("an unknown plugin is 2, with the one that was meant")
    func unknownPlugin() throws {
        try site.plugin("flatpak")
        let ended = try site.run("run", "flatpack", "--yes")
        #expect(ended.code == 2)
        #expect(ended.errorText.contains("did you mean \"flatpak\"?"))
    }

    @Test("nobody to ask is 2: the plan is shown, and how to go on")
    func nobodyToAsk() throws {
        try site.plugin("one", update: "touch \(site.path)/ran")
        let ended = try site.run("run")
        #expect(ended.code == 2)
        #expect(ended.text.contains("one/execute"))
        #expect(ended.errorText.contains("update-all run --yes"))
        #expect(access("\(site.path)/ran", F_OK) != 0)
    }

    @Test("a broken manifest is 2, and the others run")
    func brokenManifest() throws {
        try site.plugin("good")
        try site.plugin("bad", manifest: "requirs = []")
        let events = try site.events(code: 2)
        #expect(events.outcome("good") == "succeeded")
    }

    @Test("a required limit that nothing here enforces is 3, and nothing is run")
    func unenforceable() throws {
        try site.plugin("one", update: "touch \(site.path)/ran")
        // No disk is behind /proc, so that no kernel can limit its bandwidth.
        try site.write(
            "policy.toml",
            "enforcement = \"required\"\n[step]\nio = [{ path = \"/proc\", read_bandwidth_max = \"1M\" }]\n")
        let ended = try site.run("run", "--yes")
        #expect(ended.code == 3, "\(ended.errorText)")
        #expect(access("\(site.path)/ran", F_OK) != 0)
    }

    @Test("a required limit on questions that nothing here enforces is 3, and nothing is asked")
    func unenforceableQuestion() throws {
        try site.script("one", "touch '\(site.path)/asked'; exit 0  # is-applicable")
        try site.write(
            "policy.toml",
            "enforcement = \"required\"\n[step.check]\nio = [{ path = \"/proc\", read_bandwidth_max = \"1M\" }]\n")
        let ended = try site.run("run", "--yes")
        #expect(ended.code == 3, "\(ended.errorText)")
        #expect(ended.errorText.contains("io.max") || ended.errorText.contains("io "), "\(ended.errorText)")
        #expect(access("\(site.path)/asked", F_OK) != 0)
    }

    @Test("what needs root is 4 for a person, the rest runs; with --no-sudo it is 0", arguments: [false, true])
    func needsAuthentication(withoutSudo: Bool) throws {
        try site.plugin("mine")
        try site.plugin("roots")
        let manifest = String(decoding: try site.read("plugins/roots.toml"), as: UTF8.self)
        try site.write("plugins/roots.toml", manifest.replacing("run_as = \"user\"", with: "run_as = \"root\""))
        let ended = try site.startAsPerson(
            "run", ["--yes", "--ui", "json"] + (withoutSudo ? ["--no-sudo"] : [])
        ).finish()
        #expect(ended.code == (withoutSudo ? 0 : 4), "\(ended.errorText)")
        #expect(try ended.events.outcome("roots") == "needs_auth")
        #expect(try ended.events.outcome("mine") == "succeeded")
    }

    @Test("a second run is 5, and is told who holds the lock")
    func locked() throws {
        let (begun, gate) = (try site.signpost("begun"), try site.signpost("gate"))
        try site.plugin("one", update: "\(begun.say("begun"))\n\(gate.stop)")
        let first = try site.start("run", "--yes")
        _ = try begun.next()
        let second = try site.run("run", "--yes")
        #expect(second.code == 5)
        #expect(second.errorText.contains("pid \(first.pid)"), "\(second.errorText)")
        try gate.letGo()
        #expect(try first.finish().code == 0)
    }

    @Test("a mutex that another run does not release in time is 75")
    func deferred() throws {
        let (begun, gate) = (try site.signpost("begun"), try site.signpost("gate"))
        let mutex = "[mutexes]\nupdate = [\"app:e2e-\(site.name)\"]"
        try site.plugin("one", update: "\(begun.say("begun"))\n\(gate.stop)", tables: mutex)
        let first = try site.start("run", "--yes")
        _ = try begun.next()
        let other = try Site()
        try other.plugin("two", tables: mutex)
        let events = try other.events("--set", "step.wait_timeout=1s", code: 75)
        #expect(events.outcome("two") == "deferred")
        let waits = events.ofType("waiting", plugin: "two").compactMap { $0["for"]?.stringValue }
        #expect(waits.contains { $0.contains("pid \(first.pid)") }, "\(waits)")
        try gate.letGo()
        #expect(try first.finish().code == 0)
    }

    @Test("ended by a signal is 128+N", arguments: [SIGINT, SIGTERM])
    func signalled(number: Int32) throws {
        let begun = try site.signpost("begun")
        try site.plugin("one", update: "\(begun.say("begun"))\nexec sleep 60")
        try site.plugin("two", manifest: "after = [\"one\"]")
        let program = try site.start("run", "--yes", "--ui", "json")
        _ = try begun.next()
        program.signal(number)
        let ended = try program.finish()
        #expect(ended.code == 128 + number)
        #expect(try ended.events.outcome("one") == "cancelled")
        #expect(try ended.events.outcome("two") == "cancelled")
    }
}
