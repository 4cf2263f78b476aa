import Glibc
import Interchange
import LinuxSystem
import SystemPackage
import Testing
import UpdateModel

@testable import Execution

/// Runs of one process in the same second have the same name: one after the other.
@Suite(.serialized, .enabled(if: canMakeGroups, Comment(rawValue: noGroups)), .timeLimit(.minutes(5)))
struct RunTests {
    let bench: RunBench

    init() throws { bench = try RunBench() }

    @Test("Steps end as their exits say, and what requires a failed one does not run")
    func outcomes() async throws {
        try bench.add("good", "echo done")
        try bench.add("bad", "echo 'E: broken' >&2; exit 3")
        try bench.add("signalled", "kill -9 $$")
        try bench.add("child", "echo never", manifest: "requires = [\"bad\"]")
        try bench.add("follower", "echo after", manifest: "after = [\"bad\"]")
        let run = try await bench.run()
        #expect(run["good"] == .succeeded)
        #expect(run["bad"] == .failed)
        #expect(run.end("bad")?.error == "E: broken")
        #expect(run.end("bad")?.exitCode == 3)
        #expect(run["signalled"] == .killed)
        #expect(run["child"] == .dependencyFailed)
        #expect(run.end("child")?.error == "requires bad/execute")
        #expect(run["follower"] == .succeeded)
        #expect(String(decoding: try run.log("good"), as: UTF8.self) == "done\n")
        #expect(run.result.signal == nil)
    }

