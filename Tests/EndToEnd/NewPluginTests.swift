import Glibc
import JSONDocument
import Testing

/// `update-all plugin new`: what one begins with.
@Suite(.timeLimit(.minutes(2)))
struct NewPluginTests {
    let site: Site
    init() throws { site = try Site() }

    private func new(_ arguments: String...) throws -> Ended {
        try site.start(["plugin", "new", "--directory", "\(site.path)/plugins"] + arguments).finish()
    }

    @Test("a new plugin has nothing that validate could find, and runs", arguments: ["sh", "python"])
    func runs(language: String) throws {
        let made = try new("my-tool", "--language", language)
        #expect(made.code == 0, "\(made.errorText)")
        #expect(made.text == "\(site.path)/plugins/my-tool\n\(site.path)/plugins/my-tool.toml\n")

        let state = ["--state-dir", "\(site.path)/state"]
        let valid = try site.start(["plugin", "validate", "\(site.path)/plugins"] + state).finish()
        #expect(valid.code == 0 && valid.errors.isEmpty, "\(valid.errorText)")
        #expect(valid.text == "my-tool: applies here; runs as user: execute\n")

        let events = try site.events()
        #expect(events.outcome("my-tool") == "succeeded")
        #expect(events.ofType("result").last?["packages"]?.arrayValue?.count == 1)
        #expect(events.ofType("progress", plugin: "my-tool").count == 1)
        let dry = try site.start(["run", "--yes", "--dry-run", "--ui", "plain"] + site.places).finish()
        #expect(dry.text.contains("would update example"), "\(dry.text)")
    }

    @Test("a new plugin in sh is clean", .enabled(if: access("/usr/bin/shellcheck", X_OK) == 0, "no shellcheck here"))
    func isClean() throws {
        #expect(try new("my-tool").code == 0)
        #expect(try shell("shellcheck \(site.path)/plugins/my-tool") == "")
    }

    @Test("nothing that is there is overwritten, and a name that cannot be is refused")
    func refusals() throws {
        try site.write("plugins/mine.toml", "# mine\n")
        let twice = try new("mine")
        #expect(twice.code == 2)
        #expect(
            twice.errorText.contains("cannot make \(site.path)/plugins/mine.toml: File exists"), "\(twice.errorText)")
        #expect(try site.read("plugins/mine.toml") == Array("# mine\n".utf8))
        #expect(access("\(site.path)/plugins/mine", F_OK) != 0, "half a plugin was made")
        let invalid = try new("My Tool")
        #expect(invalid.code == 2 && invalid.errorText.contains("\"My Tool\" cannot be the name of a plugin"))
    }
}
