import Glibc
import JSONDocument
import Testing

/// What other programs read of a run: its events, and the logs.
@Suite(.timeLimit(.minutes(2)))
struct EventTests {
    let site: Site
    init() throws { site = try Site() }

    /// What the contract says of every stream of events.
    private func checkStream(_ events: [JSONValue], plugins: Set<String>) {
        #expect(events.first?["type"]?.stringValue == "run_start")
        #expect(events.last?["type"]?.stringValue == "run_end")
        let numbers = events.compactMap { $0["seq"]?.integerValue }
        #expect(numbers == Array(1...Int64(max(1, events.count))))
        let completed = events.ofType("completion").compactMap { $0["plugin"]?.stringValue }
        #expect(completed.count == plugins.count && Set(completed) == plugins)
    }

    @Test("--ui json is JSON lines alone, numbered without gaps, with one completion for each plugin")
    func standardOutput() throws {
        try site.plugin("good", update: "echo a; echo b >&2; echo 'PROGRESS:{\"percent\":50}' >&2")
        try site.plugin("bad", update: "exit 1")
        try site.plugin("behind", manifest: "requires = [\"bad\"]")
        let events = try site.events(code: 1)
        checkStream(events, plugins: ["good", "bad", "behind"])
        #expect(events.outcome("behind") == "dependency_failed")
        let progress = events.ofType("progress", plugin: "good").first
        #expect(progress?["percent"]?.doubleValue == 50, "\(events.filter { $0["plugin"]?.stringValue == "good" })")
    }

    @Test("--events FILE holds the same events, and events.jsonl all but the output")
    func eventFiles() throws {
        try site.plugin("good", update: "echo a")
        let ended = try site.run("run", "--yes", "--ui", "json", "--events", "\(site.path)/events")
        #expect(ended.code == 0)
        let file = try jsonLines(site.read("events"))
        checkStream(file, plugins: ["good"])
        #expect(try file == ended.events)
        let journal = try jsonLines(site.read("\(site.runDirectory)/events.jsonl"))
        #expect(journal == file.filter { $0["type"]?.stringValue != "output" })
        #expect(journal.count < file.count)
    }

    @Test("an events file that cannot be written is 2, and nothing is run")
    func eventsNowhere() throws {
        try site.plugin("one", update: "touch \(site.path)/ran")
        let ended = try site.run("run", "--yes", "--events", "\(site.path)/no/such/place")
        #expect(ended.code == 2)
        #expect(ended.errorText.contains("no/such/place"))
        #expect(access("\(site.path)/ran", F_OK) != 0)
    }

    @Test("a log keeps the bytes as they came")
    func logBytes() throws {
        try site.plugin("one", update: "printf 'a\\rb\\000\\377\\033[31m\\n\\nend'")
        _ = try site.events()
        let expected = Array("a\rb\0".utf8) + [0xFF] + Array("\u{1B}[31m\n\nend".utf8)
        #expect(try site.read("\(site.runDirectory)/one.execute.log") == expected)
        let logs = try site.start(["logs", "one", "--state-dir", "\(site.path)/state"]).finish()
        #expect(logs.code == 0)
        #expect(logs.output == Array("==> one.execute <==\n".utf8) + expected)
    }

    @Test("an escape sequence of a plugin never reaches standard output in plain mode")
    func plainIsClean() throws {
        try site.plugin("one", update: "printf 'x\\033]0;title\\007y\\033[2Jz\\n'; printf '\\033c' >&2; exit 1")
        let ended = try site.run("run", "--yes", "--ui", "plain")
        #expect(!ended.output.contains(0x1B) && !ended.output.contains(0x07))
        #expect(ended.text.contains("one: failed"), "\(ended.text)")
    }

    /// ```
    /// a ──requires──▶ b ──after──▶ c     d ──conflicts── e     f ──mutex── g
    /// ```
    @Test("what requires, comes after, conflicts or shares a mutex never overlaps")
    func order() throws {
        try site.plugin("a")
        try site.plugin("b", manifest: "requires = [\"a\"]")
        try site.plugin("c", manifest: "after = [\"b\"]")
        try site.plugin("d", manifest: "conflicts = [\"e\"]")
        try site.plugin("e")
        let mutex = "[mutexes]\nupdate = [\"app:e2e-\(site.name)\"]"
        try site.plugin("f", tables: mutex)
        try site.plugin("g", tables: mutex)
        let events = try site.events("--jobs", "8")
        func interval(_ plugin: String) throws -> (start: Int64, end: Int64) {
            (
                try #require(events.position("phase_start", plugin)), try #require(events.position("phase_end", plugin))
            )
        }
        #expect(try interval("a").end < interval("b").start)
        #expect(try interval("b").end < interval("c").start)
        for (one, other) in [("d", "e"), ("f", "g")] {
            let (first, second) = (try interval(one), try interval(other))
            #expect(first.end < second.start || second.end < first.start, "\(one) and \(other)")
        }
    }

