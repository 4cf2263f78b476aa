import JSONDocument
import Testing

/// `check`: what there is, and its exit code.
@Suite(.timeLimit(.minutes(2)))
struct CheckTests {
    let site: Site
    init() throws { site = try Site() }

    /// A plugin that answers `estimate-update` with `estimate`, a shell command.
    private func plugin(_ name: String, estimate: String) throws {
        try site.plugin(name, manifest: "estimate = true")
        try site.script(
            name,
            "case $1 in estimate-update) \(estimate);; update) touch \(site.path)/ran;; *) exit 1;; esac")
    }

    private let updates = """
        echo '{"status":"success","data":{"packages_to_update":[{"name":"lib","current_version":"1.0",\
        "new_version":"1.1","download_size_bytes":1000}],"estimated_time_seconds":5,"security_updates":1}}'
        """
    private let nothing = #"echo '{"status":"success","data":{"applicable":false}}'"#

    @Test("updates are 100, with what they are, how much is to be fetched and how long it takes; nothing is run")
    func available() throws {
        try plugin("one", estimate: updates)
        try plugin("two", estimate: nothing)
        let table = try site.run("check")
        #expect(table.code == 100, "\(table.errorText)")
        #expect(table.text.contains("1 plugin, 1 package, 1.0 kB to fetch, about 5 s."), "\(table.text)")
        #expect(table.text.contains("lib"))
        #expect(table.text.contains("Up to date: two"))
        let ended = try site.run("check", "--format", "json")
        #expect(ended.code == 100)
        let check = try #require(try ended.events.first)
        #expect(check["updates_available"]?.boolValue == true)
        #expect(check["expected_seconds"]?.doubleValue == 5)
        let plugins = try #require(check["plugins"]?.arrayValue)
        #expect(plugins.map { $0["state"]?.stringValue } == ["updates", "up_to_date"])
        let package = try #require(plugins[0]["packages"]?.arrayValue?.first)
        #expect(package["from"]?.stringValue == "1.0")
        #expect(package["to"]?.stringValue == "1.1")
        #expect(try shell("ls '\(site.path)'").contains("ran") == false)
    }

    @Test("no update is 0, and so is a plugin that does not say")
    func none() throws {
        try plugin("one", estimate: nothing)
        try site.plugin("two")
        let ended = try site.run("check")
        #expect(ended.code == 0, "\(ended.errorText)")
        #expect(ended.text.hasPrefix("No updates for "))
        #expect(ended.text.contains("Run without saying what they would do: two"))
    }

    @Test("a check that failed is 1, whatever the others found")
    func failed() throws {
        try plugin("one", estimate: updates)
        try plugin("two", estimate: #"echo '{"status":"error","data":null,"error":{"code":"BROKEN"}}'"#)
        let ended = try site.run("check", "--format", "json")
        #expect(ended.code == 1)
        let plugins = try #require(try ended.events.first?["plugins"]?.arrayValue)
        #expect(plugins.map { $0["state"]?.stringValue } == ["updates", "failed"])
        #expect(plugins[1]["reason"]?.stringValue == "estimate-update: BROKEN")
    }

    @Test("it does not mind limits that cannot be enforced: a run would say so")
    func required() throws {
        try plugin("one", estimate: updates)
        let limits = ["--set", "enforcement=required", "--set", "run.download_enforce=true"]
        #expect(try site.start(["plan"] + limits + site.places).finish().code == 3)
        #expect(try site.start(["check"] + limits + site.places).finish().code == 100)
    }
}
