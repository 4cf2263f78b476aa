import Glibc
import Interchange
import LinuxSystem
import Policy
import RunModel
import RunPolicy
import Synchronization
import Testing
import UpdateModel

@testable import Execution

/// A window that opens `from` minutes after the minute of `now`, and closes `to` minutes after it, on clocks here.
private func window(from: Int, to: Int, at now: Timestamp) -> String {
    func local(_ minutes: Int) -> LocalMoment {
        localMoment(of: Timestamp(millisecondsSince1970: now.millisecondsSince1970 + Int64(minutes) * 60_000))
    }
    // `Mon 22:00`, of which the end has the hour alone.
    return "\(local(from))-\(local(to).description.suffix(5))"
}

/// A Wednesday in winter, at the beginning of a minute.
private let noon = Timestamp(rfc3339: "2026-11-25T12:00:00.000Z")!

/// A clock that a test sets.
private final class SetClock: Sendable {
    private let time: Mutex<Timestamp>
    init(_ time: Timestamp) { self.time = Mutex(time) }
    var read: @Sendable () -> Timestamp { { self.time.withLock(\.self) } }
    func forward(minutes: Int64) {
        time.withLock { $0 = Timestamp(millisecondsSince1970: $0.millisecondsSince1970 + minutes * 60_000) }
    }
}

@Suite("The policy's window") struct WindowTests {
    private let bench: RunBench

    init() throws { bench = try RunBench() }

    private func gate(_ window: String, finishBy: Bool = false, etc: String = "") throws -> WindowGate {
        let texts = PolicyTexts(
            etc: etc.isEmpty ? [] : [PolicyText(file: "/etc/update-all/policy.toml", bytes: Array(etc.utf8))])
        let policy = try mergePolicy(
            texts, set: ["window.allow=[\"\(window)\"]", "window.finish_by=\(finishBy)"]
        ) { _, _ in nil }
        let gate = WindowGate(policy) { noon }
        return try #require(gate)
    }

    @Test("Outside nothing is run: exit code 6, when it opens, and how to do without")
    func outside() throws {
        let closed = try #require(gate(window(from: 90, to: 150, at: noon)).refusal)
        #expect(closed.exitCode == .deferredByPolicy)
        let opens = localMoment(of: Timestamp(millisecondsSince1970: noon.millisecondsSince1970 + 90 * 60_000))
        #expect(closed.description.contains("that begins \(opens), in 1 h 30 min."), "\(closed)")
        #expect(closed.description.hasSuffix("--set 'window.allow=[]'"))
        #expect(try gate(window(from: 0, to: 1, at: noon)).refusal == nil)
        #expect(try gate(window(from: -1, to: 0, at: noon)).refusal != nil)
        let bound = try gate("Mon 10:00-11:00", etc: "[window]\nallow = [\"Mon 09:00-12:00\"]")
        #expect(bound.refusal?.description.hasSuffix("have \"allow\" changed in /etc/update-all/policy.toml:2") == true)
    }

    @Test("A plan tells what will not end inside, and with finish_by what is put off")
    func plan() throws {
        func planned(_ finishBy: Bool, _ from: Int = -5) throws -> PlannedWindow {
            let steps = [("a", 0.0, 60.0, true), ("b", 0, 700, true), ("c", 60, 9000, false), ("d", 600, 60, true)].map
            {
                PlannedStep(
                    id: step($0.0), after: [], mutexes: [], demand: Demand(), limits: [], runAs: "", isProtected: false,
                    startSeconds: $0.1, durationSeconds: $0.2, durationIsKnown: $0.3, wave: 0, waitsFor: nil)
            }
            return try gate(window(from: from, to: from + 15, at: noon), finishBy: finishBy).planned(steps)
        }
        let free = try planned(false)
        #expect(free.opens == nil && free.closes?.timestamp.rfc3339 == "2026-11-25T12:10:00.000Z")
        #expect(free.putOff == [step("d")] && free.overrunning == [step("b")])
        let strict = try planned(true)
        #expect(strict.putOff == [step("b"), step("d")] && strict.overrunning.isEmpty)
        let later = try planned(true, 60)
        #expect(later.opens?.timestamp.rfc3339 == "2026-11-25T13:00:00.000Z")
        #expect(later.closes?.timestamp.rfc3339 == "2026-11-25T13:15:00.000Z")
        #expect(later.putOff.isEmpty, "there are fifteen minutes then")
        let endless = try gate("00:00-23:59").planned([])
        #expect(endless.opens == nil && endless.closes == nil)
    }

    @Test("A plan of which nothing would end inside is not begun")
    func nothingFits() throws {
        let gate = try gate(window(from: 0, to: 1, at: noon), finishBy: true)
        let long = PlannedStep(
            id: step("a"), after: [], mutexes: [], demand: Demand(), limits: [], runAs: "", isProtected: false,
            startSeconds: 0, durationSeconds: 61, durationIsKnown: true, wave: 0, waitsFor: nil)
        var plan = Plan(
            policy: "p", hostName: "h", runLimits: [], steps: [long], skipped: [], makespanSeconds: 61,
            criticalPath: [],
            fetch: nil, deviations: [])
        plan.window = gate.planned(plan.steps)
        #expect(gate.refusal(of: plan)?.exitCode == .deferredByPolicy)
        plan.steps[0].durationSeconds = 60
        plan.window = gate.planned(plan.steps)
        #expect(gate.refusal(of: plan) == nil)
    }

