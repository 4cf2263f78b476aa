import Glibc
import JSONDocument
import Testing

/// The commands that run nothing.
@Suite(.timeLimit(.minutes(2)))
struct CommandTests {
    let site: Site
    init() throws { site = try Site() }

    @Test("plan --format json has the keys of the contract, and runs nothing")
    func planKeys() throws {
        try site.plugin("one", update: "touch \(site.path)/ran")
        try site.write(
            "plugins/absent.toml",
            "name = \"absent\"\nexecutable = \"one\"\napplicable_if = [\"no-such-program\"]\nrun_as = \"user\"\n")
        let ended = try site.run("plan", "--format", "json")
        #expect(ended.code == 0)
        let plan = try #require(try ended.events.first)
        for key in ["version", "policy", "makespan_seconds", "critical_path", "steps", "skipped"] {
            #expect(plan[key] != nil, "\(key)")
        }
        let step = try #require(plan["steps"]?.arrayValue?.first)
        let keys = [
            "id", "plugin", "phase", "after", "mutexes", "demand", "limits", "run_as", "start_seconds",
            "duration_seconds", "wave",
        ]
        for key in keys { #expect(step[key] != nil, "\(key)") }
        #expect(plan["skipped"]?.arrayValue?.first?["outcome"]?.stringValue == "not_applicable")
        #expect(access("\(site.path)/ran", F_OK) != 0)
    }

    private func plan(_ problem: String) throws -> Ended {
        let file = try site.write("problem.json", problem)
        return try site.start(["plan", "--problem", file]).finish()
    }

    @Test("plan --problem plans an abstract problem")
    func problem() throws {
        let ended = try plan(
            """
            {"capacities":{"R1":12,"R2":4},"jobs":[
            {"id":"a","duration_seconds":3,"after":["b"],"mutexes":["m"],"demand":{"R1":2}},
            {"id":"b","duration_seconds":2}]}
            """)
        #expect(ended.code == 0, "\(ended.errorText)")
        let schedule = try #require(try ended.events.first)
        #expect(schedule["makespan_seconds"]?.doubleValue == 5)
        #expect(schedule["steps"]?.arrayValue?.compactMap { $0["id"]?.stringValue } == ["b", "a"])
    }

    static let faults: [(problem: String, complaint: String)] = [
        // What would turn the terminal red is left out of the message.
        (#"{"jobs":[{"\u001b[31mx":1}]}"#, #"unknown key "x""#),
        (
            #"{"jobs":[{"id":"a","duration_seconds":1,"after":["b"]},{"id":"b","duration_seconds":1,"after":["a"]}]}"#,
            "dependency cycle: a → b → a"
        ),
        (
            #"{"capacities":{"R1":12},"jobs":[{"id":"d","duration_seconds":1,"demand":{"R1":20}}]}"#,
            "job \"d\" needs R1=20, but only 12 exist"
        ),
        (
            #"{"jobs":[{"id":"alpha","duration_seconds":1},{"id":"c","duration_seconds":1,"after":["alpah"]}]}"#,
            "did you mean \"alpha\"?"
        ),
        (#"{"jobs":[{"id":"a","duration_seconds":1},{"id":"a","duration_seconds":1}]}"#, "\"a\""),
        ("{\"jobs\":[\n  {\"id\":\"a\",\"duration_secs\":1}]}", "problem.json:2:"),
        ("{\"jobs\":[\n}", "problem.json:2:1"),
    ]

    @Test("a problem that cannot be planned is 2, and what is wrong is named", arguments: faults)
    func wrongProblem(problem: String, complaint: String) throws {
        let ended = try plan(problem)
        #expect(ended.code == 2)
        #expect(ended.errorText.contains(complaint), "\(ended.errorText)")
        #expect(ended.output.isEmpty)
    }

    @Test("list shows what applies, what does not and why")
    func list() throws {
        try site.plugin("here")
        try site.write(
            "plugins/absent.toml",
            "name = \"absent\"\nexecutable = \"here\"\napplicable_if = [\"no-such-program\"]\nrun_as = \"user\"\n")
        let table = try site.run("list")
        #expect(table.code == 0)
        #expect(table.text.contains("here") && table.text.contains("no-such-program"))
        let plugins = try #require(try site.run("list", "--format", "json").events.first?.arrayValue)
        #expect(plugins.map { $0["plugin"]?.stringValue } == ["absent", "here"])
        #expect(plugins.map { $0["applicable"]?.boolValue } == [false, true])
    }

    @Test("policy check says where a file is wrong and what was meant, and that a good one is valid")
    func policyCheck() throws {
        let good = try site.write("good.toml", "[step]\nmemory_high = \"1G\"\n")
        let bad = try site.write("bad.toml", "[step]\n  memory_high = \"lots\"\n")
        let valid = try site.start(["policy", "check", good]).finish()
        #expect(valid.code == 0)
        #expect(valid.text == "\(good): valid\n")
        let invalid = try site.start(["policy", "check", good, bad]).finish()
        #expect(invalid.code == 2)
        #expect(invalid.errorText.hasPrefix("\(bad):2:"), "\(invalid.errorText)")
    }

    @Test("logs prints the newest run's, and says so where there is none")
    func logs() throws {
        let arguments = ["logs", "--state-dir", "\(site.path)/state"]
        let none = try site.start(arguments).finish()
        #expect(none.code == 2)
        try site.plugin("one", update: "echo of one")
        try site.plugin("two", update: "echo of two")
        _ = try site.events()
        let all = try site.start(arguments).finish()
        #expect(all.text.contains("==> one.execute <==\nof one\n"))
        #expect(all.text.contains("==> two.execute <==\nof two\n"))
        let wrong = try site.start(arguments + ["three"]).finish()
        #expect(wrong.code == 2)
    }

    @Test("--help and --version succeed, and go to standard output", arguments: ["--help", "--version"])
    func selfDescription(option: String) throws {
        let ended = try site.start([option]).finish()
        #expect(ended.code == 0)
        #expect(!ended.output.isEmpty && ended.errors.isEmpty)
    }

    private static let release: String? = {
        let builds = Site.buildDirectory.split(separator: "/").dropLast().map { "/\($0)" }.joined()
        let path = "\(builds)/release/update-all"
        return access(path, X_OK) == 0 ? path : nil
    }()

    @Test(
        "the release alone, in an empty place and with an empty environment, runs",
        .enabled(if: CommandTests.release != nil, "there is no release build beside the debug one"))
    func releaseAlone() throws {
        let place = "\(site.path)/empty"
        mkdir(place, 0o755)
        try shell("cp '\(try #require(Self.release))' '\(place)/update-all'")
        try site.plugin("one", update: "echo ran")
        let ended = try Program(
            "\(place)/update-all",
            [
                "run", "--yes", "--plugin-dir", "\(site.path)/plugins", "--state-dir", "\(place)/state", "--policy",
                "\(site.path)/policy.toml",
            ], environment: [:]
        ).finish()
        #expect(ended.code == 0, "\(ended.errorText)")
        #expect(ended.text.contains("one: succeeded"))
    }
}