    @Test("a download runs while another plugin's update does")
    func overlap() throws {
        // Each waits for the other: in any order but together they would never end.
        let (one, two) = (try site.signpost("one.pipe"), try site.signpost("two.pipe"))
        try site.plugin("installs", update: "\(one.say("here"))\n\(two.stop)")
        try site.plugin(
            "downloads", update: "[ \"$1\" = download ] || exit 0\n\(two.say("here"))\n\(one.stop)",
            manifest: "separate_download = true")
        let events = try site.events("--jobs", "2", "--timeout", "30s")
        #expect(events.outcome("downloads") == "succeeded")
        #expect(events.position("phase_end", "downloads", "download") != nil)
    }

    @Test("--fail-fast starts nothing more after a failure")
    func failFast() throws {
        try site.plugin("bad", update: "exit 1")
        try site.plugin("later", update: "touch \(site.path)/ran", manifest: "after = [\"bad\"]")
        let events = try site.events("--fail-fast", code: 1)
        #expect(events.outcome("later") == "skipped")
        #expect(access("\(site.path)/ran", F_OK) != 0)
    }

    @Test("--retry tries a failed step again, and all tries are in its log")
    func retry() throws {
        try site.plugin(
            "flaky", update: "echo try; [ -e \(site.path)/second ] && exit 0; touch \(site.path)/second; exit 1")
        #expect(try site.events("--retry", "1").outcome("flaky") == "succeeded")
        #expect(try site.read("\(site.runDirectory)/flaky.execute.log") == Array("try\ntry\n".utf8))
    }

    @Test("a step beyond its time ends with exit code -1 and says so")
    func timeout() throws {
        try site.plugin("slow", update: "sleep 60 & exec sleep 60")
        let events = try site.events("--timeout", "1s", code: 1)
        let end = try #require(events.ofType("phase_end", plugin: "slow").first)
        #expect(end["outcome"]?.stringValue == "timed_out")
        #expect(end["exit_code"]?.integerValue == -1)
        #expect(end["error"]?.stringValue == "Command timed out after 1s")
    }

    @Test("a process that a step leaves behind is ended with it")
    func leftovers() throws {
        try site.plugin("one", update: "sleep 60 >/dev/null 2>&1 &\necho $! > \(site.path)/left")
        _ = try site.events()
        let pid = try #require(pid_t(String(decoding: site.read("left"), as: UTF8.self).trimmed))
        #expect(hasEnded(pid, within: 2))
    }
}

/// Plugins that are nothing but an executable.
@Suite(.timeLimit(.minutes(2)))
struct PluginFileTests {
    let site: Site
    init() throws { site = try Site() }

    @Test("a file that does not mention the protocol is asked nothing, and runs as a plain update")
    func legacy() throws {
        try site.script("old", "echo \"$*\" >> \(site.path)/calls")
        #expect(try site.events().outcome("old") == "succeeded")
        #expect(try site.read("calls") == Array("update\n".utf8))
    }

    @Test("a file that speaks the protocol is asked whether it applies first, and downloads apart")
    func speaksProtocol() throws {
        try site.script(
            "new",
            """
            echo "$1" >> \(site.path)/calls
            case "$1" in
            is-applicable|can-separate-download|download|update) exit 0 ;;
            *) exit 2 ;;
            esac
            """)
        let events = try site.events()
        #expect(events.outcome("new") == "succeeded")
        let calls = String(decoding: try site.read("calls"), as: UTF8.self).split(separator: "\n")
        #expect(calls.first == "is-applicable")
        #expect(calls.suffix(2) == ["download", "update"])
    }

    @Test("an estimate of nothing to update is up_to_date, and nothing of it runs")
    func upToDate() throws {
        try site.plugin(
            "fresh",
            update: """
                case "$1" in
                estimate-update) echo '{"status":"success","data":{"total_bytes":0,"package_count":0,"packages":[]}}' ;;
                update) touch \(site.path)/ran ;;
                esac
                """, manifest: "estimate = true")
        #expect(try site.events().outcome("fresh") == "up_to_date")
        #expect(access("\(site.path)/ran", F_OK) != 0)
    }
}