    @Test("Every event is in the journal, but output; numbers rise, and each plugin is completed once")
    func journal() async throws {
        for plugin in ["a", "b"] {
            try bench.add(plugin, "echo line; echo 'PROGRESS:{\"percent\":50}' >&2", download: "true")
        }
        let run = try await bench.run()
        let journal = try text("\(run.directory)/events.jsonl").split(separator: "\n").map {
            try decodeEvent(Array($0.utf8))
        }
        #expect(journal.map(\.seq) == run.events.filter { $0.lineCount == 0 }.map(\.seq))
        #expect(run.events.map(\.seq) == run.events.map(\.seq).sorted())
        for plugin in ["a", "b"] {
            #expect(
                run.events.filter { event in
                    if event.plugin == name(plugin), case .completion = event.body { true } else { false }
                }.count == 1)
        }
        guard case .runStart? = run.events.first?.body, case .runEnd(let end)? = run.events.last?.body else {
            Issue.record("a run begins and ends with its own events")
            return
        }
        #expect(end.counts == [.succeeded: 2])
        #expect(end.success)
    }

    @Test("A step beyond its time is ended with all that it started")
    func timeout() async throws {
        bench.selection.timeout = .milliseconds(300)
        try bench.add("slow", "sleep 1000 & sleep 1000")
        let run = try await bench.run()
        #expect(run["slow"] == .timedOut)
        #expect(run.end("slow")?.exitCode == -1)
    }

    @Test("One that ignores SIGTERM is killed after its grace")
    func stubborn() async throws {
        bench.selection.timeout = .milliseconds(200)
        bench.policyText = "[step]\nstop_grace = \"300ms\"\n"
        try bench.add("slow", "trap '' TERM; while :; do sleep 1000; done")
        let run = try await bench.run()
        #expect(run["slow"] == .timedOut)
        #expect(run.end("slow")?.signal == 9)
    }

    @Test("A required limit that the kernel refuses when the step's group is made keeps it from running")
    func requiredLimit() async throws {
        let mark = "\(bench.directory.path)/ran"
        try bench.add("limited", "touch \(mark)")
        try bench.add("free", "true")
        bench.policyText = "enforcement = \"required\"\n"
        let refused = ControlWrite(file: "pids.max", value: "none at all")
        bench.beforeRun = {
            $0.commands[step("limited")]?.limits = [refused]
            $0.commands[step("limited")]?.required = [refused.file]
        }
        let run = try await bench.run()
        #expect(run["limited"] == .failed)
        #expect(run["free"] == .succeeded)
        #expect(run.result.lacksRequiredLimit)
        #expect(!fileExists(mark))
        #expect(run.start("limited") == nil)
        let reason = run.end("limited")?.error ?? ""
        #expect(reason.hasPrefix("limits that the policy requires are not in force: pids.max = none at all: "))
        #expect(
            run.events.contains { if case .limit(let limit) = $0.body { limit.control == "pids.max" } else { false } })

        bench.policyText = "enforcement = \"preferred\"\n"
        bench.beforeRun = { $0.commands[step("limited")]?.limits = [refused] }
        let preferred = try await bench.run()
        #expect(preferred["limited"] == .succeeded)
        #expect(!preferred.result.lacksRequiredLimit)
        #expect(fileExists(mark))
    }

    @Test("Holders of one mutex run one after the other, others meanwhile")
    func mutex() async throws {
        let body = "mkdir \(bench.directory.path)/held || exit 1; sleep 0.2; rmdir \(bench.directory.path)/held"
        for plugin in ["a", "b", "c"] {
            try bench.add(plugin, body, manifest: "[mutexes]\nupdate = [\"pkgmgr:execution-tests-\(getpid())\"]")
        }
        let run = try await bench.run()
        #expect(["a", "b", "c"].map { run[$0] } == [.succeeded, .succeeded, .succeeded])
    }

    @Test("Every job that waits for a mutex of another run is given up in time, not only the first")
    func foreignMutex() async throws {
        let mutex = "app:execution-tests-\(getpid())"
        for plugin in ["a", "b", "c"] {
            try bench.add(plugin, "echo never", manifest: "[mutexes]\nupdate = [\"\(mutex)\"]")
        }
        bench.policyText = "[step]\nwait_timeout = \"300ms\"\n"
        let other = OtherRun(mutex)
        let run = try await bench.run()
        #expect(["a", "b", "c"].map { run[$0] } == [.deferred, .deferred, .deferred])
        #expect(run.end("c")?.error?.contains("somebody else") == true, "\(run.end("c")?.error ?? "")")
        other.end()
    }

    @Test("What a job waits for steps of its own run does not count, whatever others held before")
    func ownMutex() async throws {
        let mutex = "app:execution-tests-\(getpid())"
        for plugin in ["a", "b"] {
            try bench.add(plugin, "sleep 1.5", manifest: "[mutexes]\nupdate = [\"\(mutex)\"]")
        }
        bench.policyText = "[step]\nwait_timeout = \"1s\"\n"
        let other = OtherRun(mutex)
        let run = try await bench.run { _, kept in
            // Both wait for it, the second one because the first one does.
            for plugin in ["a", "b"] {
                #expect(
                    await kept.wait { event in
                        if event.plugin == name(plugin), case .waiting = event.body { true } else { false }
                    })
            }
            other.end()
        }
        #expect(["a", "b"].map { run[$0] } == [.succeeded, .succeeded])
    }

    @Test("A download runs while another plugin installs")
    func overlap() async throws {
        let meeting = "\(bench.directory.path)/meeting"
        mkfifo(meeting, 0o666)
        // Each end of a FIFO waits for the other: it opens only where both run at the same time.
        try bench.add("a", "echo hello > \(meeting)")
        try bench.add("b", "true", download: "read line < \(meeting); test \"$line\" = hello")
        bench.selection.timeout = .seconds(30)
        let run = try await bench.run()
        #expect(run["a"] == .succeeded)
        #expect(run["b"] == .succeeded)
    }

    @Test("A failed download fails the plugin, and its execute phase does not run")
    func failedDownload() async throws {
        try bench.add("a", "echo never", download: "exit 4")
        let run = try await bench.run()
        #expect(run["a"] == .failed)
        #expect(run.start("a") == nil)
        #expect(run.end("a")?.outcome == .dependencyFailed)
    }

    @Test("A step that failed is tried again as often as asked, each try in a group of its own")
    func retries() async throws {
        bench.options.retries = 2
        let marks = "\(bench.directory.path)/marks"
        try bench.add("a", "echo x >> \(marks); test $(wc -l < \(marks)) = 3")
        let run = try await bench.run()
        #expect(run["a"] == .succeeded)
        #expect(try text(marks) == "x\nx\nx\n")
        #expect(run.errors.filter { $0.contains("trying again") }.count == 2)
    }

    @Test("--fail-fast ends what waits with the first failure")
    func failFast() async throws {
        bench.options.isFailFast = true
        bench.selection.jobs = 1
        try bench.add("a", "exit 1")
        try bench.add("b", "true", manifest: "after = [\"a\"]")
        let run = try await bench.run()
        #expect(run["a"] == .failed)
        #expect(run["b"] == .dependencyFailed || run["b"] == .skipped || run["b"] == .cancelled)
        #expect(run.end("b")?.error?.contains("--fail-fast") == true)
    }

    @Test("A grandchild that keeps the pipe open does not hold the step open, and is ended")
    func grandchild() async throws {
        try bench.add("a", "sleep 1000 & echo $! > \(bench.directory.path)/pid; echo done")
        let run = try await bench.run()
        #expect(run["a"] == .succeeded)
        let pid = try #require(Int32(try text("\(bench.directory.path)/pid").dropLast()))
        #expect(!isAlive(pid))
    }

    @Test("A daemon with a session of its own and no inherited descriptor is ended with its step")
    func daemon() async throws {
        let pids = "\(bench.directory.path)/pid"
        try bench.add(
            "a",
            "setsid -f env -i sh -c 'echo $$ > \(pids).new; mv \(pids).new \(pids); exec sleep 1000' "
                + "< /dev/null > /dev/null 2>&1; while ! test -e \(pids); do :; done")
        let run = try await bench.run()
        #expect(run["a"] == .succeeded)
        #expect(!isAlive(try #require(Int32(try text(pids).dropLast()))))
    }

    @Test("Leftovers of a commit are reported and stay")
    func commitLeftovers() async throws {
        let pids = "\(bench.directory.path)/pid"
        try bench.add(
            "a", "sleep 1000 > /dev/null 2>&1 & echo $! > \(pids)", manifest: "protected_phases = [\"execute\"]")
        let run = try await bench.run()
        #expect(run["a"] == .succeeded)
        let pid = try #require(Int32(try text(pids).dropLast()))
        defer { kill(pid, SIGKILL) }
        #expect(isAlive(pid))
        #expect(run.errors.contains { $0.hasPrefix("a/execute left processes behind that still run: ") })
    }

    @Test("A commit is told with its own signal and waited for, whatever else is asked")
    func commit() async throws {
        try bench.add(
            "a",
            "trap 'echo finishing; sleep 0.3; echo finished; exit 0' INT; echo ready; while :; do sleep 0.05; done",
            manifest: "protected_phases = [\"execute\"]\nstop = { execute = \"INT\" }")
        let run = try await bench.run { session, kept in
            #expect(await kept.wait { $0.lineCount > 0 })
            try await session.deliver(SIGINT)
            #expect(await kept.wait { if case .stopping = $0.body { true } else { false } })
            try await session.deliver(SIGINT)
        }
        #expect(run["a"] == .succeeded)
        #expect(run.result.signal == SIGINT)
        #expect(String(decoding: try run.log("a"), as: UTF8.self) == "ready\nfinishing\nfinished\n")
    }

    @Test("A first Ctrl-C ends what waits and stops what runs")
    func interrupt() async throws {
        bench.selection.jobs = 1
        try bench.add("a", "echo ready; exec sleep 1000")
        try bench.add("b", "echo never", manifest: "after = [\"a\"]")
        let run = try await bench.run { session, kept in
            #expect(await kept.wait { $0.lineCount > 0 })
            try await session.deliver(SIGINT)
        }
        #expect(run["a"] == .cancelled)
        #expect(run["b"] == .cancelled)
        #expect(run.start("b") == nil)
        #expect(run.result.signal == SIGINT)
        #expect(run.end("a")?.signal == SIGTERM)
    }

    @Test("A second one kills what does not end")
    func secondInterrupt() async throws {
        try bench.add("a", "trap '' TERM; echo ready; while :; do sleep 1000; done")
        let run = try await bench.run { session, kept in
            #expect(await kept.wait { $0.lineCount > 0 })
            try await session.deliver(SIGTERM)
            #expect(await kept.wait { if case .stopping = $0.body { true } else { false } })
            try await session.deliver(SIGINT)
        }
        #expect(run["a"] == .cancelled)
        #expect(run.end("a")?.signal == SIGKILL)
        #expect(run.result.signal == SIGTERM, "the first one counts")
    }

    @Test("A closed terminal ends nothing")
    func hangUp() async throws {
        try bench.add("a", "echo ready; sleep 0.2")
        let run = try await bench.run { session, kept in
            #expect(await kept.wait { $0.lineCount > 0 })
            try await session.deliver(SIGHUP)
        }
        #expect(run["a"] == .succeeded)
        #expect(run.errors.contains("the terminal was closed; the run goes on"))
    }

    @Test("Ctrl-C while plugins are asked ends the asking at once")
    func interruptAsking() async throws {
        try bench.directory.script("plugins/a", "sleep 1000")
        let session = try bench.session()
        try await session.open()
        let plugins = bench.plugins
        async let facts = session.ask(plugins, for: .plan)
        try await session.deliver(SIGINT)
        #expect(await facts.count == 1)
        #expect(await session.interruption == SIGINT)
        await session.close()
        await session.end()
    }

    @Test("A line of 100 MB without an end is in the log as it came, and reaches readers in pieces")
    func longLine() async throws {
        try bench.add("a", "head -c 104857600 /dev/zero | tr '\\0' x")
        let run = try await bench.run()
        #expect(run["a"] == .succeeded)
        let log = try run.log("a")
        #expect(log.count == 100 << 20)
        #expect(!log.contains { $0 != 0x78 })
        let lines = run.events.map(\.lineCount).reduce(0, +) + run.events.compactMap(\.drops).map(\.count).reduce(0, +)
        #expect(lines == 1600)
    }

    @Test("Bytes of any kind are kept as they came")
    func binary() async throws {
        let path = "\(bench.directory.path)/noise"
        var bytes: [UInt8] = (0..<300_000).map { _ in UInt8.random(in: 0...255) }
        bytes += Array("\u{1B}[2J\r\n\0\r".utf8) + [0xFF, 0xFE, 0x80]
        let file = try openFile(path, O_WRONLY | O_CREAT, mode: 0o644)
        try writeAll(file.raw, bytes)
        try bench.add("a", "cat \(path)")
        let run = try await bench.run()
        #expect(try run.log("a") == bytes)
    }

    @Test("Output is on a terminal where the policy says so")
    func terminal() async throws {
        bench.policyText = "[step]\npty = \"always\"\n"
        try bench.add("a", "test -t 1 && test -t 0 && echo \"$TERM\"")
        let run = try await bench.run()
        #expect(run["a"] == .succeeded)
        #expect(String(decoding: try run.log("a"), as: UTF8.self).hasPrefix("xterm-256color"))
    }

    @Test("A plugin's own private directory is its working directory, and is gone afterwards")
    func privateDirectory() async throws {
        try bench.add("a", "pwd; echo \"$TMPDIR\"; touch left")
        let run = try await bench.run()
        let lines = String(decoding: try run.log("a"), as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 2 && lines[0] == lines[1])
        #expect(!fileExists(String(lines[0])))
        #expect(try directoryEntries("\(bench.state)/tmp") == [])
    }

    @Test("Packages that a plugin reports are counted, and a report alone is no line")
    func result() async throws {
        try bench.add(
            "a",
            "echo 'PROGRESS:{\"type\":\"result\",\"packages_updated\":3}' >&2; echo 'PROGRESS:{\"type\":\"odd\"}' >&2")
        let run = try await bench.run()
        let completion = run.events.compactMap { if case .completion(let end) = $0.body { end } else { nil } }
        #expect(completion.map(\.packagesUpdated) == [3])
        #expect(String(decoding: try run.log("a"), as: UTF8.self).contains("[update-all: "))
    }

    @Test("What other accounts run gets their account, and what cannot be started says why")
    func accounts() async throws {
        try bench.add("other", "id -un; touch mine", manifest: "")
        try bench.directory.write("plugins/broken", "#!/no/such/interpreter\nis-applicable\n", mode: 0o755)
        try bench.directory.write(
            "plugins/broken.toml",
            "applicable_if = []\nrun_as = \"user\"\nestimate = false\nseparate_download = false\n")
        bench.policyText = "[plugin.other]\nrun_as = \"nobody\"\n"
        let run = try await bench.run()
        #expect(String(decoding: try run.log("other"), as: UTF8.self) == "nobody\n")
        #expect(run["other"] == .succeeded)
        #expect(run["broken"] == .failed)
        #expect(run.end("broken")?.error?.isEmpty == false)
    }

    @Test("Without a guardian a run goes on, and says what that means")
    func withoutGuardian() async throws {
        bench.hasGuardian = false
        try bench.add("a", "true", manifest: "protected_phases = [\"execute\"]")
        let run = try await bench.run()
        #expect(run["a"] == .succeeded)
        #expect(run.errors.contains { $0.hasPrefix("update-all-guardian is missing") })
    }

    @Test("A disk that is full fails the step whose log it is, and says so")
    func fullDisk() async throws {
        let disk = try SmallDisk(in: bench.directory)
        defer { withExtendedLifetime(disk) {} }
        bench.state = disk.path
        try bench.add("a", "head -c 8000000 /dev/zero; exec sleep 1000")
        let run = try await bench.run()
        #expect(run["a"] == .failed)
        #expect(run.end("a")?.error?.contains("its log cannot be written: No space left on device") == true)
    }

    @Test("A disk that refuses the last bytes of a step that has exited fails it, too")
    func fullDiskAtTheEnd() async throws {
        let disk = try SmallDisk(in: bench.directory)
        defer { withExtendedLifetime(disk) {} }
        bench.state = disk.path
        // All of it is in memory when the step ends, and the disk holds less.
        for plugin in ["a", "b", "c"] { try bench.add(plugin, "head -c 1500000 /dev/zero") }
        bench.selection.jobs = 1
        let run = try await bench.run()
        #expect(["b", "c"].map { run[$0] } == [.failed, .failed])
        for plugin in ["a", "b", "c"] {
            let isWhole = try run.log(plugin).count == 1_500_000
            #expect(isWhole == (run[plugin] == .succeeded), "\(plugin)")
        }
    }

    @Test("A commit goes on when its log's disk is full, and its log is told to be cut")
    func fullDiskOfCommit() async throws {
        let disk = try SmallDisk(in: bench.directory)
        defer { withExtendedLifetime(disk) {} }
        bench.state = disk.path
        try bench.add("a", "head -c 8000000 /dev/zero; sleep 0.2", manifest: "protected_phases = [\"execute\"]")
        let run = try await bench.run()
        #expect(run["a"] == .succeeded)
        #expect(run.errors.contains { $0.hasPrefix("the log of a/execute is cut: No space left on device") })
    }
}
