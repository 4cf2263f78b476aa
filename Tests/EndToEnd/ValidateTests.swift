import Glibc
import Testing

/// `update-all plugin validate`: what an author is told.
@Suite(.timeLimit(.minutes(2)))
struct ValidateTests {
    let site: Site
    init() throws { site = try Site() }

    private func validate(_ names: String...) throws -> Ended {
        let paths = names.map { "\(site.path)/plugins\($0)" }
        let options = ["--state-dir", "\(site.path)/state", "--policy", "\(site.path)/policy.toml"]
        return try site.start(["plugin", "validate"] + paths + options).finish()
    }

    @Test("the examples have nothing that could be better", arguments: ["sh", "python"])
    func examples(directory: String) throws {
        let ended = try site.start(
            ["plugin", "validate", "\(checkout)/contrib/examples/\(directory)", "--state-dir", "\(site.path)/state"]
        ).finish()
        #expect(ended.code == 0 && ended.errors.isEmpty, "\(ended.errorText)")
        #expect(ended.text == "mirror: does not apply here: it says so: is-applicable exited with code 1\n")
    }

    @Test("a plugin that is right is told with what it answers")
    func right() throws {
        try site.plugin(
            "two", update: "# download estimate-update",
            manifest: "separate_download = true\nprotected_phases = [\"execute\"]")
        let ended = try validate("/two")
        #expect(ended.code == 0 && ended.errors.isEmpty, "\(ended.errorText)")
        #expect(ended.text == "two: applies here; runs as user: download, then execute ⛨\n")
    }

    @Test("a plugin that finds something out of order is told with what it says")
    func complaint() throws {
        try site.plugin("sick", update: "test \"$1\" != validate || { echo 'sick: run repair' >&2; exit 1; }")
        let ended = try validate("/sick")
        #expect(ended.code == 0)
        #expect(ended.errorText == "\(site.path)/plugins/sick: warning: validate: run repair\n")
    }

    @Test("all mistakes of a directory are told with their places, and the exit code is 2")
    func wrong() throws {
        try site.plugin("typo", manifest: "aftr = []")
        try site.plugin("shell")
        try site.write("plugins/shell", "echo hello\n", mode: 0o755)
        try site.plugin("good")
        let ended = try validate("")
        #expect(ended.code == 2)
        let expected = [
            "\(site.path)/plugins/typo.toml:7:1: error: unknown key \"aftr\" (did you mean \"after\"?)",
            "\(site.path)/plugins/shell: error: it does not begin with #!",
        ]
        for text in expected { #expect(ended.errorText.contains(text), "\(ended.errorText)") }
        #expect(ended.text == "good: applies here; runs as user: execute\n")
    }

    @Test("an answer that cannot be used is told as a warning, one that fails as an error")
    func answers() throws {
        let body = "case $1 in estimate-update) echo soon; exit 0 ;; esac"
        try site.plugin("vague", update: body, manifest: "estimate = true")
        let vague = try validate("/vague.toml")
        #expect(vague.code == 0)
        #expect(vague.errorText.contains("/vague: warning: estimate-update: its answer is not one JSON text"))

        try site.plugin("torn", update: "case $1 in estimate-update) exit 7 ;; esac", manifest: "estimate = true")
        let torn = try validate("/torn")
        #expect(torn.code == 2)
        #expect(torn.errorText.contains("/torn: error: estimate-update: it exited with code 7"), "\(torn.errorText)")
        #expect(torn.output.isEmpty)
    }

    @Test("root is told of what root would not run", .enabled(if: geteuid() == 0, "only root runs plugins as root"))
    func trust() throws {
        try site.plugin("rooted")
        try shell("cd \(site.path)/plugins && sed -i 's/\"user\"/\"root\"/' rooted.toml && chmod g+w rooted")
        let ended = try validate("/rooted")
        #expect(ended.code == 2)
        #expect(ended.errorText.contains("it can be written by its group (mode 0775)"), "\(ended.errorText)")
    }

    @Test("what is no plugin, and two of one name, are wrong usage")
    func usage() throws {
        try site.write("plugins/notes.txt", "text\n")
        let text = try validate("/notes.txt")
        #expect(text.code == 2 && text.errorText.contains("notes.txt is no plugin"), "\(text.errorText)")
        let gone = try validate("/gone")
        #expect(gone.code == 2 && gone.errorText.contains("/gone: cannot be looked at: No such file"))
        try site.plugin("same")
        try shell("mkdir \(site.path)/plugins/x && cp \(site.path)/plugins/same* \(site.path)/plugins/x")
        let twice = try validate("/same", "/x/same")
        #expect(twice.code == 2 && twice.errorText.contains("are both \"same\": validate one at a time"))
    }
}
