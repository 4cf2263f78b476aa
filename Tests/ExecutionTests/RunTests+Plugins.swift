import Glibc
import LinuxSystem
import SystemPackage
import Testing
import UpdateModel

@testable import Execution

/// What plugins do that they should not. docs/states.md says in which test each of its rows is.
extension RunTests {
    private func pids(_ name: String) throws -> [Int32] {
        try text("\(bench.directory.path)/\(name)").split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
    }

    @Test("One that has vanished since it was planned fails with its path, and the others run")
    func vanished() async throws {
        try bench.add("gone", "echo never")
        try bench.add("other", "true")
        let path = "\(bench.directory.path)/plugins/gone"
        bench.beforeRun = { _ in unlink(path) }
        let run = try await bench.run()
        #expect(run["gone"] == .failed)
        #expect(run.end("gone")?.error?.contains(path) == true, "\(run.end("gone")?.error ?? "")")
        #expect(run["other"] == .succeeded)
    }

    @Test("A commit that fails says what its plugin finds out of order, and one that succeeds is not asked")
    func validation() async throws {
        let body = """
            case $1 in
            update) echo "broken pipe" >&2; exit $CODE ;;
            validate) touch \(bench.directory.path)/$NAME.asked; echo "$NAME: run 'repair'" >&2; exit 1 ;;
            *) exit 2 ;;
            esac
            """
        for (name, code, phases) in [("bad", 3, "\"execute\""), ("good", 0, "\"execute\""), ("plain", 3, "")] {
            try bench.directory.script("plugins/\(name)", "NAME=\(name) CODE=\(code)\n\(body)")
            try bench.directory.write(
                "plugins/\(name).toml",
                """
                applicable_if = []
                run_as = "user"
                estimate = false
                separate_download = false
                protected_phases = [\(phases)]
                """)
        }
        let run = try await bench.run()
        #expect(run.end("bad")?.error?.hasSuffix("; run 'repair'") == true, "\(run.end("bad")?.error ?? "")")
        #expect(run["bad"] == .failed)
        #expect(run["good"] == .succeeded)
        #expect(run["plain"] == .failed)
        #expect(fileExists("\(bench.directory.path)/bad.asked"))
        #expect(!fileExists("\(bench.directory.path)/good.asked"))
        #expect(!fileExists("\(bench.directory.path)/plain.asked"))
    }

    @Test("One that forks without end is ended with all that it forked, and holds up nothing else")
    func forks() async throws {
        let started = "\(bench.directory.path)/started"
        try bench.add("bomb", "while :; do sleep 1000 & echo $! >> \(started); done")
        try bench.add("other", "true")
        bench.policyText = "[step]\nstop_grace = \"100ms\"\n[plugin.bomb]\ntimeout = \"500ms\"\n"
        let run = try await bench.run()
        #expect(run["bomb"] == .timedOut)
        #expect(run["other"] == .succeeded)
        let processes = try pids("started")
        #expect(processes.count > 10)
        #expect(processes.filter(isAlive) == [])
    }

    @Test("One that closes its outputs is waited for all the same")
    func closesOutputs() async throws {
        let mark = "\(bench.directory.path)/done"
        try bench.add("a", "exec >&- 2>&-; sleep 0.3; touch \(mark); exit 7")
        let run = try await bench.run()
        #expect(run["a"] == .failed)
        #expect(run.end("a")?.exitCode == 7)
        #expect(fileExists(mark))
    }

    @Test("A progress line that never ends is output, in pieces, and kept as it came")
    func endlessProgress() async throws {
        try bench.add("a", "{ printf 'PROGRESS:{\"percent\":'; head -c 10485760 /dev/zero | tr '\\0' 1; } >&2")
        let run = try await bench.run()
        #expect(run["a"] == .succeeded)
        #expect(try run.log("a").count == 10_485_760 + "PROGRESS:{\"percent\":".utf8.count)
        #expect(!run.events.contains { if case .progress = $0.body { true } else { false } })
    }

    @Test("Results without end are bounded, and the log says so")
    func endlessResults() async throws {
        try bench.add(
            "a",
            "i=0; while [ $i -lt 1000 ]; do i=$((i+1)); echo 'PROGRESS:{\"type\":\"result\",\"packages_updated\":1}'; done >&2"
        )
        let run = try await bench.run()
        #expect(run.events.filter { if case .result = $0.body { true } else { false } }.count == StepRun.maximumResults)
        #expect(String(decoding: try run.log("a"), as: UTF8.self).contains("[update-all: more than 100 results"))
    }

    @Test("One that answers a probe for ever is ended with the question's time, and the others run")
    func endlessAnswer() async throws {
        try bench.directory.script("plugins/endless", "while :; do echo yes; done")
        try bench.directory.write("plugins/endless.toml", "[timeouts]\nis_applicable = \"1s\"\n")
        try bench.add("other", "true")
        let run = try await bench.run()
        #expect(run["endless"] == .timedOut)
        let skipped = run.plan.skipped.first { $0.plugin == name("endless") }
        #expect(skipped?.reason.contains("1s") == true, "\(run.plan.skipped)")
        #expect(run["other"] == .succeeded)
    }

    @Test(
        "What outlives a step is kept without a word, or reported, where the policy says so", arguments: [false, true])
    func leftovers(isReported: Bool) async throws {
        bench.policyText = "[step]\nleftovers = \"\(isReported ? "report" : "keep")\"\n"
        try bench.add("a", "sleep 1000 > /dev/null 2>&1 & echo $! > \(bench.directory.path)/pid")
        let run = try await bench.run()
        #expect(run["a"] == .succeeded)
        let pid = try #require(try pids("pid").first)
        defer { kill(pid, SIGKILL) }
        #expect(isAlive(pid))
        let told = run.errors.filter { $0.hasPrefix("a/execute left processes behind that still run: ") }
        #expect(told == (isReported ? ["a/execute left processes behind that still run: \(pid)"] : []))
    }

    @Test("A log that cannot be opened fails its step alone, and names it")
    func unwritableLog() async throws {
        try bench.add("first", "cd \(bench.state)/runs/* && mkdir second.execute.log")
        try bench.add("second", "echo never", manifest: "after = [\"first\"]")
        try bench.add("third", "true", manifest: "after = [\"second\"]")
        let run = try await bench.run()
        #expect(run["second"] == .failed)
        #expect(run.end("second")?.error?.contains("second.execute.log cannot be opened: Is a directory") == true)
        #expect(run["first"] == .succeeded)
        #expect(run["third"] == .succeeded)
    }
}
