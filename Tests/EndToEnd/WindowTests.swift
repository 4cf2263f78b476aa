import Glibc
import JSONDocument
import Testing

/// The policy's window on the built program; what it does in the middle of a run is tested with a clock that is set.
@Suite("The policy's window", .timeLimit(.minutes(2)))
struct ProgramWindowTests {
    private let site: Site

    init() throws {
        site = try Site()
        try site.plugin("one", update: "touch \(site.path)/ran")
    }

    private var hasRun: Bool { access("\(site.path)/ran", F_OK) == 0 }

    /// TZ by which it is noon, or nearly, wherever this runs: a zone is its name and what is to be added for UTC.
    private func noon() throws -> [String: String] {
        let hour = try shell("date -u +%H").trimmed
        return ["TZ": "NOON\((Int(hour) ?? 12) - 12)"]
    }

    @Test("outside nothing is asked or run, the exit code is 6, and it is said when it opens")
    func closed() throws {
        let night = "window.allow=[\"22:00-05:00\"]"
        let ended = try site.run("run", "--yes", "--set", night, environment: noon())
        #expect(ended.code == 6, "\(ended.errorText)")
        #expect(ended.errorText.contains("nothing was run: updates are to run at 22:00-05:00; that begins "))
        #expect(ended.errorText.contains(" 22:00, in "), "\(ended.errorText)")
        #expect(ended.output.isEmpty && !hasRun)
        #expect(try site.run("download", "--set", night, environment: noon()).code == 6)
        #expect(try site.run("run", "--yes", "--dry-run", "--set", night, environment: noon()).code == 0)
        #expect(!hasRun)
        let way = try site.run("run", "--yes", "--set", night, "--set", "window.allow=[]", environment: noon())
        #expect(way.code == 0 && hasRun)
    }

    @Test("inside it runs, and by the clock of the place where it is")
    func open() throws {
        let ended = try site.run("run", "--yes", "--set", "window.allow=[\"11:30-13:30\"]", environment: noon())
        #expect(ended.code == 0 && hasRun, "\(ended.errorText)")
    }

    @Test("a plan says when it opens and closes, for people and as JSON, and is made at any time")
    func plan() throws {
        let night = "window.allow=[\"22:00-05:00\"]"
        let table = try site.run("plan", "--set", night, environment: noon())
        #expect(table.code == 0)
        #expect(table.text.contains("Updates are to run at 22:00-05:00: the next time begins "), "\(table.text)")
        let json = try #require(
            try site.run("plan", "--format", "json", "--set", night, environment: noon()).events.first)
        let window = try #require(json["window"])
        #expect(window["allow"]?.arrayValue?.first?.stringValue == "22:00-05:00")
        #expect(window["opens"]?["local"]?.stringValue?.hasSuffix("22:00") == true)
        #expect(window["closes"]?["local"]?.stringValue?.hasSuffix("05:00") == true)
        let open = try #require(
            try site.run("plan", "--format", "json", "--set", "window.allow=[\"11:00-14:00\"]", environment: noon())
                .events.first?["window"])
        #expect(open["opens"] == nil && open["closes"] != nil)
    }

    @Test("with finish_by what is known to take longer is put off, and where that is all, nothing is begun")
    func finishBy() throws {
        try site.plugin(
            "one", update: "", manifest: "estimate = true\nseparate_download = false")
        let answer = "echo '{\"status\":\"success\",\"data\":{\"estimated_seconds\":7200}}'"
        try site.script(
            "one", "case $1 in estimate-update) \(answer);; update) touch \(site.path)/ran;; *) exit 2;; esac")
        let window = ["--set", "window.allow=[\"11:00-13:30\"]", "--set", "window.finish_by=true"]
        let plan = try site.start(["plan"] + window + site.places, environment: noon()).finish()
        let ended = try site.start(["run", "--yes"] + window + site.places, environment: noon()).finish()
        #expect(
            plan.text.replacing("\n", with: " ").contains("Put off, since not expected to end by then: one/execute."),
            "\(plan.text)\(plan.errorText)")
        #expect(ended.code == 6 && !hasRun, "\(ended.text)\(ended.errorText)")
        #expect(
            ended.errorText.contains("no step is expected to end before the policy's window closes"),
            "\(ended.errorText)")
    }
}
