import Glibc
import JSONDocument
import Testing

/// What the documentation shows is what happens.
@Suite(.timeLimit(.minutes(2)))
struct DocumentTests {
    let site: Site
    init() throws { site = try Site() }

    @Test("the first plugins of docs/plugins.md are listed and run as the page says")
    func firstPlugins() throws {
        try site.install(Document("plugins.md").files)
        let list = try site.run("list")
        #expect(list.code == 0 && list.errors.isEmpty, "\(list.errorText)")
        #expect(list.text.contains("runs as it is: no protocol"))
        let events = try site.events()
        #expect(events.outcome("hello") == "succeeded" && events.outcome("notes") == "succeeded")
        let lines = events.ofType("output", plugin: "hello").compactMap { $0["line"]?.stringValue }
        #expect(lines.first?.hasPrefix("Hello from execute as ") == true)
    }

    /// Files of docs/migrating.md, with this site as the person's home: the real one is whose the tests are.
    private func conversions(in directory: String) throws -> [Document.File] {
        try Document("migrating.md").files.compactMap { file in
            let parts = file.name.split(separator: "/").map(String.init)
            guard (parts.count == 2 ? parts[0] : "") == directory else { return nil }
            let text = file.text.replacing("$HOME", with: site.path)
                .replacing("/home/you/.config/update-all", with: site.path)
            return Document.File(name: parts[parts.count - 1], text: text)
        }
    }

    /// A repository of notes that has something new, cloned before.
    private func makeNotes() throws {
        try shell(
            """
            cd \(site.path) && export HOME=$PWD GIT_CONFIG_GLOBAL=/dev/null
            git init -q upstream && cd upstream && git config user.name T && git config user.email t@example.org
            echo '# First' >a.md && git add . && git commit -qm one && git clone -q . ../notes
            echo '# Second' >b.md && git add . && git commit -qm two
            """)
    }

    @Test("topgrade's commands and choices do the same as plugins and configuration")
    func fromTopgrade() throws {
        try makeNotes()
        let files = try conversions(in: "")
        try site.install(files.filter { $0.name != "config.toml" })
        let hooks = try conversions(in: "hooks")
        try site.install(hooks.filter { $0.name != "policy.toml" }, in: "hooks")
        try site.write("policy.toml", try #require(hooks.first { $0.name == "policy.toml" }).text)
        let configuration = try #require(files.first { $0.name == "config.toml" })
        try site.write("config.toml", configuration.text)
        try site.plugin("snap", update: "exit 9")

        let events = try site.events("--config", "\(site.path)/config.toml")
        for plugin in ["notes", "notes-index", "before_run.snapshot", "after_run.last-update"] {
            #expect(events.outcome(plugin) == "succeeded", "\(plugin)")
        }
        #expect(events.outcome("snap") == nil)
        #expect(try shell("wc -l <\(site.path)/notes.index").trimmed == "2", "the index was made after the pull")
        #expect(access("\(site.path)/notes.before/b.md", F_OK) != 0, "the snapshot was made before it")
        let last = try #require(events.position("phase_start", "after_run.last-update"))
        for plugin in ["notes", "notes-index"] {
            #expect(try #require(events.position("phase_end", plugin)) < last)
        }
    }

    @Test("a class and the YAML of the Python program do the same as a manifest, configuration and policy")
    func fromPython() throws {
        try makeNotes()
        try site.install(conversions(in: "").filter { $0.name == "notes" })
        try site.plugin("snapshot")
        let files = try conversions(in: "from-python")
        try site.install(files.filter { $0.name == "notes.toml" })
        for name in ["config.toml", "policy.toml"] {
            try site.write(name, try #require(files.first { $0.name == name }).text)
        }
        try site.plugin("snap", update: "exit 9")
        #expect(try site.start(["policy", "check", "\(site.path)/policy.toml"]).finish().code == 0)
        #expect(try site.start(["config", "check", "\(site.path)/config.toml"]).finish().code == 0)

        let plan = try site.run("plan", "--format", "json", "--config", "\(site.path)/config.toml")
        #expect(plan.code == 0, "\(plan.errorText)")
        let steps = try #require(try plan.events.first?["steps"]?.arrayValue)
        #expect(steps.compactMap { $0["id"]?.stringValue } == ["snapshot/execute", "notes/execute"])
        #expect(steps.last?["mutexes"]?.arrayValue?.compactMap(\.stringValue) == ["notes"])
        let events = try site.events("--config", "\(site.path)/config.toml")
        #expect(events.outcome("notes") == "succeeded")
        #expect(access("\(site.path)/notes/b.md", F_OK) == 0)
    }
}
