import Presentation
import RunModel
import TestSupport
import Testing
import UpdateModel

@Suite struct RunViewTests {
    private var maker = EventMaker()
    private var view = RunView()

    private mutating func take(_ step: String?, _ body: Event.Body, at seconds: Double, columns: Int = 80) -> [String] {
        view.take([maker.make(step, body)], at: .seconds(seconds), columns: columns).map(\.text)
    }

    private func live(at seconds: Double, columns: Int = 80, rows: Int = 24) -> [String] {
        view.live(columns: columns, rows: rows, at: .seconds(seconds)).map(\.text)
    }

    private mutating func start(_ step: String, at seconds: Double, isProtected: Bool = false) {
        let id = StepID(step)
        _ = take(
            step,
            .phaseStart(
                PhaseStart(
                    phase: id.phase, cgroup: nil, limits: [], runAs: "root", capabilities: [],
                    isProtected: isProtected)),
            at: seconds)
    }

    private mutating func end(_ step: String, _ outcome: Outcome, error: String? = nil, exitCode: Int32? = nil)
        -> [String]
    {
        take(
            step, .phaseEnd(PhaseEnd(phase: StepID(step).phase, outcome: outcome, exitCode: exitCode, error: error)),
            at: 10)
    }

    /// A plan of `count` steps of 10 s each, at once, of which nobody said how long they take if `isKnown` is false.
    private mutating func plan(_ count: Int, isKnown: Bool = true) {
        var plan = ExampleRun.plan
        plan.steps = (0..<count).map { index in
            PlannedStep(
                id: StepID("p\(index)/execute"), after: [], mutexes: [], demand: Demand(), limits: [], runAs: "root",
                isProtected: false, startSeconds: 0, durationSeconds: 10, durationIsKnown: isKnown, wave: 0,
                waitsFor: nil)
        }
        plan.deviations = []
        _ = take(nil, .plan(plan), at: 0)
    }

    @Test func `nothing stands below before the plan is known`() {
        #expect(live(at: 0).isEmpty)
    }

    @Test mutating func `a step in legacy mode has a spinner, its time and its last line`() {
        plan(1)
        start("p0/execute", at: 1)
        _ = take("p0", .output(OutputLines(.execute, ["first", "second\u{1B}[0m", "", "   "])), at: 2)
        #expect(live(at: 3)[2...] == ["   p0/execute   ⠴ 0:02", "     second"])
        #expect(live(at: 3.2)[2] == "   p0/execute   ⠦ 0:02")
        #expect(view.isAnimated)
    }

    @Test mutating func `what a running step uses stands beside its time, and not behind its end`() {
        plan(1)
        start("p0/execute", at: 1)
        view.take([StepID("p0/execute"): Usage(cpu: Fraction(0.5), memory: ByteCount(3 << 30))])
        #expect(live(at: 3)[2] == "   p0/execute   ⠴ 0:02  cpu 50 %  mem 3.0 GiB")
        view.take([StepID("p0/execute"): Usage()])
        #expect(live(at: 3)[2] == "   p0/execute   ⠴ 0:02")
        _ = end("p0/execute", .succeeded)
        view.take([StepID("p0/execute"): Usage(cpu: Fraction(0.5)), StepID("p9/execute"): Usage()])
        #expect(live(at: 4).count == 2)
    }

    @Test mutating func `what is left is told only where all durations are known`() {
        plan(2)
        start("p0/execute", at: 0)
        #expect(live(at: 4)[1].hasSuffix("20 %  0:04, ~0:10 left"))
        plan(2, isKnown: false)
        #expect(live(at: 4)[1].hasSuffix("0 %  0:04"))
        #expect(!view.isAnimated || live(at: 4).count == 4)
    }

    @Test mutating func `a step that reports its progress corrects the estimate`() {
        plan(1)
        start("p0/execute", at: 0)
        var progress = Progress(phase: .execute)
        progress.itemsCompleted = 1
        progress.itemsTotal = 4
        _ = take("p0", .progress(progress), at: 10)
        #expect(live(at: 10)[1].hasSuffix("25 %  0:10, ~0:30 left"))
        #expect(live(at: 10)[2].hasSuffix("25 %  1/4"))
    }

