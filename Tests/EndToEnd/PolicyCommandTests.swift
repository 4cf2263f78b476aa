import JSONDocument
import Testing

@Suite("The policy command")
struct PolicyCommandTests {
    private let site: Site

    init() throws { site = try Site() }

    @Test("show prints what is in force as a file that gives the same again")
    func show() throws {
        let first = try site.run("policy", "show", "--set", "plugin.apt.memory_max=1G", "--set", "run.parallel=2")
        #expect(first.code == 0, "\(first.errorText)")
        #expect(first.text.contains("description = \"of a test\"\n"))
        #expect(first.text.contains("[plugin.apt]\nmemory_max = \"1G\"\n"))
        let again = try site.write("again.toml", first.text)
        #expect(try site.start(["policy", "check", again]).finish().code == 0)
        #expect(try site.start(["policy", "show", "--policy", again]).finish().text == first.text)
        let origins = try site.run("policy", "show", "--origin", "--set", "run.parallel=2")
        #expect(origins.text.contains("# \(site.path)/policy.toml:1\n"))
        #expect(origins.text.contains("# --set run.parallel=2\n"))
        let json = try #require(try site.run("policy", "show", "apt", "--format", "json").events.first)
        let settings = try #require(json["settings"]?.arrayValue)
        #expect(
            settings.contains { $0["key"]?.stringValue == "plugin.apt.check.nice" && $0["value"]?.stringValue == "10" })
        #expect(try site.run("policy", "show", "No Plugin").code == 2)
    }

    @Test("list tells which policies there are, and which is in use")
    func list() throws {
        let json = try #require(try site.run("policy", "list", "--format", "json").events.first?.arrayValue)
        let inUse = json.filter { $0["in_use"]?.boolValue == true }.map { $0["policy"]?.stringValue ?? "" }
        #expect(inUse.first == "\(site.path)/policy.toml")
        #expect(json.contains { $0["policy"]?.stringValue == "database-host" && $0["valid"]?.boolValue == true })
        let table = try site.start(["policy", "list", "--policy", "ci-host"]).finish()
        #expect(table.code == 0)
        #expect(table.text.contains("in use, extended"))
    }

    @Test("explain says of each phase what is enforced and what is not, and starts nothing")
    func explain() throws {
        try site.plugin("one", update: "exit 1", manifest: "protected_phases = [\"execute\"]")
        let ended = try site.run(
            "policy", "explain", "one", "--set", "step.memory_max=1G", "--set",
            "window.allow=[\"22:00-05:00\"]")
        #expect(ended.code == 0, "\(ended.errorText)")
        for part in [
            "one/check, as ", "one/execute, as ", "a commit, which nothing here may kill", "([step] memory_max)",
            "✓ Nice level 10 ([step] nice)", "✓ Nothing is started outside of 22:00-05:00",
        ] {
            #expect(ended.text.contains(part), "\(part) is missing in\n\(ended.text)")
        }
        #expect(!ended.text.contains("one/download"))
        #expect(ended.text.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(ended.text)")
        let json = try #require(try site.run("policy", "explain", "one", "--format", "json").events.first)
        let scopes = try #require(json["parts"]?.arrayValue).map { $0["scope"]?.stringValue }
        #expect(scopes == ["run", "commits", "check", "execute"])
        let unknown = try site.run("policy", "explain", "oen")
        #expect(unknown.code == 2)
        #expect(unknown.errorText.contains("did you mean \"one\"?"))
    }
}
