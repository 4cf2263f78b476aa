import Glibc
import JSONDocument
import LinuxSystem
import Testing

/// contrib/examples: the same plugin in three languages, each as the program runs it.
@Suite(.timeLimit(.minutes(2)))
struct ExampleTests {
    enum Example: String, CaseIterable {
        case sh, python, go

        var directory: String { "\(checkout)/contrib/examples/\(rawValue)" }

        /// Those that can be run here. Go is no need of this project's tests: its compiler is larger than all else.
        static let runnable = allCases.filter { $0 != .go || hasGo }
    }

    static let hasGo = (try? tool("command -v go || :"))?.isEmpty == false

    /// What a shell prints that has the PATH of these tests' caller, where a compiler may be.
    private static func tool(_ command: String) throws -> String {
        var environment = ["HOME": "/nonexistent", "GOCACHE": "/tmp/update-all-go-cache", "GOTOOLCHAIN": "local"]
        for name in ["PATH", "GOROOT"] { environment[name] = getenv(name).map { String(cString: $0) } }
        let ended = try Program("/bin/sh", ["-c", command], environment: environment).finish(limit: 100)
        try #require(ended.code == 0, "\(command): \(ended.errorText)")
        return ended.text
    }

    let site: Site
    init() throws {
        site = try Site()
        try shell("mkdir \(site.path)/source")
        try offer(["one": "first text\n", "two.txt": "second text\n"])
    }

    private var target: String { "\(site.path)/target" }

    /// Puts files with their list into the source.
    private func offer(_ files: [String: String]) throws {
        for (name, text) in files { try site.write("source/\(name)", text) }
        try shell("cd \(site.path)/source && rm -f SHA256SUMS && sha256sum * >.sums && mv .sums SHA256SUMS")
    }

    /// Makes the example this site's plugin, with its settings.
    private func install(_ example: Example, configured: Bool = true) throws {
        try shell("cp \(example.directory)/* \(site.path)/plugins")
        if example == .go { _ = try Self.tool("cd \(site.path)/plugins && go build mirror.go") }
        guard configured else { return }
        try shell(
            """
            sed -i 's|^source = .*|source = "\(site.path)/source"|; s|^target = .*|target = "\(target)"|' \
                \(site.path)/plugins/mirror.toml
            """)
    }

    /// What the mirror has, as sha256sum compares it.
    private var isComplete: Bool {
        get throws {
            try shell("cd \(target) && sha256sum --check --quiet \(site.path)/source/SHA256SUMS && echo yes") == "yes\n"
        }
    }

    private func packages(_ events: [JSONValue]) -> [String] {
        (events.ofType("result").last?["packages"]?.arrayValue ?? []).map { package in
            let texts = ["name", "from", "to"].map { package[$0]?.stringValue ?? "-" }
            return "\(texts[0]) \(texts[1].isEmpty ? "empty" : texts[1]) → \(texts[2])"
        }
    }

    @Test("an example downloads, commits, says what changed, and has nothing to do then", arguments: Example.runnable)
    func mirrors(_ example: Example) throws {
        try install(example)
        let first = try site.events()
        #expect(first.outcome("mirror") == "succeeded")
        #expect(try isComplete)
        #expect(first.position("phase_end", "mirror", "download") != nil)
        let fetched = first.ofType("progress").last { $0["bytes_total"] != nil }
        #expect(fetched?["bytes_downloaded"]?.integerValue == 23)
        #expect(fetched?["bytes_total"]?.integerValue == 23)
        #expect(packages(first).allSatisfy { $0.contains(" - → ") } && packages(first).count == 2)
        #expect(try shell("ls -A \(target)") == "one\ntwo.txt\n", "nothing else is left behind")

        #expect(try site.events().outcome("mirror") == "up_to_date")

        let old = try shell("sha256sum <\(target)/one | cut -c 1-10").trimmed
        try offer(["one": "a newer text\n"])
        let second = try site.events()
        let new = try shell("sha256sum <\(target)/one | cut -c 1-10").trimmed
        #expect(packages(second) == ["one \(old) → \(new)"])
        #expect(try isComplete)
    }

    @Test("an example's plan has two phases, its mutex and its size, and changes nothing", arguments: Example.runnable)
    func plans(_ example: Example) throws {
        try install(example)
        let ended = try site.run("plan", "--format", "json")
        #expect(ended.code == 0 && ended.errors.isEmpty, "\(ended.errorText)")
        let steps = try #require(try ended.events.first?["steps"]?.arrayValue)
        #expect(steps.compactMap { $0["id"]?.stringValue } == ["mirror/download", "mirror/execute"])
        #expect(steps.last?["mutexes"]?.arrayValue?.compactMap(\.stringValue) == ["app:mirror"])
        #expect(try site.run("plan").text.contains("23 B to fetch"))
        #expect(access(target, F_OK) != 0)

        let dry = try site.start(["run", "--yes", "--dry-run", "--ui", "plain"] + site.places).finish()
        #expect(dry.code == 0)
        #expect(dry.text.contains("would replace two.txt (12 bytes)"), "\(dry.text)")
        #expect(access(target, F_OK) != 0)
    }

    @Test("an example without settings does not apply", arguments: Example.runnable)
    func needsSettings(_ example: Example) throws {
        try install(example, configured: false)
        #expect(try site.events().outcome("mirror") == "not_applicable")
    }

    @Test("an example that is given a file other than its checksum changes nothing", arguments: Example.runnable)
    func distrustsWhatItGets(_ example: Example) throws {
        try install(example)
        try site.write("source/one", "torn\n")
        let events = try site.events(code: 1)
        let error = try #require(events.ofType("completion", plugin: "mirror").first?["error"]?.stringValue)
        #expect(error.contains("source/one is not what SHA256SUMS says: try again later"))
        #expect(events.position("phase_start", "mirror", "execute") == nil)
        #expect(try shell("ls \(target)").isEmpty)
    }

    @Test("an example says what is wrong with a list that leads out of the directory", arguments: Example.runnable)
    func refusesPaths(_ example: Example) throws {
        try install(example)
        try shell("cd \(site.path)/source && sed 's| one$| ../one|' SHA256SUMS >.sums && mv .sums SHA256SUMS")
        let events = try site.events(code: 1)
        let error = try #require(events.ofType("completion", plugin: "mirror").first?["error"]?.stringValue)
        #expect(error.contains("the name of a file"), "\(error)")
    }

    @Test("the Go example is formatted and has nothing that vet finds", .enabled(if: hasGo, "go is not on PATH"))
    func goIsClean() throws {
        #expect(try Self.tool("gofmt -l \(Example.go.directory)") == "")
        _ = try Self.tool("cd \(Example.go.directory) && go vet mirror.go")
    }
}
