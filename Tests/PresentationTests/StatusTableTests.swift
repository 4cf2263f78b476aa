import Presentation
import RunModel
import Testing
import UpdateModel

@Suite struct StatusTableTests {
    private func step(_ id: String, _ state: StepStatus.State, _ change: (inout StepStatus) -> Void = { _ in })
        -> StepStatus
    {
        let parts = id.split(separator: "/")
        var step = StepStatus(StepID(PluginName(parts[0])!, Phase(rawValue: String(parts[1]))!), state)
        change(&step)
        return step
    }

    private var status: RunStatus {
        var status = RunStatus(
            run: RunID("20261121-073012-4711")!, version: "0.1.0", processID: 4711, user: "root",
            start: Timestamp(millisecondsSince1970: 1_795_246_212_000), policy: "shared-server", state: .running,
            elapsed: .seconds(127))
        status.remaining = .seconds(185)
        status.pause = RunStatus.Pause(user: "alice", duration: .seconds(12))
        status.throttle = Throttle(
            state: .slowed, share: Fraction(0.5), cause: "postgresql.service waits for I/O (PSI 23 %)")
        status.steps = [
            step("apt/download", .ended) { ($0.outcome, $0.duration) = (.succeeded, .seconds(58)) },
            step("apt/execute", .running) {
                ($0.isProtected, $0.duration, $0.percent) = (true, .seconds(12), 41.7)
            },
            step("pipx/execute", .frozen) { $0.duration = .seconds(9) },
            step("flatpak/execute", .waiting) { $0.after = StepID(PluginName("flatpak")!, .download) },
            step("pip/execute", .waiting) { $0.waitsFor = .pause },
        ]
        return status
    }

    @Test func `a run is told in sentences and its steps in a table, at 80 columns`() {
        #expect(
            StatusTable.lines(status, columns: 80).map { $0.trimmedText } == [
                "The run 20261121-073012-4711 of root is running: process 4711, since 2026-11-21",
                "07:30:12 UTC, policy shared-server.",
                "1 of 5 steps ended, 2 min 7 s so far, about 3 min 5 s left.",
                "Paused by alice, since 12 s: update-all resume lets it go on.",
                "Stepped back (slowed to 50 %): postgresql.service waits for I/O (PSI 23 %).",
                "",
                "step             state       for",
                "apt/download     succeeded  58 s",
                "apt/execute      running    12 s 41 %, a commit: never frozen or killed",
                "pipx/execute     frozen      9 s",
                "flatpak/execute  waiting         waits for its download",
                "pip/execute      waiting         waits for the run to be resumed",
            ])
    }

    @Test(arguments: [20, 40, 80, 200]) func `no line is wider than the display`(columns: Int) {
        let past = PastRun(run: status.run, start: status.start, remarks: ["the run \(status.run) was killed"])
        for lines in [
            StatusTable.lines(status, columns: columns),
            StatusTable.lines(newest: past, in: "/var/lib/x", columns: columns),
        ] {
            #expect(lines.allSatisfy { $0.width <= columns })
        }
    }

    @Test func `a run that is preparing has no steps yet`() {
        var preparing = status
        (preparing.state, preparing.steps, preparing.pause, preparing.throttle) = (.preparing, [], nil, nil)
        let lines = StatusTable.lines(preparing, columns: 200).map(\.text)
        #expect(lines.count == 2)
        #expect(lines[0].contains("is preparing"))
        #expect(lines[1] == "It asks plugins, or its person; 2 min 7 s so far.")
    }

    @Test func `where no run is in progress, the newest one is told of`() {
        func lines(_ past: PastRun?) -> [String] {
            StatusTable.lines(newest: past, in: "/var/lib/update-all", columns: 200).map(\.text)
        }
        #expect(lines(nil) == ["No run is in progress in /var/lib/update-all."])
        var metrics = Metrics(wallSeconds: 127)
        metrics.oomKills = 1
        let end = RunEnd(success: false, counts: [.succeeded: 6, .failed: 1, .skipped: 0], metrics: metrics)
        #expect(
            lines(PastRun(run: status.run, start: status.start, end: end))[1]
                == "The newest is 20261121-073012-4711, begun 2026-11-21 07:30:12 UTC; it took 2 min 7 s: 6 succeeded, 1 failed."
        )
        let dead = lines(PastRun(run: status.run, remarks: ["the run was killed"]))
        #expect(
            dead[1...2] == ["The newest is 20261121-073012-4711; it did not end by itself.", "the run was killed."])
    }
}

extension StyledLine {
    fileprivate var trimmedText: String { String(text.reversed().drop { $0 == " " }.reversed()) }
}
