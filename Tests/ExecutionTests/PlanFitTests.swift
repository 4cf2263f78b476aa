import RunModel
import Testing
import UpdateModel

@testable import Execution

@Suite("A saved plan") struct PlanFitTests {
    private func step(_ id: String, after: [String] = []) -> PlannedStep {
        PlannedStep(
            id: StepID(id), after: after.map { StepID($0) }, mutexes: ["m", "n"], demand: Demand(),
            limits: [
                ControlWrite(file: "memory.max", value: "1"), ControlWrite(file: "io.max", value: "8:0 rbps=1"),
                ControlWrite(file: "io.max", value: "8:16 rbps=1"),
            ], runAs: "root", isProtected: false, startSeconds: 0, durationSeconds: 60, durationIsKnown: true, wave: 0,
            waitsFor: nil)
    }

    private var plan: Plan {
        var plan = Plan(
            policy: "p", hostName: "h", runLimits: ["2 downloads"],
            steps: [step("a/execute"), step("b/execute", after: ["a/execute"])], skipped: [], makespanSeconds: 1,
            criticalPath: [], fetch: nil, deviations: [])
        plan.policyHash = "1"
        return plan
    }

    @Test("fits where only what is expected has changed, and what a file does not keep the order of")
    func fits() {
        var now = plan
        now.fetch = ByteCount(5)
        now.makespanSeconds = 9
        now.steps[0].durationSeconds = 7
        now.steps[0].mutexes = ["n", "m"]
        now.steps[0].limits = [
            ControlWrite(file: "io.max", value: "8:0 rbps=1\n8:16 rbps=1"),
            ControlWrite(file: "memory.max", value: "1"),
        ]
        #expect(now.differences(from: plan) == [])
    }

    @Test("does not fit where a step has gone, come, or changed, and each is named")
    func steps() {
        var now = plan
        now.steps = [step("b/execute"), step("c/execute")]
        now.steps[0].isProtected = true
        now.steps[0].runAs = "alice"
        now.steps[0].limits = []
        now.steps[0].mutexes = ["m"]
        now.skipped = [SkippedPlugin(plugin: PluginName("a")!, outcome: .upToDate, reason: "up to date")]
        #expect(
            now.differences(from: plan) == [
                "a/execute is not to be done any more: up to date",
                "b/execute has other predecessors, mutexes, limits, rules of ending, "
                    + "rights (alice instead of root)",
                "c/execute was not in it",
            ])
        now = plan
        now.steps.removeLast()
        #expect(
            now.differences(from: plan) == [
                "b/execute is not to be done any more: its plugin is gone, or has no such step"
            ])
        now = plan
        now.steps.reverse()
        #expect(now.differences(from: plan) == ["the order of the steps is another"])
    }

    @Test("does not fit another machine, another policy or other limits of the run")
    func surroundings() {
        var now = plan
        now.hostName = "other"
        now.policyHash = "2"
        now.runLimits = []
        #expect(
            now.differences(from: plan) == [
                "it was made on h, and this is other", "the policy p says something else now, or --set does",
                "the limits of the run were 2 downloads, and are none",
            ])
        now = plan
        now.policy = "q"
        #expect(now.differences(from: plan) == ["the policy was p, and is q"])
    }
}
