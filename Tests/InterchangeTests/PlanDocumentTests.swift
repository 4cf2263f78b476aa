import Interchange
import JSONDocument
import RunModel
import Testing
import UpdateModel

@Suite struct PlanDocumentTests {
    private let plan: Plan = {
        let apt = PluginName("apt")!
        let download = PlannedStep(
            id: StepID(apt, .download), after: [], mutexes: ["pkgmgr:apt", "network:download"],
            demand: Demand(
                cpus: 1, memory: ByteCount(314_572_800), downloads: 1, cpusSource: .manifest, memorySource: .record),
            limits: [
                ControlWrite(file: "memory.high", value: "805306368"),
                ControlWrite(file: "cpu.max", value: "50000 100000"),
            ], runAs: "root", isProtected: false, startSeconds: 0, durationSeconds: 60, durationIsKnown: true, wave: 0,
            waitsFor: nil)
        let execute = PlannedStep(
            id: StepID(apt, .execute), after: [download.id], mutexes: [], demand: Demand(), limits: [], runAs: "root",
            isProtected: true, startSeconds: 60, durationSeconds: 252.5, durationIsKnown: false, wave: 1,
            waitsFor: "apt/download (its own)")
        return Plan(
            policy: "shared-server", hostName: "db1", runLimits: ["3 steps at a time"], steps: [download, execute],
            skipped: [
                SkippedPlugin(plugin: PluginName("snap")!, outcome: .notApplicable, reason: "snap is not on PATH")
            ], makespanSeconds: 312.5, criticalPath: [download.id, execute.id], fetch: ByteCount(412_000_000),
            deviations: [
                LimitDeviation(control: "io.max", requested: "80M", effective: nil, reason: "overlay has no disk")
            ])
    }()

    private let members =
        #""version":1,"policy":"shared-server","host":"db1","run_limits":["3 steps at a time"],"#
        + #""fetch_bytes":412000000,"makespan_seconds":312.5,"#
        + #""critical_path":["apt/download","apt/execute"],"#
        + #""steps":[{"id":"apt/download","plugin":"apt","phase":"download","after":[],"#
        + #""mutexes":["pkgmgr:apt","network:download"],"#
        + #""demand":{"cpus":1,"cpus_source":"manifest","memory_bytes":314572800,"memory_source":"record","downloads":1},"#
        + #""limits":{"memory.high":"805306368","cpu.max":"50000 100000"},"run_as":"root","#
        + #""start_seconds":0,"duration_seconds":60,"wave":0},"#
        + #"{"id":"apt/execute","plugin":"apt","phase":"execute","after":["apt/download"],"mutexes":[],"#
        + #""demand":{"downloads":0},"limits":{},"run_as":"root","protected":true,"#
        + #""start_seconds":60,"duration_seconds":252.5,"duration_is_known":false,"wave":1,"#
        + #""waits_for":"apt/download (its own)"}],"#
        + #""skipped":[{"plugin":"snap","outcome":"not_applicable","reason":"snap is not on PATH"}],"#
        + #""not_enforced":[{"control":"io.max","requested":"80M","reason":"overlay has no disk"}]}"# + "\n"

    @Test("A plan is one line in the contract's form, without what is unknown")
    func document() {
        var bytes: [UInt8] = []
        appendLine(of: plan, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "{" + members)
    }

    @Test("What nobody said and what is the default is left out")
    func bare() {
        let plan = Plan(
            policy: "p", hostName: "h\nx", runLimits: [], steps: [], skipped: [], makespanSeconds: 0, criticalPath: [],
            fetch: nil, deviations: [])
        var bytes: [UInt8] = []
        appendLine(of: plan, to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"version":1,"policy":"p","host":"h\nx","makespan_seconds":0,"critical_path":[],"#
                + #""steps":[],"skipped":[]}"# + "\n")
    }

    @Test("The policy's window is told with where it opens and closes, and what it puts off")
    func window() throws {
        func edge(_ text: String, _ local: String) throws -> PlannedWindow.Edge {
            PlannedWindow.Edge(timestamp: try #require(Timestamp(rfc3339: text)), local: local)
        }
        var plan = plan
        var window = PlannedWindow(
            allow: ["Mon..Fri 22:00-05:00"], finishBy: true, opens: try edge("2026-11-23T21:00:00.000Z", "Mon 22:00"),
            closes: try edge("2026-11-24T04:00:00.000Z", "Tue 05:00"))
        window.putOff = [plan.steps[1].id]
        plan.window = window
        var bytes: [UInt8] = []
        appendLine(of: plan, to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self).hasSuffix(
                #","window":{"allow":["Mon..Fri 22:00-05:00"],"finish_by":true,"#
                    + #""opens":{"timestamp":"2026-11-23T21:00:00.000Z","local":"Mon 22:00"},"#
                    + #""closes":{"timestamp":"2026-11-24T04:00:00.000Z","local":"Tue 05:00"},"#
                    + #""put_off":["apt/execute"]}}"# + "\n"))
        #expect(try readPlan(bytes) == plan)
    }

    @Test("The plan event has the plan's members among its own")
    func event() {
        var bytes: [UInt8] = []
        let event = Event(seq: 2, timestamp: Timestamp(millisecondsSince1970: 0), plugin: nil, body: .plan(plan))
        appendLines(of: event, run: RunID("20261121-073012-1")!, to: &bytes)
        let head = #"{"type":"plan","run":"20261121-073012-1","seq":2,"timestamp":"1970-01-01T00:00:00.000Z","#
        #expect(String(decoding: bytes, as: UTF8.self) == head + members)
    }
}
