import Glibc
import JSONDocument
import Testing

/// `config.toml`, and what becomes of what it says.
@Suite(.timeLimit(.minutes(2)))
struct ConfigurationFileTests {
    let site: Site
    /// Disables "two" in its line 2, and has a setting for "one".
    let file: String

    init() throws {
        site = try Site()
        for name in ["one", "two"] {
            try site.plugin(
                name, update: "echo $UPDATE_ALL_\(name.uppercased())_COLOUR",
                tables: "[settings]\ncolour = \"red\"\n")
        }
        file = try site.write("config.toml", "[plugins]\ndisable = [\"two\"]\n[plugin.one]\ncolour = \"blue\"\n")
    }

    private func config(_ arguments: String...) throws -> Ended {
        try site.start(["config"] + arguments + site.places).finish()
    }

    @Test("a plugin gets the configured setting in place of its manifest's; a disabled one does not run")
    func settings() throws {
        let events = try site.events("--config", file)
        #expect(events.ofType("output").map { $0["line"]?.stringValue } == ["blue"])
        #expect(events.ofType("completion").map { $0["plugin"]?.stringValue } == ["one"])
    }

    @Test("a disabled plugin that was named is skipped, and the reason names file and line")
    func named() throws {
        let events = try site.events("two", "--config", file)
        let completion = try #require(events.ofType("completion", plugin: "two").first)
        #expect(completion["outcome"]?.stringValue == "skipped")
        #expect(completion["error"]?.stringValue == "disabled in \(file):2")
        let plan = try site.run("plan", "two", "one", "--config", file)
        #expect(plan.text.contains("two (skipped: disabled in"), "\(plan.text)")
    }

    @Test("list shows a disabled plugin, asks it nothing, and says where it is disabled")
    func list() throws {
        try site.script("silent", "is-applicable() { :; }\ntouch \(site.path)/asked")
        try site.write("config.toml", "[plugins]\ndisable = [\n\"silent\"]\n")
        let ended = try site.run("list", "--format", "json", "--config", file)
        let plugins = try #require(try ended.events.first?.arrayValue)
        #expect(plugins.map { $0["plugin"]?.stringValue } == ["one", "silent", "two"])
        #expect(plugins.map { $0["enabled"]?.boolValue } == [true, false, true])
        #expect(plugins[1]["disabled_by"]?.stringValue == "\(file):3")
        #expect(access("\(site.path)/asked", F_OK) != 0)
    }

    @Test("config show --origin says where each value stands, options included")
    func show() throws {
        let table = try config("show", "--origin", "--config", file, "--color", "never")
        #expect(table.code == 0, "\(table.errorText)")
        let rows = table.text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(rows.contains(["plugins.two", "disabled", "\(file):2"]))
        #expect(rows.contains(["plugin.one.colour", "blue", "\(file):4"]))
        #expect(rows.contains(["plugin.two.colour", "red", "\(site.path)/plugins/two.toml"]))
        #expect(rows.contains(["policy", "\(site.path)/policy.toml", "--policy"]))
        let values = try #require(
            try config("show", "--config", file, "--format", "json").events.first?.arrayValue)
        let setting = try #require(values.first { $0["key"]?.stringValue == "plugin.one.colour" })
        #expect(setting["line"]?.integerValue == 4)
        #expect(setting["layer"]?.stringValue == "config")
    }

    static let faults: [(text: String, complaint: String)] = [
        ("[plugins]\ndisabel = []", ":2:1: unknown key \"disabel\" in [plugins] (did you mean \"disable\"?)"),
        ("[plugin.one]\ncolor = 1", ":2:1: the plugin \"one\" has no setting \"color\" (did you mean \"colour\"?)"),
        ("policy = \"no-such-policy\"", ":1:10: no policy is called \"no-such-policy\""),
        ("[display]\nui = plain", ":2:6: not valid TOML"),
    ]

    @Test("a configuration that is not valid is 2, with file, line and column, of every command", arguments: faults)
    func invalid(text: String, complaint: String) throws {
        try site.write("config.toml", "\(text)\n")
        let places = ["--plugin-dir", "\(site.path)/plugins", "--state-dir", "\(site.path)/state", "--config", file]
        for command in [["list"], ["plan"], ["run", "--yes"], ["config", "check"]] {
            let ended = try site.start(command + places).finish()
            #expect(ended.code == 2, "\(command)")
            #expect(ended.errorText.hasPrefix("\(file)\(complaint)"), "\(command): \(ended.errorText)")
        }
    }

    @Test("a plugin that is not there is a warning with the nearest name, and config check calls the file valid")
    func unknownPlugin() throws {
        try site.write("config.toml", "[plugins]\nenable = [\"oen\"]\n")
        let ended = try config("check", file)
        #expect(ended.code == 0)
        #expect(ended.text == "\(file): valid\n")
        #expect(ended.errorText == "\(file):2:11: warning: there is no plugin \"oen\" here (did you mean \"one\"?)\n")
    }

    @Test("the display of the configuration serves where no option chooses another")
    func display() throws {
        try site.write("config.toml", "[display]\nui = \"json\"\n")
        #expect(try site.run("run", "--yes", "--config", file).text.hasPrefix("{\"type\":\"run_start\""))
        #expect(try site.run("run", "--yes", "--config", file, "--ui", "plain").text.contains("one: succeeded"))
    }
}
