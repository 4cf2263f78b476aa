import Presentation
import RunModel
import TestSupport
import Testing
import UpdateModel

//  a/download → a/execute ⛨    c/execute requires a; b holds the same mutex as a/execute
//                   ┆  ↘
//               b/execute  c/execute
private let plan: Plan = {
    func step(
        _ id: String, after: [String] = [], mutexes: [String] = [], seconds: Double? = 60, isProtected: Bool = false
    ) -> PlannedStep {
        PlannedStep(
            id: StepID(id), after: after.map { StepID($0) }, mutexes: mutexes, demand: Demand(), limits: [],
            runAs: "root", isProtected: isProtected, startSeconds: 0, durationSeconds: seconds ?? 60,
            durationIsKnown: seconds != nil, wave: 0, waitsFor: nil)
    }
    return Plan(
        policy: "p", hostName: "db\"7", runLimits: [],
        steps: [
            step("a/download", mutexes: ["network:download"]),
            step("a/execute", after: ["a/download"], mutexes: ["pkgmgr:x"], isProtected: true),
            step("b/execute", mutexes: ["pkgmgr:x", "network:download"], seconds: nil),
            step("end/execute", after: ["a/execute"]),
        ],
        skipped: [], makespanSeconds: 180, criticalPath: ["a/download", "a/execute", "b/execute"].map { StepID($0) },
        fetch: nil, deviations: [])
}()

@Suite struct PlanGraphTests {
    @Test func `dot has a node a step, an arrow a predecessor, and a dashed line between holders of a mutex`() {
        #expect(
            PlanGraph.dot(plan) == #"""
                digraph "update-all on db\"7" {
                    rankdir=LR;
                    node [shape=box, style=rounded];
                    "a/download" [label="a/download\n1 min 0 s", color=red];
                    "a/execute" [label="a/execute ⛨\n1 min 0 s", color=red, peripheries=2];
                    "b/execute" [label="b/execute", color=red];
                    "end/execute" [label="end/execute\n1 min 0 s"];
                    "a/download" -> "a/execute" [color=red];
                    "a/execute" -> "end/execute";
                    "a/execute" -> "b/execute" [label="pkgmgr:x", style=dashed, dir=none, constraint=false, color=red];
                }

                """#)
    }

    @Test func `mermaid numbers the nodes, since a name may be a word of its own`() {
        #expect(
            PlanGraph.mermaid(plan) == #"""
                flowchart LR
                    step0("a/download<br/>1 min 0 s")
                    step1[["a/execute ⛨<br/>1 min 0 s"]]
                    step2("b/execute")
                    step3("end/execute<br/>1 min 0 s")
                    step0 ==> step1
                    step1 --> step3
                    step1 -.-|"pkgmgr:x"| step2
                    classDef critical stroke:#c00,stroke-width:2px
                    class step0,step1,step2 critical

                """#)
    }

    @Test func `a plan without steps is an empty graph`() {
        var plan = plan
        plan.steps = []
        plan.criticalPath = []
        #expect(PlanGraph.mermaid(plan) == "flowchart LR\n")
        #expect(PlanGraph.dot(plan).split(separator: "\n").count == 4)
    }

    @Test func `no name can leave its quotes or drive a terminal`() {
        var plan = plan
        plan.steps[1].mutexes = ["a\"]; b -> c [\\\u{1B}[31m<b>#"]
        plan.steps[2].mutexes = plan.steps[1].mutexes
        let dot = PlanGraph.dot(plan)
        #expect(dot.contains(#"[label="a\"]; b -> c [\\"#))
        let mermaid = PlanGraph.mermaid(plan)
        #expect(mermaid.contains("\"a#quot;]; b -#gt; c [\\"))
        #expect(mermaid.contains("#lt;b#gt;#35;\""))
        #expect(!(dot + mermaid).contains("\u{1B}"))
    }
}
