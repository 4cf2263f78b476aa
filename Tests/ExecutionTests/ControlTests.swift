import Glibc
import Interchange
import LinuxSystem
import Reactor
import RunModel
import Synchronization
import SystemPackage
import Testing

@testable import Execution

private func hasOutput(of plugin: String) -> @Sendable (Event) -> Bool {
    { $0.plugin?.rawValue == plugin && $0.lineCount > 0 }
}

private func intervention(_ action: Intervention.Action) -> @Sendable (Event) -> Bool {
    { if case .control(let intervention) = $0.body { intervention.action == action } else { false } }
}

/// Makes the file that a step waits for.
private func open(_ gate: String) throws {
    _ = try openFile(gate, O_WRONLY | O_CREAT, mode: 0o600)
}

/// Runs of real processes, asked over their sockets by this process.
@Suite("A run in progress is asked and steered") struct ControlTests {
    private let bench: RunBench

    init() throws {
        bench = try RunBench()
        bench.hasControl = true
    }

    /// A file that a step waits for.
    private var gate: String { "\(bench.directory.path)/gate" }

    /// Beats until the gate is there.
    private var heart: String { "echo beat; until test -e \(gate); do sleep 0.02; echo beat; done" }

    @Test("A paused run freezes what runs, starts nothing, says what waits for it, and goes on after resume")
    func pause() async throws {
        bench.selection.jobs = 2
        try bench.add("a", heart)
        try bench.add("b", heart)
        try bench.add("c", "echo ran")
        let client = ControlClient(bench.places)
        let ask: @Sendable (ControlRequest) throws -> ControlReply = { try #require(try client.ask($0)) }
        let run = try await bench.run { [gate] _, kept in
            #expect(await kept.wait(for: hasOutput(of: "a")))
            #expect(await kept.wait(for: hasOutput(of: "b")))
            let paused = try ask(.pause)
            #expect(paused.notes.contains("frozen: a/execute, b/execute"), "\(paused.notes)")
            let status = try #require(paused.status)
            #expect(status.pause?.user == (try Account.numbered(geteuid()))?.name)
            #expect(status.steps.map(\.state) == [.frozen, .frozen, .waiting])
            #expect(
                await kept.wait { if case .waiting(_, .pause, _) = $0.body { $0.plugin == name("c") } else { false } })
            #expect(try ask(.pause).notes.first?.contains("is paused already") == true)
            // Frozen, they do not see it.
            try open(gate)
            for _ in 0..<20 { #expect(try ask(.status).status?.steps.map(\.state) == [.frozen, .frozen, .waiting]) }
            #expect(try ask(.resume).notes.first?.hasSuffix("goes on") == true)
            #expect(try ask(.resume).notes.first?.hasSuffix("is not paused") == true)
        }
        #expect(run["a"] == .succeeded && run["b"] == .succeeded && run["c"] == .succeeded)
        let seqs = [Intervention.Action.pause, .resume].map { run.seq(intervention($0)) }
        let started = run.start("c")
        #expect(seqs[0] != nil && seqs[1] != nil && started ?? 0 > seqs[1] ?? .max)
    }

    @Test("A step that ends while the run is paused is not tried again before it goes on")
    func endWhileFrozen() async throws {
        bench.options.retries = 1
        try bench.add("a", "echo $$; test -e \(gate) || exec sleep 1000")
        let client = ControlClient(bench.places)
        let run = try await bench.run { [gate] _, kept in
            #expect(await kept.wait(for: hasOutput(of: "a")))
            _ = try client.ask(.pause)
            let line = kept.events.withLock { $0.lazy.compactMap(\.firstLine).first } ?? ""
            // A frozen process dies by this all the same.
            kill(try #require(pid_t(line)), SIGKILL)
            try open(gate)
            // Launched into a frozen group it would hold the loop, which then could not answer.
            for _ in 0..<20 { #expect(try client.ask(.status)?.status?.pause != nil) }
            _ = try client.ask(.resume)
        }
        #expect(run["a"] == .succeeded)
        let resumed = try #require(run.seq(intervention(.resume)))
        let starts = run.events.filter { if case .phaseStart = $0.body { true } else { false } }.map(\.seq)
        #expect(starts.count == 2 && starts[1] > resumed)
    }

    @Test("A paused run that is cancelled is thawed, so that steps can end in order")
    func cancelPaused() async throws {
        try bench.add("a", "trap 'echo tidied; exit 1' TERM; echo ready; sleep 1000 & wait")
        try bench.add("b", "echo never", manifest: "after = [\"a\"]")
        let client = ControlClient(bench.places)
        let run = try await bench.run { _, kept in
            #expect(await kept.wait(for: hasOutput(of: "a")))
            _ = try client.ask(.pause)
            let reply = try #require(try client.ask(.cancel))
            #expect(reply.status?.state == .ending && reply.status?.pause == nil)
        }
        #expect(run["a"] == .cancelled && run["b"] == .cancelled)
        #expect(run.result.signal == SIGTERM)
        #expect(String(decoding: try run.log("a"), as: UTF8.self) == "ready\ntidied\n")
    }

    @Test("A second cancel kills at once what does not end")
    func cancelTwice() async throws {
        try bench.add("a", "trap '' TERM; echo ready; while :; do sleep 1000; done")
        let client = ControlClient(bench.places)
        let run = try await bench.run { _, kept in
            #expect(await kept.wait(for: hasOutput(of: "a")))
            #expect(try client.ask(.cancel)?.notes.first?.hasSuffix("is told to end") == true)
            #expect(await kept.wait { if case .stopping = $0.body { true } else { false } })
            let error = runError { _ = try client.ask(.pause) }
            #expect(error?.exitCode == .failure && error?.description.contains("is ending") == true)
            _ = try client.ask(.cancel)
        }
        #expect(run["a"] == .cancelled)
        #expect(run.end("a")?.signal == SIGKILL)
    }

    /// A step that waits for what another run holds, at most five seconds; the run is paused for more than that.
    private func pauseWaiting(
        _ mutex: String, then goOn: @escaping @Sendable (ControlClient) throws -> Void
    ) async throws -> EndedRun {
        bench.policyText += "wait_timeout = \"5s\"\n"
        try bench.add("waits", "echo ran", manifest: "[mutexes]\nupdate = [\"\(mutex)\"]")
        try bench.add(
            "commit", "echo begun; until test -e \(gate); do sleep 0.02; done; sleep 6",
            manifest: "protected_phases = [\"execute\"]")
        let client = ControlClient(bench.places)
        return try await bench.run { [gate] _, kept in
            #expect(await kept.wait(for: hasOutput(of: "commit")))
            #expect(await kept.wait { if case .waiting(_, .otherRun, .some) = $0.body { true } else { false } })
            _ = try client.ask(.pause)
            // By its end six seconds have passed.
            try open(gate)
            #expect(
                await kept.wait { event in
                    if event.plugin == name("commit"), case .phaseEnd = event.body { true } else { false }
                })
            try goOn(client)
        }
    }

    @Test("While a run is paused no time is counted for which a step waits for what others hold")
    func waiting() async throws {
        let mutex = "app:paused-\(getpid())"
        let other = OtherRun(mutex)
        let run = try await pauseWaiting(mutex) { client in
            other.end()
            _ = try client.ask(.resume)
        }
        #expect(run["waits"] == .succeeded, "\(run.end("waits")?.error ?? "")")
    }

    @Test("After a pause it is counted on, and said")
    func waitingOn() async throws {
        let mutex = "app:paused-on-\(getpid())"
        let other = OtherRun(mutex)
        let run = try await pauseWaiting(mutex) { _ = try $0.ask(.resume) }
        #expect(run["waits"] == .deferred)
        let resumed = try #require(run.seq(intervention(.resume)))
        let limits = run.events.compactMap { event -> (seq: UInt64, limit: Duration?)? in
            if case .waiting(_, .otherRun, let limit) = event.body { (event.seq, limit) } else { nil }
        }
        #expect(limits.contains { $0.seq < resumed && $0.limit == nil }, "\(limits)")
        let last = try #require(limits.last)
        #expect(last.seq > resumed && last.limit.map { $0 > .zero && $0 <= .seconds(5) } == true, "\(limits)")
        other.end()
    }

    @Test("Downloads that begin after another rate was set have their share of that one, until it goes")
    func downloadRate() async throws {
        bench.policyText = "[run]\nparallel = 2\ndownloads = 2\ndownload_rate = \"1M\"\n"
        for (plugin, others) in [("a", ""), ("b", ""), ("c", "after = [\"b\"]"), ("d", "after = [\"c\"]")] {
            let body =
                "echo told ${UPDATE_ALL_DOWNLOAD_RATE_BYTES-nothing}; until test -e \(gate).\(plugin); do sleep 0.02; done"
            try bench.add(
                plugin, body,
                manifest: "\(others)\nkeeps_download_rate = true\nmutexes = { update = [\"network:download\"] }")
        }
        let client = ControlClient(bench.places)
        let run = try await bench.run { [gate] _, kept in
            for plugin in ["a", "b"] { #expect(await kept.wait(for: hasOutput(of: plugin))) }
            _ = try client.ask(.set(["run.download_rate=4M"]))
            try open("\(gate).b")
            #expect(await kept.wait(for: hasOutput(of: "c")))
            _ = try client.ask(.set(["run.download_rate=400K"]))
            try open("\(gate).c")
            #expect(await kept.wait(for: hasOutput(of: "d")))
            for plugin in ["a", "d"] { try open("\(gate).\(plugin)") }
        }
        func told(_ plugin: String) throws -> String { String(decoding: try run.log(plugin), as: UTF8.self) }
        #expect(try told("a") == "told \(512 << 10)\n" && told("b") == "told \(512 << 10)\n")
        // Of 4 MiB a has half a mebibyte; of 400 KiB a tenth of that, as if it had been told anew.
        #expect(try told("c") == "told \((4 << 20) - (512 << 10))\n")
        let ofFirst = Int(Double(512 << 10) * Double(400 << 10) / Double(4 << 20))
        #expect(try told("d") == "told \((400 << 10) - ofFirst)\n")
    }

    @Test("A commit goes on while the run is paused")
    func commit() async throws {
        try bench.add("commit", heart, manifest: "protected_phases = [\"execute\"]")
        let client = ControlClient(bench.places)
        let run = try await bench.run { [gate] _, kept in
            #expect(await kept.wait(for: hasOutput(of: "commit")))
            let reply = try #require(try client.ask(.pause))
            #expect(reply.notes.contains("commits go on to their end: commit/execute"), "\(reply.notes)")
            try open(gate)
            #expect(await kept.wait { if case .phaseEnd = $0.body { true } else { false } })
            // The run may be over by now.
            _ = try? client.ask(.resume)
        }
        #expect(run["commit"] == .succeeded)
    }

    @Test("A commit that fails while the run is paused is asked about when it goes on, and not before")
    func failedCommit() async throws {
        try bench.directory.script(
            "plugins/commit",
            """
            case $1 in
            update) echo $$; until test -e \(gate); do sleep 0.02; done; exit 1 ;;
            validate) echo "run 'repair'" >&2; exit 1 ;;
            *) exit 2 ;;
            esac
            """)
        try bench.directory.write(
            "plugins/commit.toml",
            """
            applicable_if = []
            run_as = "user"
            estimate = false
            separate_download = false
            protected_phases = ["execute"]
            """)
        let client = ControlClient(bench.places)
        let run = try await bench.run { [gate] _, kept in
            #expect(await kept.wait(for: hasOutput(of: "commit")))
            _ = try client.ask(.pause)
            try open(gate)
            let line = kept.events.withLock { $0.lazy.compactMap(\.firstLine).first } ?? ""
            let process = try #require(pid_t(line))
            // A question in a frozen group would hold the loop, which then could not answer.
            while isAlive(process) { _ = try client.ask(.status) }
            for _ in 0..<20 { #expect(try client.ask(.status)?.status?.pause != nil) }
            _ = try client.ask(.resume)
        }
        #expect(run["commit"] == .failed)
        #expect(run.end("commit")?.error?.contains("run 'repair'") == true)
    }

    @Test("A run that is paused before its steps begin starts none until it goes on")
    func pauseBeforeSteps() async throws {
        try bench.add("a", "echo ran")
        let client = ControlClient(bench.places)
        bench.beforeRun = { _ in
            let status = try? client.ask(.status)?.status
            #expect(status?.state == .preparing)
            #expect((try? client.ask(.pause)) != nil)
        }
        let run = try await bench.run { _, kept in
            #expect(await kept.wait(for: intervention(.pause)))
            #expect(await kept.wait { if case .waiting(_, .pause, _) = $0.body { true } else { false } })
            _ = try client.ask(.resume)
        }
        #expect(run["a"] == .succeeded)
        #expect(run.start("a") ?? 0 > run.seq(intervention(.resume)) ?? .max)
    }

    @Test("The socket is its account's alone, a dead run's is replaced, and none is left behind")
    func socket() async throws {
        let place = "\(bench.state)/current"
        try bench.add("a", "echo ready")
        // What a run leaves that was killed.
        try makeDirectories(place, mode: 0o755)
        do {
            let directory = try openDirectory(place)
            _ = try listenLocally("control", in: directory.raw, backlog: 1)
        }
        let client = ControlClient(bench.places)
        #expect(try client.ask(.status) == nil)
        bench.beforeRun = { _ in
            #expect((try? status(place))?.st_mode == S_IFDIR | 0o700)
            #expect((try? status("\(place)/control"))?.st_mode == S_IFSOCK | 0o600)
        }
        _ = try await bench.run()
        #expect(access(place, F_OK) != 0)
        #expect(try client.ask(.status) == nil)
        let newest = try #require(client.newestRun())
        #expect(newest.end?.success == true && newest.remarks.isEmpty)
    }

    @Test("A path of any length is no obstacle")
    func longPath() async throws {
        for _ in 0..<4 { bench.state += "/" + String(repeating: "long", count: 50) }
        try bench.add("a", "echo ready")
        let client = ControlClient(bench.places)
        bench.beforeRun = { _ in #expect((try? client.ask(.status)?.status) != nil) }
        _ = try await bench.run()
    }
}

/// The socket alone, with clients that misbehave.
@Suite("The control socket's bounds") struct ControlServerTests {
    /// An actor whose callbacks are the server's, as a session's are.
    private actor Host {
        private let loop: EventLoop
        private var server: ControlServer?

        nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

        init() throws { loop = try EventLoop(name: "control-test") }

        func open(in state: String, patience: Duration = .seconds(60)) throws {
            server = try ControlServer(in: state, loop: loop, patience: patience) { request, _, reply in
                // An echo, as large as is asked for.
                let size = Int(String(decoding: request, as: UTF8.self)) ?? request.count
                reply([UInt8](repeating: 0x78, count: size))
            }
        }

        func close() {
            server?.close()
            server = nil
            loop.stop()
        }
    }

    private let directory: TemporaryDirectory

    init() throws {
        signal(SIGPIPE, SIG_IGN)
        directory = try TemporaryDirectory()
    }

    private func connect() throws -> OwnedDescriptor {
        let place = try openDirectory("\(directory.path)/current")
        return try connectLocally("control", in: place.raw, limit: .seconds(20))
    }

    @Test(
        "A client that says nothing, or does not listen, is dropped when its time is over; others are served meanwhile")
    func stalling() async throws {
        let host = try Host()
        try await host.open(in: directory.path, patience: .milliseconds(300))
        let silent = try connect()
        let deaf = try connect()
        try writeAll(deaf.raw, Array("9000000\n".utf8))
        let polite = try connect()
        try writeAll(polite.raw, Array("5\n".utf8))
        #expect(try readToEnd(polite.raw).count == 5)
        #expect(try readToEnd(silent.raw).isEmpty)
        // It was dropped in the middle of the answer, so far as the kernel had taken that.
        var ready = pollfd(fd: deaf.raw, events: 0, revents: 0)
        #expect(poll(&ready, 1, 20_000) == 1)
        #expect(try readToEnd(deaf.raw, limit: 9_000_000).count < 9_000_000)
        await host.close()
    }

    @Test("An answer of any size arrives whole, and clients beyond the limit have their turn")
    func many() async throws {
        let host = try Host()
        try await host.open(in: directory.path)
        var waiting: [OwnedDescriptorBox] = []
        for _ in 0..<ControlServer.connectionLimit { waiting.append(OwnedDescriptorBox(try connect())) }
        let late = try connect()
        try writeAll(late.raw, Array("3000000\n".utf8))
        var ready = pollfd(fd: late.raw, events: Int16(POLLIN), revents: 0)
        #expect(poll(&ready, 1, 100) == 0, "there is no room for it yet")
        waiting = []
        #expect(try readToEnd(late.raw, limit: 4_000_000).count == 3_000_000)
        await host.close()
    }

    @Test("A request without an end is answered at its limit")
    func endless() async throws {
        let host = try Host()
        try await host.open(in: directory.path)
        let client = try connect()
        try? writeAll(client.raw, [UInt8](repeating: 0x61, count: ControlServer.requestLimit + 4096))
        // What was not taken of the request makes a reset of the end.
        var answer = [UInt8](repeating: 0, count: 1000)
        #expect(read(client.raw, &answer, answer.count) == answer.count)
        await host.close()
    }
}

extension Event {
    fileprivate var firstLine: String? {
        if case .output(let lines) = body { String(decoding: lines.line(0), as: UTF8.self) } else { nil }
    }
}

/// Keeps a descriptor open.
private final class OwnedDescriptorBox {
    let descriptor: OwnedDescriptor
    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
}