    @Test mutating func `a commit that was told to stop says that it is waited for`() {
        plan(1)
        start("p0/execute", at: 0, isProtected: true)
        _ = take(
            "p0",
            .stopping(Stopping(phase: .execute, cause: .cancelled(signal: 2), signal: 2, killAfter: nil)), at: 5)
        #expect(live(at: 17)[2] == " ⛨ p0/execute   stopping: waits for the commit to end, 12 s")
        #expect(live(at: 17)[1].hasPrefix(" stopping  0/1 steps"))
        _ = take(
            "p0",
            .stopping(Stopping(phase: .execute, cause: .timedOut(after: .seconds(9)), signal: nil, killAfter: nil)),
            at: 20)
        #expect(live(at: 23.5)[2] == " ⛨ p0/execute   overdue: waits for the commit to end, 3 s")
    }

    @Test mutating func `a run that steps back says so below its steps, and for how long at its end`() {
        plan(3)
        start("p0/execute", at: 0)
        let cause = "postgresql.service waits for I/O (PSI 23 %)"
        func throttle(_ state: Throttle.State, _ share: Double) -> Event.Body {
            .throttle(Throttle(state: state, share: Fraction(share), cause: cause))
        }
        _ = take(nil, throttle(.slowed, 1), at: 4)
        _ = take("p1", .waiting(.execute, .pressure), at: 4)
        #expect(live(at: 4).last == " ▼ starts nothing more: \(cause), since 0 s")
        #expect(live(at: 4)[3] == " ◌ p1/execute   waits for others to be well")
        #expect(live(at: 5, rows: 3).count == 3)
        _ = take(nil, throttle(.slowed, 0.25), at: 9)
        #expect(live(at: 16).last == " ▼ slowed to 25 %: \(cause), since 12 s")
        _ = take(nil, throttle(.frozen, 0.25), at: 16)
        #expect(live(at: 17).last == " ▼ frozen: \(cause), since 13 s")
        _ = take(nil, throttle(.normal, 1), at: 24)
        #expect(live(at: 25).last?.hasPrefix(" ◌") == true)
        _ = take(nil, throttle(.slowed, 1), at: 30)
        #expect(
            view.summary(columns: 200, at: .seconds(40)).map(\.text).last
                == "Stepped back for 30 s, last since \(cause).")
    }

    @Test
    mutating func `a paused run says by whom and what lets it go on; what is frozen stands still, commits do not`() {
        plan(3)
        start("p0/execute", at: 0)
        start("p1/execute", at: 0, isProtected: true)
        _ = take(nil, .control(Intervention(.pause, by: "alice")), at: 4)
        _ = take("p2", .waiting(.execute, .pause), at: 4)
        let lines = live(at: 6)
        #expect(lines[1].hasPrefix(" paused  0/3 steps"))
        #expect(lines[2] == "   p0/execute   ‖ frozen")
        #expect(lines[3].hasPrefix(" ⛨ p1/execute   ⠋ 0:06"))
        #expect(lines[4] == " ◌ p2/execute   waits for the run to be resumed")
        #expect(lines.last == " ‖ paused by alice, since 2 s: update-all resume lets it go on")
        #expect(live(at: 6, rows: 2).count == 2)
        _ = take(nil, .control(Intervention(.resume, by: "alice")), at: 9)
        #expect(live(at: 9).last?.hasPrefix(" ◌") == true)
        _ = take(nil, .control(Intervention(.pause, by: "bob")), at: 10)
        _ = take(nil, .control(Intervention(.cancel, by: "bob")), at: 12)
        #expect(view.summary(columns: 200, at: .seconds(20)).map(\.text).last == "Paused for 7 s.")
    }

    @Test mutating func `a step that may be killed says when`() {
        plan(1)
        start("p0/execute", at: 0)
        for (cause, word) in [
            (StopCause.cancelled(signal: 2), "stopping"), (.timedOut(after: .seconds(9)), "timed out"),
            (.logFailed, "log failed"),
        ] {
            _ = take(
                "p0", .stopping(Stopping(phase: .execute, cause: cause, signal: 15, killAfter: .seconds(10))), at: 5)
            #expect(live(at: 7)[2].hasSuffix("   \(word): killed in 8 s"))
            #expect(live(at: 16)[2].hasSuffix("   \(word): killed"))
        }
    }

    @Test mutating func `a waiting step says what it waits for`() {
        plan(3)
        let reasons: [(WaitReason, String)] = [
            (.mutex("pkgmgr:apt"), "mutex pkgmgr:apt"), (.memory, "memory"), (.cpu, "CPU"),
            (.downloads, "a download slot"), (.parallel, "a free slot"),
            (.otherRun(mutex: "dpkg", holder: "pid 7, alice"), "mutex dpkg, held by pid 7, alice"),
            (.lockedFile(path: "/lock", holder: "pid 7 (apt-get)"), "/lock, locked by pid 7 (apt-get)"),
        ]
        #expect(live(at: 0)[2] == " ◌ p0/execute   waits")
        for (reason, text) in reasons {
            _ = take("p0", .waiting(.execute, reason), at: 1)
            #expect(live(at: 1)[2] == " ◌ p0/execute   waits for \(text)")
        }
    }

    @Test mutating func `a step that ran and is to be tried again waits, and then runs anew`() {
        plan(1)
        start("p0/execute", at: 1)
        _ = take("p0", .waiting(.execute, .memory), at: 5)
        #expect(live(at: 5)[2] == " ◌ p0/execute   waits for memory")
        start("p0/execute", at: 8)
        #expect(live(at: 9)[2].contains("0:01"))
        _ = take("p0", .phaseEnd(PhaseEnd(phase: .execute, outcome: .succeeded)), at: 10)
        _ = take("p0", .waiting(.execute, .memory), at: 11)
        #expect(!live(at: 11).contains { $0.contains("waits") })
    }

    @Test
    mutating func `who waits for others' lock says for how long and until when, and on 80 columns at least the former`()
    {
        plan(2)
        let lock = WaitReason.lockedFile(path: "/var/lib/dpkg/lock-frontend", holder: "pid 991 (unattended-upgr)")
        _ = take("p0", .waiting(.execute, lock, givesUpAfter: .seconds(1800)), at: 10)
        func row(_ columns: Int) -> String { view.live(columns: columns, rows: 23, at: .seconds(90))[2].text }
        #expect(
            row(200)
                == " ◌ p0/execute   waits for /var/lib/dpkg/lock-frontend, locked by pid 991 (unattended-upgr), "
                + "1 min 20 s; gives up in 28 min 40 s")
        #expect(
            row(100)
                == " ◌ p0/execute   waits 1:20 of 30:00 for /var/lib/dpkg/lock-frontend, pid 991 (unattended-upgr)")
        #expect(row(80) == " ◌ p0/execute   waits 1:20 for lock-frontend, pid 991 (unattended-upgr)")
        #expect(row(60).hasPrefix(" ◌ p0/execute   waits 1:20 for lock-frontend, pid 991 (un"))
        // Another program was faster: it still waits since the first one.
        let other = WaitReason.lockedFile(path: "/var/lib/dpkg/lock", holder: "pid 7 (dpkg)")
        _ = take("p0", .waiting(.execute, other, givesUpAfter: .seconds(1700)), at: 50)
        #expect(row(80) == " ◌ p0/execute   waits 1:20 of 29:00 for /var/lib/dpkg/lock, pid 7 (dpkg)")
        let run = WaitReason.otherRun(mutex: "pkgmgr:dpkg", holder: "pid 7, alice")
        _ = take("p1", .waiting(.execute, run, givesUpAfter: .seconds(60)), at: 60)
        #expect(
            view.live(columns: 80, rows: 23, at: .seconds(90))[3].text
                == " ◌ p1/execute   waits 0:30 of 1:00 for pkgmgr:dpkg, pid 7, alice")
    }

    @Test mutating func `who holds a mutex is named`() {
        _ = take(nil, .plan(ExampleRun.plan), at: 0)
        start("apt/download", at: 0)
        _ = take("pipx", .waiting(.download, .mutex("pkgmgr:apt")), at: 0)
        #expect(live(at: 0).contains(" ◌ pipx/download      waits for mutex pkgmgr:apt, held by apt/download"))
    }

    @Test mutating func `24 rows are enough for 12 running steps, and more of them are counted`() {
        plan(40)
        for index in 0..<12 {
            start("p\(index)/execute", at: 0)
            _ = take("p\(index)", .output(OutputLines(.execute, ["line of \(index)"])), at: 1)
        }
        let lines = live(at: 1, rows: 23)
        #expect(lines.count == 23)
        #expect(lines[2] == "   p0/execute    ⠴ 0:01  line of 0")
        #expect(lines[13] == "   p11/execute   ⠴ 0:01  line of 11")
        #expect(lines[22] == "   … and 20 more waiting")

        #expect(live(at: 1, rows: 6).suffix(2) == ["   p2/execute    ⠴ 0:01  line of 2", "   … and 9 more running"])
        #expect(live(at: 1, rows: 2) == [live(at: 1, rows: 1)[0], "   … and 12 more running"])
        #expect(live(at: 1, rows: 0).isEmpty)
    }

    @Test mutating func `each step that ended has its line once`() {
        plan(3)
        start("p0/execute", at: 0)
        #expect(end("p0/execute", .succeeded) == ["✓ p0/execute          10 s"])
        #expect(end("p0/execute", .failed) == [])
        #expect(
            end("p1/execute", .needsAuth, error: "needs root. Run it with sudo")
                == ["⊘ p1/execute                needs authentication: needs root. Run it with sudo"])
        #expect(live(at: 11)[1].hasPrefix(" update-all  2/3 steps"))
    }

    @Test mutating func `an outcome says why`() {
        plan(20)
        func text(_ lines: [String]) -> String {
            String(lines.joined().drop { $0 != " " }.split(separator: "  ").last!.drop { $0 == " " })
        }
        start("p0/execute", at: 0)
        _ = take("p0", .output(OutputLines(.execute, ["no such package"])), at: 1)
        #expect(text(end("p0/execute", .failed, exitCode: 3)) == "failed: exit 3: \"no such package\"")
        #expect(text(end("p1/execute", .failed, error: "no space left")) == "failed: no space left")
        #expect(
            text(end("p2/execute", .timedOut, error: "Command timed out after 5s")) == "Command timed out after 5s")
        #expect(
            text(end("p3/execute", .oomKilled, error: "p3 was killed at its memory limit: 512 MiB allowed"))
                == "p3 was killed at its memory limit: 512 MiB allowed")
        #expect(text(end("p11/execute", .oomKilled)) == "killed at its memory limit")
        #expect(text(end("p4/execute", .upToDate)) == "up to date")
        #expect(text(end("p5/execute", .cancelled)) == "cancelled")
        #expect(text(end("p6/execute", .deferred, error: "held by pid 9")) == "deferred: held by pid 9")
        let signalled = PhaseEnd(phase: .execute, outcome: .failed, signal: 11)
        #expect(text(take("p7", .phaseEnd(signalled), at: 1)) == "failed: signal 11")
        #expect(text(end("p8/execute", .skipped, error: "snap is not selected")) == "skipped: snap is not selected")
        #expect(text(end("p9/execute", .killed)) == "killed")
        #expect(text(end("p10/execute", .notApplicable)) == "not applicable")
    }

    @Test mutating func `limits and errors are told once`() {
        let absent = LimitDeviation(control: "io.max", requested: "80M", effective: nil, reason: "no disk")
        let changed = LimitDeviation(control: "memory.max", requested: "5k", effective: "4 KiB", reason: "whole pages")
        // Errors that come before the plan are about earlier runs; they were told before this one began.
        #expect(take(nil, .error("the run before was killed"), at: 0) == [])
        plan(1)
        #expect(take("apt", .limit(absent), at: 0) == ["! apt: Not enforced here: io.max (no disk)."])
        #expect(take("apt", .limit(absent), at: 0) == [])
        #expect(
            take(nil, .limit(changed), at: 0)
                == ["! Applied otherwise: memory.max 4 KiB instead of 5k (whole pages)."])
        #expect(take(nil, .error("the guardian died\u{07}"), at: 0) == ["✗ the guardian died"])
        #expect(take(nil, .error("the guardian died\u{07}"), at: 0) == [])
        // A plugin's troubles end with its outcome, which the summary tells.
        #expect(take("apt", .error("apt/execute: exit 1; trying again, 1 of 2"), at: 0).count == 1)
        let summary = view.summary(columns: 200, at: .seconds(1)).map(\.text)
        #expect(
            summary == [
                "update-all ended early in 1 s", "  ✗ the guardian died",
                "Not enforced here: io.max (no disk). "
                    + "Applied otherwise: memory.max 4 KiB instead of 5k (whole pages).",
            ])
        #expect(view.failures(columns: 80).map(\.text) == ["  ✗ the guardian died"])
    }

    @Test mutating func `output that was dropped is no error`() {
        plan(1)
        #expect(take("p0", .dropped(Dropped(phase: .execute, count: 5, firstSeq: 1, lastSeq: 5)), at: 0) == [])
        #expect(view.failures(columns: 80).isEmpty)
    }

    @Test mutating func `a few updated packages are named, many are counted`() {
        plan(2)
        var result = UpdateResult()
        result.packages = [
            UpdatedPackage(name: "nginx", from: "1.2", to: "1.3"), UpdatedPackage(name: "new", from: nil, to: "2"),
            UpdatedPackage(name: "other", from: nil, to: nil),
        ]
        result.packagesUpdated = 3
        result.held = ["a", "b", "c", "d", "e", "f", "g"]
        _ = take("p0", .result(result), at: 0)
        _ = take("p0", .completion(Completion(outcome: .succeeded, packagesUpdated: 3)), at: 0)
        _ = take("p1", .completion(Completion(outcome: .succeeded)), at: 0)
        _ = take("p2", .completion(Completion(outcome: .skipped, error: "requires snap")), at: 0)
        #expect(
            view.summary(columns: 200, at: .seconds(1)).map(\.text) == [
                "update-all ended early in 1 s: 2 succeeded, 1 skipped",
                "  ✓ p0         3 packages updated: nginx 1.2 → 1.3, new 2, other, "
                    + "7 held back (a, b, c, d, e and 2 more)",
                "  ✓ p1         done",
                "  ⊘ p2         skipped: requires snap",
            ])
    }

    @Test mutating func `the last five lines of a failed step are kept, of any length of output`() {
        plan(1)
        start("p0/execute", at: 0)
        let long = [UInt8](repeating: 0x78, count: 60_000)
        let lines = (0..<1000).map { Array("line \($0)".utf8) } + [long]
        _ = take("p0", .output(OutputLines(.execute, bytes: lines)), at: 1)
        _ = end("p0/execute", .failed, exitCode: 1)
        let failures = view.failures(columns: 60).map(\.text)
        #expect(failures.filter { $0.contains("│ line 99") }.count == 4)
        #expect(failures.contains { $0.hasSuffix("│ " + String(repeating: "x", count: 42) + "…") })
        #expect(failures.last == "               log: update-all logs p0")
    }

    @Test mutating func `a rate is told while bytes come, and starts again after a restart`() {
        plan(1)
        start("p0/execute", at: 0)
        func figures(_ line: String) -> Substring { line[line.firstIndex(of: "%")!...].dropFirst(3) }
        for (second, bytes) in [(0.0, 0), (1, 2_000_000), (2, 4_000_000)] as [(Double, Int64)] {
            var progress = Progress(phase: .execute)
            progress.bytesDownloaded = ByteCount(bytes)
            progress.bytesTotal = ByteCount(1_200_000_000)
            _ = take("p0", .progress(progress), at: second)
        }
        #expect(figures(live(at: 2, columns: 90)[2]) == "4.0 MB/1.2 GB  2.0 MB/s")
        #expect(figures(live(at: 8, columns: 90)[2]) == "4.0 MB/1.2 GB")
        var progress = Progress(phase: .execute)
        progress.bytesDownloaded = ByteCount(1)
        _ = take("p0", .progress(progress), at: 8)
        #expect(figures(live(at: 8, columns: 90)[2]) == "1 B/1.2 GB")
    }

    @Test mutating func `a later plan keeps what has already happened`() {
        start("p0/execute", at: 3)
        plan(1)
        #expect(live(at: 5)[2] == "   p0/execute   ⠴ 0:02")
    }
}
