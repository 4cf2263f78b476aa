import Glibc
import Testing

@Suite("Plugins that update themselves", .timeLimit(.minutes(2)))
struct SelfUpdateTests {
    let site: Site
    init() throws { site = try Site() }

    private var file: String { "\(site.path)/plugins" }

    /// A plugin without a manifest whose `self-update` is `body`; `$file` is its own.
    private func add(_ name: String, selfUpdate body: String, version: String = "1.0") throws {
        try site.script(
            name,
            """
            file=\(file)/\(name)
            case $1 in
            is-applicable) ;;
            version) echo \(version) ;;
            self-update) \(body) ;;
            self-upgrade) touch \(site.path)/upgraded ;;
            update) echo done ;;
            *) exit 1 ;;
            esac
            """)
    }

    /// Replaces its own file by one with another version.
    private let renews = "sed 's/echo 1[.]0/echo 1.1/' $file > $file.bak && chmod 755 $file.bak && mv $file.bak $file"

    private func run(_ arguments: String...) throws -> Ended {
        try site.start(["plugin"] + arguments + site.places).finish()
    }

    @Test("Each says what came of it; what went wrong is exit code 1")
    func outcomes() throws {
        try add("renewed", selfUpdate: renews)
        try add("same", selfUpdate: "true")
        try add("unsupported", selfUpdate: "exit 1")
        try site.script("silent", "echo is-applicable")
        var ended = try run("self-update")
        #expect(ended.code == 0, "\(ended.errorText)")
        #expect(
            ended.text == "renewed: updated, 1.0 → 1.1\nsame: nothing new (1.0)\nunsupported: does not update itself\n")
        try add("failing", selfUpdate: "echo 'no route to host' >&2; exit 2")
        ended = try run("self-update", "failing", "same")
        #expect(ended.code == 1)
        #expect(ended.text == "failing: failed: it exited with code 2: no route to host\nsame: nothing new (1.0)\n")
        #expect(access("\(site.path)/upgraded", F_OK) != 0)
    }

    @Test("An upgrade is only made of plugins that are named")
    func upgrade() throws {
        try add("a", selfUpdate: "true")
        #expect(try run("self-upgrade").code == 2)
        #expect(try run("self-upgrade", "a").code == 0)
        #expect(access("\(site.path)/upgraded", F_OK) == 0)
    }

    @Test("A name that no plugin has is 2, a plugin that cannot is 1, and none at all is said")
    func names() throws {
        let none = try run("self-update")
        #expect(none.code == 0)
        #expect(none.errorText.contains("no plugin here updates itself"))
        try site.plugin("plain")
        #expect(try run("self-update", "plain").code == 1)
        let unknown = try run("self-update", "plian")
        #expect(unknown.code == 2)
        #expect(unknown.errorText.contains("did you mean \"plain\"?"))
    }

    @Test("A manifest that it broke, or a file that it opened to others, is told with its place")
    func unusable() throws {
        try add("broken", selfUpdate: "echo 'nonsense = 1' >> $file.toml")
        try site.write("plugins/broken.toml", "self_update = true\n")
        let ended = try run("self-update")
        #expect(ended.code == 1)
        #expect(
            ended.text
                == "broken: updated, and may not run like this: \(file)/broken.toml:2:1: unknown key \"nonsense\"\n")
        try shell("rm \(file)/broken.toml")
        if geteuid() == 0 {
            try add("open", selfUpdate: "chmod 777 $file")
            let ended = try run("self-update", "open")
            #expect(ended.code == 1)
            #expect(ended.text.contains("open: updated, and may not run like this: \(file)/open is not safe to run"))
        }
    }

    @Test("What the policy pins must be that before and after")
    func pin() throws {
        try add("pinned", selfUpdate: renews)
        let digest = try shell("sha256sum \(file)/pinned | cut -c 1-64").trimmed
        let wrong = String(repeating: "0", count: 64)
        var ended = try run("self-update", "--set", "plugin.pinned.sha256=\(wrong)")
        #expect(ended.code == 1)
        #expect(ended.text.hasPrefix("pinned: not updated: \(file)/pinned is not what the policy pins"))
        ended = try run("self-update", "--set", "plugin.pinned.sha256=\(digest)")
        #expect(ended.code == 1)
        #expect(ended.text.hasPrefix("pinned: updated, and may not run like this: \(file)/pinned is not what"))
        let now = try shell("sha256sum \(file)/pinned | cut -c 1-64").trimmed
        #expect(now != digest)
        #expect(ended.text.contains("sha256 = \"\(now)\""))
    }

    @Test("It runs as the owner of its files, never as root for somebody else's", .enabled(if: geteuid() == 0))
    func owner() throws {
        let who = try site.signpost("account")
        try add("theirs", selfUpdate: who.say("$(id -un)"))
        let nobody = try #require(getpwnam("nobody")).pointee
        chown("\(file)/theirs", nobody.pw_uid, nobody.pw_gid)
        let program = try site.start(["plugin", "self-update"] + site.places)
        #expect(try who.next() == "nobody")
        #expect(try program.finish().code == 0)
        try site.write("plugins/theirs.toml", "self_update = true\n")
        let mixed = try run("self-update")
        #expect(mixed.code == 1)
        #expect(
            mixed.text
                == "theirs: not updated: \(file)/theirs and \(file)/theirs.toml belong to different accounts: give both to one (chown)\n"
        )
    }

    @Test("With self_update in the policy a run updates plugins before it asks them, and a dry run does not")
    func byPolicy() throws {
        try add("a", selfUpdate: renews)
        try add("b", selfUpdate: "exit 3")
        try site.write("policy.toml", "[step]\nself_update = true\n[plugin.b]\nself_update = false\n")
        #expect(try site.run("run", "--yes", "--dry-run").errorText.contains("updated") == false)
        let ended = try site.run("run", "--yes")
        #expect(ended.code == 0)
        #expect(ended.errorText == "update-all: a: updated, 1.0 → 1.1\n")
        #expect(try site.run("run", "--yes").errorText == "update-all: a: nothing new (1.1)\n")
    }

    @Test("A plugin that spoils itself before a run does not run, and the others do")
    func spoiledBeforeRun() throws {
        try site.plugin("good")
        try add("pinned", selfUpdate: renews)
        let digest = try shell("sha256sum \(file)/pinned | cut -c 1-64").trimmed
        try site.write("policy.toml", "[plugin.pinned]\nself_update = true\nsha256 = \"\(digest)\"\n")
        let events = try site.events(code: 1)
        #expect(events.outcome("good") == "succeeded")
        #expect(events.outcome("pinned") == "failed")
        let error = events.ofType("completion", plugin: "pinned").first?["error"]?.stringValue
        #expect(error?.hasPrefix("it updated itself: \(file)/pinned is not what the policy pins") == true)
    }

    @Test("While a run is in progress no plugin updates itself")
    func locked() throws {
        let (post, gate) = (try site.signpost("post"), try site.signpost("gate"))
        try site.plugin("a", update: "\(post.say("running")); \(gate.stop)")
        let program = try site.start("run", "--yes")
        #expect(try post.next() == "running")
        #expect(try run("self-update").code == 5)
        try gate.letGo()
        #expect(try program.finish().code == 0)
    }

    @Test("Ctrl-C ends it, with exit code 130")
    func interrupted() throws {
        let post = try site.signpost("post")
        try add("a", selfUpdate: "\(post.say("begun")); exec sleep 1000")
        let program = try site.start(["plugin", "self-update"] + site.places)
        #expect(try post.next() == "begun")
        program.signal(SIGINT)
        #expect(try program.finish().code == 130)
    }
}
