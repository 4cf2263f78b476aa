import Glibc
import JSONDocument
import Testing

/// `download`: what a run would fetch, and nothing else.
@Suite(.timeLimit(.minutes(2)))
struct DownloadTests {
    let site: Site

    /// "tool" keeps what it fetches in a cache, and needs "base", which fetches nothing beforehand.
    init() throws {
        site = try Site()
        try site.plugin(
            "tool",
            manifest:
                "estimate = true\nseparate_download = true\nrequires = [\"base\"]\ntimeouts = { download = \"1m\" }")
        try site.script(
            "tool",
            """
            cache=\(site.path)/cache
            case $1 in
            estimate-update)
                if [ -e $cache ]; then size=0; else size=1000; fi
                echo '{"status":"success","data":{"packages":[{"name":"lib","version":"2"}],"total_bytes":'$size'}}';;
            download)
                if [ -e $cache ]; then echo cached; else echo fetched; touch $cache; fi;;
            update) echo installed >> \(site.path)/installed;;
            *) exit 1;;
            esac
            """)
        try site.plugin("base", update: "echo base >> \(site.path)/installed")
    }

    private func events(_ command: String, _ arguments: String..., code: Int32 = 0) throws -> [JSONValue] {
        let ended = try site.start([command, "--ui", "json"] + arguments + site.places).finish()
        #expect(ended.code == code, "\(ended.errorText)")
        return try ended.events
    }

    @Test("it runs the download phases alone, asks nobody, and the run after it fetches nothing again")
    func alone() throws {
        let first = try events("download")
        #expect(first.ofType("phase_start").map { $0["phase"]?.stringValue } == ["download"])
        #expect(first.outcome("tool") == "succeeded")
        #expect(first.outcome("base") == "up_to_date")
        #expect(first.ofType("output", plugin: "tool").map { $0["line"]?.stringValue } == ["fetched"])
        #expect(access("\(site.path)/installed", F_OK) != 0)

        let plan = try #require(try site.run("plan", "--format", "json").events.first)
        #expect(plan["fetch_bytes"]?.integerValue == 0)
        let second = try events("run", "--yes")
        #expect(second.ofType("output", plugin: "tool").map { $0["line"]?.stringValue } == ["cached"])
        #expect(second.outcome("tool") == "succeeded")
    }

    @Test("it is governed and logged as a run is: a timeout ends it, the exit code is 1")
    func governed() throws {
        try site.script(
            "tool", "case $1 in download) echo begun; exec sleep 60;; estimate-update) exit 2;; *) exit 1;; esac")
        let events = try events("download", "--timeout", "500ms", code: 1)
        #expect(events.outcome("tool") == "timed_out")
        let log = try site.read("\(try site.runDirectory)/tool.download.log")
        #expect(String(decoding: log, as: UTF8.self).hasPrefix("begun\n"))
    }

    @Test("what is required and not there keeps a plugin from fetching what it could not install")
    func requirements() throws {
        let ended = try events("download", "tool")
        #expect(ended.outcome("tool") == "skipped")
        #expect(access("\(site.path)/cache", F_OK) != 0)
    }

    @Test("where nothing is to be fetched it says so and is 0")
    func nothing() throws {
        let ended = try site.run("download", "base")
        #expect(ended.code == 0, "\(ended.errorText)")
        #expect(ended.text.contains("Nothing to do."))
        #expect(ended.text.contains("base (up to date: it fetches nothing beforehand)"), "\(ended.text)")
    }
}