    /// A plugin that runs until it is let go.
    private func addWaiting(_ plugin: String) throws -> @Sendable () throws -> Void {
        let path = "\(bench.directory.path)/\(plugin).gate"
        #expect(mkfifo(path, 0o666) == 0)
        chmod(path, 0o666)
        try bench.add(plugin, "read -r line < \(path)")
        return {
            let gate = try openFile(path, O_WRONLY, mode: 0)
            try writeAll(gate.raw, Array("\n".utf8))
        }
    }

    private static func hasStarted(_ event: Event) -> Bool { if case .phaseStart = event.body { true } else { false } }

    @Test(
        "What runs when it closes goes on; what would start then is put off, with what requires it, hooks after it run")
    func closing() async throws {
        let clock = SetClock(noon)
        bench.clock = clock.read
        try bench.directory.script("hooks/health", "true")
        bench.policyText +=
            "[window]\nallow = [\"\(window(from: -10, to: 10, at: noon))\"]\n"
            + "[hooks]\nafter_run = [\"\(bench.directory.path)/hooks/health\"]\n"
        let letGo = try addWaiting("first")
        try bench.add("next", "touch \(bench.directory.path)/ran", manifest: "after = [\"first\"]")
        try bench.add("last", "touch \(bench.directory.path)/ran", manifest: "requires = [\"next\"]")
        let run = try await bench.run { _, kept in
            #expect(await kept.wait(for: Self.hasStarted))
            clock.forward(minutes: 10)
            try letGo()
        }
        #expect(run["first"] == .succeeded && run["after_run.health"] == .succeeded)
        #expect(run["next"] == .deferred && run["last"] == .deferred)
        #expect(run.result.putOff == [name("next"), name("last")])
        #expect(run.end("next")?.error?.hasPrefix("the policy's window has closed; the next one opens ") == true)
        #expect(run.end("last")?.error == "requires next/execute")
        #expect(run.events.contains { $0.plugin == name("next") && $0.body == .waiting(.execute, .window) })
        #expect(!fileExists("\(bench.directory.path)/ran"))
    }

    @Test("What waits when it closes is put off at once, and not when what it waits for has ended")
    func closingWhileWaiting() async throws {
        // Five seconds before the end of the window the clock stands still until the first step has started.
        let start = Mutex<Duration?>(nil)
        bench.clock = {
            let passed = start.withLock(\.self).map { (monotonicTime() - $0).inSeconds * 1000 } ?? 0
            return Timestamp(millisecondsSince1970: noon.millisecondsSince1970 + 595_000 + Int64(passed))
        }
        bench.policyText += "[window]\nallow = [\"\(window(from: -10, to: 10, at: noon))\"]\n"
        let letGo = try addWaiting("first")
        try bench.add("next", "true", manifest: "after = [\"first\"]")
        let run = try await bench.run { _, kept in
            #expect(await kept.wait(for: Self.hasStarted))
            start.withLock { $0 = monotonicTime() }
            #expect(
                await kept.wait { event in
                    if case .phaseEnd(let end) = event.body { end.outcome == .deferred } else { false }
                })
            try letGo()
        }
        #expect(run["first"] == .succeeded && run["next"] == .deferred)
        #expect((run.endSeq("next") ?? 0) < (run.endSeq("first") ?? 0))
    }

    @Test("With finish_by what is known to take too long is not started, the rest is")
    func finishBy() async throws {
        bench.clock = { noon }
        bench.policyText += "[window]\nallow = [\"\(window(from: 0, to: 10, at: noon))\"]\nfinish_by = true\n"
        for plugin in ["short", "long", "unknown"] { try bench.add(plugin, "true") }
        bench.beforeRun = { prepared in
            for (index, step) in prepared.plan.steps.enumerated() where step.id.plugin != name("unknown") {
                prepared.plan.steps[index].durationIsKnown = true
                prepared.plan.steps[index].durationSeconds = step.id.plugin == name("long") ? 601 : 600
            }
        }
        let run = try await bench.run()
        #expect(run["short"] == .succeeded && run["unknown"] == .succeeded)
        #expect(run["long"] == .deferred && run.result.putOff == [name("long")])
        #expect(
            run.end("long")?.error?.hasPrefix("it is expected to take 10 min 1 s, and the policy's window closes ")
                == true)
    }

    @Test("A window that has closed before the first step puts off all of it, hooks too")
    func closedAtStart() async throws {
        bench.clock = { noon }
        try bench.directory.script("hooks/undo", "true")
        bench.policyText +=
            "[window]\nallow = [\"\(window(from: -10, to: 0, at: noon))\"]\n"
            + "[hooks]\nafter_run = [\"\(bench.directory.path)/hooks/undo\"]\n"
        try bench.add("one", "true")
        let run = try await bench.run()
        #expect(run["one"] == .deferred && run["after_run.undo"] == .deferred)
        #expect(run.result.putOff == [name("one"), name("after_run.undo")])
        bench.selection.isDryRun = true
        #expect(try await bench.run().plan.window == nil, "what changes nothing may be at any time")
    }

    @Test("A step that failed is not tried again when it has closed")
    func retry() async throws {
        let clock = SetClock(noon)
        bench.clock = clock.read
        bench.options.retries = 3
        bench.policyText += "[window]\nallow = [\"\(window(from: -10, to: 10, at: noon))\"]\n"
        let path = "\(bench.directory.path)/gate"
        #expect(mkfifo(path, 0o666) == 0)
        chmod(path, 0o666)
        try bench.add("one", "read -r line < \(path); exit 3")
        let run = try await bench.run { _, kept in
            #expect(await kept.wait(for: Self.hasStarted))
            clock.forward(minutes: 10)
            let gate = try openFile(path, O_WRONLY, mode: 0)
            try writeAll(gate.raw, Array("\n".utf8))
        }
        #expect(run["one"] == .failed)
        #expect(!run.errors.contains { $0.contains("trying again") })
    }
}
