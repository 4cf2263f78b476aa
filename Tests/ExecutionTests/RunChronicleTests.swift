import RunModel
import Testing
import UpdateModel

@testable import Execution

@Suite("What is known of a run in progress") struct RunChronicleTests {
    private func planned(_ id: StepID, after: [StepID] = [], isProtected: Bool = false, start: Double = 0)
        -> PlannedStep
    {
        PlannedStep(
            id: id, after: after, mutexes: [], demand: Demand(), limits: [], runAs: "root", isProtected: isProtected,
            startSeconds: start, durationSeconds: 10, durationIsKnown: true, wave: 0, waitsFor: nil)
    }

    /// apt/download ─→ apt/execute (a commit)     pip/execute
    private func chronicle() -> RunChronicle {
        var chronicle = RunChronicle(start: .seconds(100))
        let download = step("apt", .download)
        let steps = [
            planned(download), planned(step("pip")),
            planned(step("apt"), after: [download], isProtected: true, start: 10),
        ]
        let plan = Plan(
            policy: "p", hostName: "h", runLimits: [], steps: steps, skipped: [], makespanSeconds: 20,
            criticalPath: [], fetch: nil, deviations: [])
        chronicle.take(.plan(plan), of: nil, at: .seconds(100))
        return chronicle
    }

    private func begin(_ id: StepID, _ chronicle: inout RunChronicle, at seconds: Int) {
        let start = PhaseStart(
            phase: id.phase, cgroup: nil, limits: [], runAs: "root", capabilities: [], isProtected: false)
        chronicle.take(.phaseStart(start), of: id.plugin, at: .seconds(seconds))
    }

    private func status(_ chronicle: RunChronicle, isFrozen: Bool = false, at seconds: Int) -> RunStatus {
        var status = RunStatus(
            run: RunID("20261121-073012-1")!, version: "", processID: 1, user: "",
            start: Timestamp(millisecondsSince1970: 0),
            policy: "", state: .running, elapsed: .zero)
        chronicle.complete(&status, isFrozen: isFrozen, at: .seconds(seconds))
        return status
    }

    @Test("A step waits for the one before it, then for what the dispatcher says")
    func waiting() {
        var chronicle = chronicle()
        chronicle.take(.waiting(.execute, .parallel), of: name("pip"), at: .seconds(100))
        let steps = status(chronicle, at: 101).steps
        #expect(steps.map(\.state) == [.waiting, .waiting, .waiting])
        #expect(steps[1].waitsFor == .parallel)
        #expect(steps[2].after == step("apt", .download))
        #expect(status(chronicle, at: 101).remaining == .seconds(20))
    }

    @Test("What runs is told with its time and its progress; frozen steps are told as that, commits never")
    func running() {
        var chronicle = chronicle()
        begin(step("pip"), &chronicle, at: 102)
        var progress = Progress(phase: .execute)
        (progress.itemsCompleted, progress.itemsTotal) = (1, 4)
        chronicle.take(.progress(progress), of: name("pip"), at: .seconds(103))
        let first = status(chronicle, at: 104).steps[1]
        #expect(first.state == .running && first.duration == .seconds(2) && first.percent == 25)
        #expect(status(chronicle, isFrozen: true, at: 104).steps[1].state == .frozen)

        begin(step("apt", .download), &chronicle, at: 104)
        chronicle.take(.phaseEnd(PhaseEnd(phase: .download, outcome: .succeeded)), of: name("apt"), at: .seconds(105))
        begin(step("apt"), &chronicle, at: 105)
        let steps = status(chronicle, isFrozen: true, at: 106).steps
        #expect(steps[0].state == .ended && steps[0].outcome == .succeeded)
        #expect(steps[2].state == .running)
        let stopping = Stopping(phase: .execute, cause: .cancelled(signal: 15), signal: 15, killAfter: .seconds(10))
        chronicle.take(.stopping(stopping), of: name("pip"), at: .seconds(106))
        #expect(status(chronicle, at: 106).steps[1].state == .stopping)
    }

    @Test("It is over when every step has ended; another try begins anew")
    func ending() {
        var chronicle = chronicle()
        #expect(chronicle.hasPlan && !chronicle.hasEnded)
        begin(step("pip"), &chronicle, at: 101)
        begin(step("pip"), &chronicle, at: 105)
        #expect(status(chronicle, at: 106).steps[1].duration == .seconds(1))
        for id in [step("apt", .download), step("apt"), step("pip")] {
            chronicle.take(.phaseEnd(PhaseEnd(phase: id.phase, outcome: .failed)), of: id.plugin, at: .seconds(110))
        }
        #expect(chronicle.hasEnded)
        #expect(status(chronicle, at: 110).remaining == .zero)
    }
}
