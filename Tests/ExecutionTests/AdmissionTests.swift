import Glibc
import LinuxSystem
import RunModel
import Testing

@testable import Execution

@Suite("Who may start", .serialized, .enabled(if: canMakeGroups, Comment(rawValue: noGroups)), .timeLimit(.minutes(2)))
struct AdmissionTests {
    let bench: RunBench

    init() throws { bench = try RunBench() }

    @Test(
        "Steps that find CPUs, memory, a download slot or a mutex taken wait, say for what, and start when it is free")
    func waits() async throws {
        let gate = "\(bench.directory.path)/gate"
        mkfifo(gate, 0o666)
        bench.policyText =
            "[run]\nparallel = 20\ndownloads = 1\ncpu_quota = \"200%\"\nmemory_max = \"1G\"\n[step]\nstop_grace = \"10s\"\n"
        // What is expected to take longest goes first, and nobody has said how long: by name then.
        try bench.add(
            "a-first", "read -r _ <\(gate)", download: "read -r _ <\(gate)",
            manifest: """
                [mutexes]
                download = ["test-admission:one"]
                [demand]
                download = { cpus = 1.5, memory = "800M" }
                """)
        let others: [(String, demand: String, reason: WaitReason)] = [
            ("cpu", "[demand]\nupdate = { cpus = 1 }", .cpu),
            ("memory", "[demand]\nupdate = { memory = \"500M\" }", .memory),
            ("mutex", "[mutexes]\nupdate = [\"test-admission:one\"]", .mutex("test-admission:one")),
        ]
        for (plugin, demand, _) in others { try bench.add(plugin, "echo ran", manifest: demand) }
        try bench.add("fetch", "true", download: "echo ran")
        try bench.add("free", "echo ran", manifest: "[demand]\nupdate = { cpus = 0.5, memory = \"200M\" }")

        let run = try await bench.run { _, kept in
            #expect(
                await kept.wait { event in
                    if event.plugin == name("free"), case .completion = event.body { true } else { false }
                }, "what fits beside it runs")
            for plugin in others.map(\.0) + ["fetch"] {
                #expect(await kept.wait { if case .waiting = $0.body { $0.plugin == name(plugin) } else { false } })
            }
            guard let writer = try? openFile(gate, O_RDWR) else { return }
            try? writeAll(writer.raw, Array("go\ngo\n".utf8))
            // It stays open, so that the second reader finds a writer, too.
            _ = await kept.wait { if case .runEnd = $0.body { true } else { false } }
        }
        let end = try #require(run.endSeq("a-first", .download))
        for (plugin, _, reason) in others {
            #expect(run[plugin] == .succeeded)
            let reasons = run.events.filter { $0.plugin == name(plugin) }.compactMap { event -> WaitReason? in
                if case .waiting(_, let reason, _) = event.body { reason } else { nil }
            }
            #expect(reasons.first == reason, "\(plugin): \(reasons)")
            #expect(try #require(run.start(plugin)) > end)
        }
        #expect(try #require(run.start("fetch", .download)) > end)
        #expect(try #require(run.start("free")) < end)
        let fetch = run.events.compactMap { event -> WaitReason? in
            guard event.plugin == name("fetch"), case .waiting(.download, let reason, _) = event.body else {
                return nil
            }
            return reason
        }
        #expect(fetch.first == .downloads)
        #expect(run.result.word == "succeeded")
    }

    @Test("What a step needed is noted at the run's end, and a damaged record stops no run")
    func record() async throws {
        try bench.add("a", "true")
        let path = "\(bench.state)/peaks.json"
        try bench.directory.write("state/peaks.json", "[")
        let run = try await bench.run()
        #expect(run["a"] == .succeeded)
        #expect(try text("\(path).damaged") == "[")
    }
}
