import Presentation
import RunModel
import TestSupport
import Testing
import UpdateModel

@Suite struct PlanTableTests {
    private func text(_ plan: Plan, columns: Int = 120) -> [String] {
        PlanTable.lines(plan, columns: columns).map(\.text)
    }

    @Test func `it fits every width of 40 cells and more`() {
        for columns in 40...220 {
            let lines = PlanTable.lines(ExampleRun.plan, columns: columns)
            #expect(lines.allSatisfy { $0.width <= columns }, "\(columns) columns")
            // The step, its time and its mark are never given up.
            #expect(lines.contains { $0.text.contains("apt/execute      ⛨") }, "\(columns) columns")
            #expect(lines.contains { $0.text.contains("2m 30s") }, "\(columns) columns")
        }
    }

    @Test func `a start behind a step of unknown length is unknown`() {
        var plan = ExampleRun.plan
        plan.steps[1].durationIsKnown = false
        plan.fetch = nil
        let lines = text(plan)
        #expect(lines[1] == "4 plugins, 7 steps.")
        #expect(lines[4].hasPrefix("   0:00   apt/download           1m 00s"))
        #expect(lines[5].hasPrefix("   0:00   pipx/download               ?"))
        #expect(lines[6].hasPrefix("      ?   flatpak/download"))
    }

    @Test func `where no length is known the waves stand for the starts`() {
        var plan = ExampleRun.plan
        for index in plan.steps.indices { plan.steps[index].durationIsKnown = false }
        let lines = text(plan)
        #expect(lines[3].hasPrefix("   wave   step                 expected   as"))
        #expect(lines[6].hasPrefix("      2   flatpak/download            ?   root"))
    }

    @Test func `only what is known is said`() {
        let plan = Plan(
            policy: "p", hostName: "h", runLimits: [], steps: [], skipped: [], makespanSeconds: 0, criticalPath: [],
            fetch: nil, deviations: [])
        #expect(text(plan) == ["Plan for h (policy p)", "Nothing to do."])
    }

    @Test func `when the policy lets it run is said, and what is put off`() {
        var plan = ExampleRun.plan
        let noon = Timestamp(millisecondsSince1970: 0)
        var window = PlannedWindow(
            allow: ["22:00-05:00", "Sun 00:00-23:59"], finishBy: true,
            opens: PlannedWindow.Edge(timestamp: noon, local: "Mon 22:00"),
            closes: PlannedWindow.Edge(timestamp: noon, local: "Tue 05:00"))
        window.putOff = [plan.steps[0].id]
        plan.window = window
        #expect(
            text(plan, columns: 300)[2]
                == "Updates are to run at 22:00-05:00, Sun 00:00-23:59: the next time begins Mon 22:00, and nothing "
                + "starts before; it ends Tue 05:00. Put off, since not expected to end by then: apt/download.")
        plan.window?.opens = nil
        plan.window?.finishBy = false
        plan.window?.overrunning = [plan.steps[1].id]
        #expect(
            text(plan, columns: 300)[2].hasSuffix(
                ": now, until Tue 05:00. Put off, since not expected to start by then: apt/download. "
                    + "Expected to go on beyond that: pipx/download."))
        plan.window?.closes = nil
        #expect(text(plan, columns: 300)[2].hasPrefix("Updates are to run at 22:00-05:00, Sun 00:00-23:59. "))
    }

    @Test func `a long critical path is cut in its middle`() {
        var plan = ExampleRun.plan
        plan.criticalPath = (0..<30).map { StepID("p\($0)/execute") }
        let path = text(plan, columns: 1000).first { $0.hasPrefix("Critical") }
        #expect(path?.contains("p5/execute → (20 more) → p26/execute") == true)
    }

    @Test func `each reason is given once`() {
        var plan = ExampleRun.plan
        plan.deviations = [
            LimitDeviation(control: "memory.max", requested: "1", effective: nil, reason: "no memory controller"),
            LimitDeviation(control: "io.max", requested: "1", effective: nil, reason: "no disk"),
            LimitDeviation(control: "memory.high", requested: "1", effective: nil, reason: "no memory controller"),
            LimitDeviation(control: "memory.max", requested: "2", effective: nil, reason: "no memory controller"),
        ]
        #expect(
            text(plan, columns: 300).last
                == "⛨ commit: never killed or frozen. "
                + "Not enforced here: memory.max, memory.high (no memory controller), io.max (no disk).")
    }

    @Test func `a limit that was changed several times is told as it was left`() {
        var plan = ExampleRun.plan
        plan.deviations = ["48", "72", "108"].map {
            LimitDeviation(control: "memory.high", requested: "32", effective: $0, reason: "it would stop")
        }
        #expect(
            text(plan, columns: 300).last?.hasSuffix("otherwise: memory.high 108 instead of 32 (it would stop).")
                == true)
    }

    @Test func `what a step is expected to use is shown with who says so, where there is room`() {
        var plan = ExampleRun.plan
        let sources: [(DemandSource?, String)] = [
            (.estimate, "320 MiB, estimate"), (.manifest, "320 MiB, manifest"), (.record, "320 MiB, earlier runs"),
            (nil, "320 MiB"),
        ]
        for (index, (source, _)) in sources.enumerated() {
            plan.steps[index].demand = Demand(memory: ByteCount(320 << 20), memorySource: source)
        }
        let lines = text(plan, columns: 200)
        #expect(lines[3].contains("expected use"))
        for (index, (_, words)) in sources.enumerated() { #expect(lines[4 + index].contains("   \(words)   ")) }
        #expect(!text(plan, columns: 80)[3].contains("expected use"))
        #expect(!text(ExampleRun.plan, columns: 200)[3].contains("expected use"))
    }

    @Test func `names from files cannot drive the terminal`() {
        var plan = ExampleRun.plan
        plan.hostName = "h\u{1B}]0;x\u{07}"
        plan.steps[0].mutexes = ["m\u{1B}[2J\n"]
        #expect(text(plan, columns: 120)[0].hasPrefix("Plan for h (policy"))
        #expect(text(plan, columns: 120)[4].hasSuffix("   m"))
    }
}
