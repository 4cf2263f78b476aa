import Presentation
import RunModel
import TestSupport
import Testing
import UpdateModel

@Suite struct PlainTextTests {
    private func lines(_ events: [Event]) -> [Substring] {
        var plain = PlainText()
        var bytes: [UInt8] = []
        for event in events { plain.append(event, to: &bytes) }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            .dropLast()
    }

    @Test func `a run is one line an event`() {
        #expect(
            lines(ExampleRun.timeline.flatMap(\.events)) == [
                "update-all 0.1: started on db7 by alice, policy shared-server, 5 plugins",
                "update-all: plan of 7 steps",
                "apt/download: started (root, memory ≤ 768 MiB)",
                "pipx/download: started (root, memory ≤ 768 MiB)",
                "flatpak/download: waits for a download slot",
                "pipx/download: succeeded in 11 s",
                "flatpak/download: started (root, memory ≤ 768 MiB)",
                "apt/download: succeeded in 58 s",
                "apt/execute: started (root, memory ≤ 768 MiB)",
                "flatpak/download: 70 %",
                "flatpak/download | Downloading org.gnome.Platform/x86_64/48",
                "apt/execute: 30 %",
                "apt/execute | Unpacking libssl3 (3.0.17-1~deb12u3) over (3.0.16-1~deb12u1) ...",
                "flatpak/download: succeeded in 2 min 29 s",
                "flatpak/execute: started (root, memory ≤ 768 MiB)",
                "flatpak: 3 packages updated",
                "flatpak/execute: succeeded in 55 s",
                "flatpak: succeeded",
                "apt: 42 packages updated, 2 held back (linux-image-amd64, grub-pc). Restart: nginx, postgresql",
                "apt/execute: succeeded in 2 min 37 s",
                "apt: succeeded",
                "pipx/execute: started (root, memory ≤ 768 MiB)",
                "pipx/execute | upgrading ansible-core...",
                "pipx/execute | ERROR: Could not find a version that satisfies the requirement ansible-core==2.99",
                "pipx/execute | No matching distribution found for ansible-core==2.99",
                "pipx/execute: failed: exit 1 after 38 s",
                "pipx: failed",
                "reports/execute: not run: requires pipx",
                "reports: not run: requires pipx",
                "git: up to date",
                "update-all: did not succeed",
            ])
    }

    @Test func `what is not an everyday event has its line too`() {
        var maker = EventMaker()
        let deviation = LimitDeviation(control: "io.max", requested: "1M", effective: nil, reason: "no disk")
        var start = PhaseStart(
            phase: .execute, cgroup: nil, limits: [ControlWrite(file: "memory.high", value: "1048576")],
            runAs: "alice", capabilities: [], isProtected: true)
        let first = maker.make("apt", .phaseStart(start))
        start.limits = []
        #expect(
            lines([
                maker.make(nil, .error("told before the plan")), maker.make(nil, .plan(ExampleRun.plan)),
                first, maker.make("apt", .phaseStart(start)),
                maker.make("apt", .dropped(Dropped(phase: .execute, count: 1_234_567, firstSeq: 1, lastSeq: 2))),
                maker.make("apt", .dropped(Dropped(phase: .execute, count: 1, firstSeq: 1, lastSeq: 1))),
                maker.make("apt", .limit(deviation)), maker.make(nil, .error("the guardian\u{1B}[1m died")),
                maker.make(
                    "apt",
                    .stopping(Stopping(phase: .execute, cause: .cancelled(signal: 2), signal: 2, killAfter: nil))),
                maker.make("apt", .phaseEnd(PhaseEnd(phase: .execute, outcome: .succeeded))),
                maker.make(
                    nil, .runEnd(RunEnd(success: true, counts: [:], metrics: Metrics(wallSeconds: 1)))),
            ]) == [
                "update-all: plan of 7 steps", "apt/execute: started (alice, memory high 1.0 MiB)",
                "apt/execute: started (alice)",
                "apt/execute | … 1,234,567 lines not shown (the log has them)",
                "apt/execute | … 1 line not shown (the log has them)",
                "apt: limit: Not enforced here: io.max (no disk).", "update-all: error: the guardian died",
                "apt/execute: stopping: waits for the commit to end", "apt/execute: succeeded",
                "update-all: succeeded",
            ])
    }

    @Test func `progress is told at each tenth`() {
        var maker = EventMaker()
        let events = stride(from: 0.0, through: 100, by: 0.25).map { percent in
            var progress = Progress(phase: .execute)
            progress.percent = percent
            progress.message = percent < 15 ? "unpacking" : nil
            return maker.make("apt", .progress(progress))
        }
        #expect(lines(events).count == 10)
        #expect(lines(events).first == "apt/execute: 10 %, unpacking")
        #expect(lines(events).last == "apt/execute: 100 %")
    }

    @Test func `the two streams of a step do not disturb each other's sequences`() {
        var maker = EventMaker()
        #expect(
            lines([
                maker.make("apt", .output(OutputLines(.execute, ["a\u{1B}]0;begins"]))),
                maker.make("apt", .output(OutputLines(.execute, ["whole"], stream: .stderr))),
                maker.make("apt", .output(OutputLines(.execute, ["ends\u{07}b", ""]))),
            ]) == ["apt/execute | a", "apt/execute | whole", "apt/execute | b", "apt/execute | "])
    }
}
