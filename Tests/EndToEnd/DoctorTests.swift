import Glibc
import JSONDocument
import Testing

/// `doctor`: what is there, and what its exit code means.
@Suite(.timeLimit(.minutes(2)))
struct DoctorTests {
    let site: Site

    init() throws {
        site = try Site()
        try site.plugin("one", update: "touch \(site.path)/ran")
    }

    private func mechanisms(_ arguments: String..., code: Int32) throws -> [String: JSONValue] {
        let ended = try site.start(["doctor", "--format", "json"] + arguments + site.places).finish()
        #expect(ended.code == code, "\(ended.errorText)\(ended.text)")
        let report = try #require(try ended.events.first)
        #expect(report["ready"]?.boolValue == (code == 0))
        return Dictionary(
            uniqueKeysWithValues: try #require(report["mechanisms"]?.arrayValue).map {
                ($0["name"]?.stringValue ?? "", $0)
            })
    }

    @Test("where a run can begin it is 0, has started a process, runs no plugin and leaves nothing behind")
    func ready() throws {
        let found = try mechanisms(code: 0)
        for name in ["starting", "pidfd", "subreaper", "state, logs", "configuration", "guardian", "trust"] {
            #expect(found[name]?["state"]?.stringValue == "ok", "\(name): \(String(describing: found[name]))")
        }
        for gap in found.values where gap["state"]?.stringValue == "broken" { Issue.record("\(gap)") }
        #expect(found["policy"]?["finding"]?.stringValue?.hasPrefix("policy is valid") == true)
        #expect(found["plugins"]?["finding"]?.stringValue == "1 plugin, files valid")
        #expect(access("\(site.path)/ran", F_OK) != 0)
        #expect(try shell("ls -A '\(site.path)/state'") == "")
    }

    @Test("it says of groups what a plan says of limits")
    func groups() throws {
        let limits = ["--set", "step.memory_max=1G"]
        let plan = try #require(
            try site.start(["plan", "--format", "json"] + limits + site.places).finish().events.first)
        let found = try mechanisms("--set", "step.memory_max=1G", code: 0)
        let isEnforced = plan["not_enforced"] == nil
        let controllers = try #require(found["controllers"])
        #expect((controllers["finding"]?.stringValue?.contains("memory") == true) == isEnforced || !isEnforced)
        #expect((found["policy"]?["state"]?.stringValue == "ok") == isEnforced)
    }

    @Test("limits that are required and missing are 3")
    func required() throws {
        let found = try mechanisms("--set", "enforcement=required", "--set", "run.download_enforce=true", code: 3)
        #expect(found["policy"]?["state"]?.stringValue == "broken")
        #expect(found["policy"]?["mend"]?.stringValue?.contains("--set enforcement=preferred") == true)
    }

    @Test("files that are not valid are 2, each at its place")
    func invalid() throws {
        let file = try site.write("config.toml", "[plugins]\nenabel = []\n")
        try site.write("plugins/bad.toml", "nmae = 1\n")
        let found = try mechanisms("--config", file, code: 2)
        #expect(found["configuration"]?["finding"]?.stringValue?.hasPrefix("\(file):2:1: unknown key") == true)
        #expect(found["plugins"]?["finding"]?.stringValue?.contains("bad.toml:1:1") == true)
    }

    @Test("a state directory that cannot be written is 1")
    func unwritable() throws {
        try site.write("file", "")
        let places = ["--plugin-dir", "\(site.path)/plugins", "--state-dir", "\(site.path)/file"]
        let ended = try site.start(["doctor"] + places).finish()
        #expect(ended.code == 1, "\(ended.text)")
        #expect(ended.text.contains("✗ state, logs"))
        #expect(ended.text.contains("→ make it writable, or choose another place with --state-dir"))
    }

    @Test(
        "a plugin for root that others can change is told with the mend",
        .enabled(if: geteuid() == 0, "only root's run would run it as root"))
    func untrusted() throws {
        try site.plugin("rooted")
        try site.write(
            "plugins/rooted.toml",
            "name = \"rooted\"\napplicable_if = []\nrun_as = \"root\"\nestimate = false\nseparate_download = false\n")
        chmod("\(site.path)/plugins/rooted", 0o777)
        let found = try mechanisms(code: 1)
        let trust = try #require(found["trust"])
        #expect(trust["finding"]?.stringValue?.contains("\(site.path)/plugins/rooted") == true, "\(trust)")
        #expect(trust["mend"]?.stringValue?.contains("chmod go-w") == true)
    }
}
