import RunModel
import Scheduling
import Testing
import UpdateModel

private func name(_ text: String) -> PluginName {
    guard let name = PluginName(text) else { fatalError("\(text) is no name of a plugin") }
    return name
}

private func step(_ text: String) -> StepID {
    let parts = text.split(separator: "/")
    guard parts.count == 2, let phase = Phase(rawValue: String(parts[1])) else { fatalError("\(text) is no step") }
    return StepID(name(String(parts[0])), phase)
}

/// A plugin as the tests write it; a phase without a duration does not run.
private func plugin(
    _ text: String, download: Double? = nil, execute: Double? = 1, requires: [String] = [], after: [String] = [],
    conflicts: [String] = [], mutexes: [String] = [], free: [String] = [], demand: Demand = Demand()
) -> PluginNode {
    let steps = [(Phase.execute, execute), (.download, download)].compactMap { phase, duration in
        duration.map {
            PluginNode.Step(phase: phase, mutexes: mutexes, freeMutexes: free, demand: demand, duration: $0)
        }
    }
    return PluginNode(
        name: name(text), steps: steps, requires: requires.map(name), after: after.map(name),
        conflicts: conflicts.map(name))
}

/// `0 apt/download`, `5 apt/execute: apt/download`: start, step, and what it waits for.
private func lines(_ graph: StepGraph) -> [String] {
    Schedule(of: graph.problem).entries.map { entry in
        let waits = entry.cause.map { ": \(graph.text(of: $0, for: entry.job))" } ?? ""
        return "\(Int(entry.start)) \(graph.step(entry.job))\(waits)"
    }
}

private let roomy = RunCapacities(parallel: 10, downloads: 10)

struct StepGraphTests {
    private func message(_ nodes: [PluginNode], _ capacities: RunCapacities = roomy) -> String {
        do throws(StepGraphError) {
            _ = try StepGraph(nodes, capacities: capacities)
            return "no error"
        } catch {
            return error.description
        }
    }

    @Test("Hooks come before and after all steps, one behind the other, and only where there are steps")
    func hooks() throws {
        func hook(_ text: String, _ moment: HookMoment) -> PluginNode {
            PluginNode(name: name(text), steps: [.init(phase: .execute, duration: 1)], hook: moment)
        }
        let hooks = [
            hook("before.1", .beforeRun), hook("before.2", .beforeRun), hook("after.1", .afterRun),
            hook("after.2", .afterRun),
        ]
        let graph = try StepGraph(
            hooks + [plugin("a", download: 2, execute: 3), plugin("b", execute: 4, after: ["a"])], capacities: roomy)
        #expect(
            lines(graph) == [
                "0 before.1/execute", "1 before.2/execute: before.1/execute (requires)",
                "2 a/download: before.2/execute (requires)", "4 a/execute: a/download",
                "7 b/execute: a/execute (after)", "11 after.1/execute: b/execute (after)",
                "12 after.2/execute: after.1/execute (after)",
            ])
        #expect(graph.predecessors(of: try #require(graph.job(step("a/execute")))) == [step("a/download")])
        #expect(
            graph.predecessors(of: try #require(graph.job(step("after.1/execute"))))
                == [step("a/download"), step("a/execute"), step("b/execute")])
        #expect(lines(try StepGraph(hooks, capacities: roomy)) == [])
    }

    @Test("The plan of four plugins, with what each step waits for and the chain that takes longest")
    func picture() throws {
        //  apt/download 60 ───────► apt/execute 150 ─requires─► pipx/execute 40 ─► reports/execute 62
        //  pipx/download 12 ──────────────────────────────────────┘
        //  flatpak/download 100 ──► flatpak/execute 55
        let graph = try StepGraph(
            [
                plugin("reports", execute: 62, requires: ["pipx"]),
                plugin("pipx", download: 12, execute: 40, requires: ["apt"], mutexes: ["pkgmgr:pipx"]),
                plugin("flatpak", download: 100, execute: 55, mutexes: ["pkgmgr:flatpak"]),
                plugin("apt", download: 60, execute: 150, mutexes: ["pkgmgr:apt"]),
            ], capacities: RunCapacities(parallel: 3, downloads: 2))
        #expect(
            lines(graph) == [
                "0 apt/download", "0 flatpak/download", "60 apt/execute: apt/download",
                "60 pipx/download: a download slot", "100 flatpak/execute: flatpak/download",
                "210 pipx/execute: apt/execute (requires)", "250 reports/execute: pipx/execute (requires)",
            ])
        let schedule = Schedule(of: graph.problem)
        #expect(
            schedule.criticalPath.map(graph.step)
                == ["apt/download", "apt/execute", "pipx/execute", "reports/execute"].map(step))
        #expect(schedule.makespan == 312)
    }

    @Test("A required plugin's last phase goes before the execute phase; the download does not wait")
    func requirement() throws {
        //  a/download ─► a/execute ─┐
        //  b/download ──────────────┴─► b/execute        c has only a download and waits for nobody
        let graph = try StepGraph(
            [
                plugin("a", download: 1), plugin("b", download: 1, requires: ["a"], after: ["a"]),
                plugin("c", download: 1, execute: nil, requires: ["a"]),
                plugin("d", after: ["c", "nowhere"]),
            ], capacities: roomy)
        func predecessors(_ text: String) throws -> [StepID] {
            graph.predecessors(of: try #require(graph.job(step(text))))
        }
        #expect(try predecessors("b/execute") == [step("a/execute"), step("b/download")])
        #expect(try predecessors("b/download").isEmpty)
        #expect(try predecessors("c/download").isEmpty)
        #expect(try predecessors("d/execute") == [step("c/download")])
        #expect(graph.job(step("c/execute")) == nil)
        #expect(lines(graph).contains("1 d/execute: c/download (after)"))
    }

    @Test("What requires a plugin that does not run is skipped, and what requires that one too")
    func skipped() throws {
        let graph = try StepGraph(
            [
                plugin("b", requires: ["snap"]), plugin("c", requires: ["b"]), plugin("d", after: ["b", "snap"]),
                plugin("e", requires: ["git"]), plugin("f", requires: ["brew"]),
            ],
            absent: [
                AbsentPlugin(name: name("snap"), state: .ended(.notApplicable, reason: "snapd is not running")),
                AbsentPlugin(name: name("git"), state: .ended(.upToDate, reason: "")),
                AbsentPlugin(name: name("brew"), state: .notSelected),
            ], capacities: roomy)
        #expect(
            graph.skipped == [
                SkippedPlugin(
                    plugin: name("b"), outcome: .skipped,
                    reason: "requires snap (not applicable: snapd is not running)"),
                SkippedPlugin(plugin: name("c"), outcome: .skipped, reason: "requires b (skipped)"),
                SkippedPlugin(plugin: name("f"), outcome: .skipped, reason: "requires brew (not selected)"),
            ])
        #expect(lines(graph) == ["0 d/execute", "0 e/execute"])
    }

    @Test("A required plugin that nobody provides is an error, with the name that was probably meant")
    func unknown() {
        #expect(
            message([plugin("flatpak"), plugin("c", requires: ["flatpack"])])
                == #""c" requires "flatpack", which no plugin provides (did you mean "flatpak"?)"#)
        #expect(
            message([plugin("c", requires: ["xyz"])]) == #""c" requires "xyz", which no plugin provides"#)
    }

    @Test("A cycle is told in plugins, with what to remove")
    func cycle() {
        #expect(
            message([
                plugin("a", download: 1, requires: ["b"]), plugin("b", requires: ["c"]), plugin("c", requires: ["a"]),
            ]) == #"dependency cycle: a → b → c → a. Remove one "requires" of them."#)
        #expect(
            message([plugin("a", requires: ["b"]), plugin("b", after: ["a"])])
                == #"dependency cycle: a → b → a. Remove one "requires" of them, or the "after" of b (a)."#)
        #expect(
            message([plugin("a", after: ["b"]), plugin("b", after: ["a"])])
                == #"dependency cycle: a → b → a. Remove one "after" of them."#)
        #expect(
            message([plugin("a", requires: ["a"])]) == #"dependency cycle: a → a. Remove one "requires" of them."#)
    }

    @Test("A dependency and a shared mutex together are no cycle")
    func noFalseCycle() throws {
        let graph = try StepGraph(
            [plugin("a", execute: 2, mutexes: ["dpkg"]), plugin("b", execute: 9, requires: ["a"], mutexes: ["DPKG"])],
            capacities: roomy)
        #expect(lines(graph) == ["0 a/execute", "2 b/execute: a/execute (requires)"])
    }

    @Test("Plugins in conflict never run at the same time, in any phase, whoever of them says so")
    func conflict() throws {
        let graph = try StepGraph(
            [
                plugin("a", download: 5, execute: 5), plugin("b", execute: 1, conflicts: ["a", "gone"]),
                plugin("c", execute: 1, mutexes: ["m"]),
            ], capacities: roomy)
        #expect(
            lines(graph) == [
                "0 a/download", "0 c/execute", "5 a/execute: a/download",
                "10 b/execute: a/execute (conflicts)",
            ])
        let c = try #require(graph.job(step("c/execute")))
        let b = try #require(graph.job(step("b/execute")))
        #expect(graph.mutexes(of: c) == ["m"])
        #expect(graph.mutexes(of: b) == [])
    }

    @Test("Every download holds a unit of the pool, and a step may ask for more, up to all of it")
    func pool() throws {
        let graph = try StepGraph(
            [
                plugin("a", download: 3, execute: nil), plugin("b", download: 2, execute: nil),
                plugin("c", execute: 1, mutexes: ["Network:Download=5", "m"]),
                plugin("d", execute: 0.5, free: ["network:download"]),
            ], capacities: RunCapacities(parallel: 10, downloads: 2))
        let a = try #require(graph.job(step("a/download")))
        let c = try #require(graph.job(step("c/execute")))
        #expect(graph.mutexes(of: a) == ["network:download"])
        #expect(graph.demand(of: a) == Demand(downloads: 1))
        #expect(graph.mutexes(of: c) == ["m", "network:download"])
        #expect(graph.demand(of: c) == Demand(downloads: 2))
        #expect(
            lines(graph) == [
                "0 a/download", "0 b/download", "2 d/execute: a download slot", "3 c/execute: a download slot",
            ])
    }

    @Test("Steps share CPUs and memory where these are shared out; an unknown demand counts as one step only")
    func shares() throws {
        let mebibyte = ByteCount(1 << 20)
        let nodes = [
            plugin("a", execute: 3, demand: Demand(cpus: 1.5, memory: mebibyte)),
            plugin("b", execute: 2, demand: Demand(cpus: 1)),
            plugin("c", execute: 1),
            plugin("d", execute: 0.5, demand: Demand(memory: mebibyte)),
        ]
        let shared = try StepGraph(
            nodes, capacities: RunCapacities(parallel: 9, downloads: 1, cpus: 2, memory: mebibyte))
        #expect(
            lines(shared) == [
                "0 a/execute", "0 c/execute", "3 b/execute: CPU", "3 d/execute: memory",
            ])
        let free = try StepGraph(nodes, capacities: RunCapacities(parallel: 3, downloads: 1))
        #expect(
            lines(free) == ["0 a/execute", "0 b/execute", "0 c/execute", "1 d/execute: a free slot"])
    }

    @Test("A step that is expected to need more than the run has gets all of it, and runs alone")
    func alone() throws {
        let tight = RunCapacities(parallel: 3, downloads: 1, cpus: 1, memory: ByteCount(4 << 30))
        let small = Demand(cpus: 0.1, memory: ByteCount(1 << 20))
        for big in [Demand(memory: ByteCount(6 << 30)), Demand(cpus: 2)] {
            let graph = try StepGraph(
                [plugin("a", demand: small), plugin("big", demand: big), plugin("c", demand: small)],
                capacities: tight)
            let starts = Schedule(of: graph.problem).entries.map { "\(Int($0.start)) \(graph.step($0.job).plugin)" }
            #expect(starts == ["0 a", "0 c", "1 big"] || starts == ["0 big", "1 a", "1 c"], "\(starts)")
        }
    }

    @Test("A demand that can never be met is an error that says what to change")
    func impossible() {
        #expect(
            message([plugin("a")], RunCapacities(parallel: 0, downloads: 1)).contains("Raise parallel"))
        #expect(
            message([plugin("a", download: 1)], RunCapacities(parallel: 1, downloads: 0)).contains("Raise downloads"))
        #expect(message([plugin("a", execute: -1)]).contains("a duration of -1 s"))
        #expect(message([plugin("a"), plugin("a")]) == #"job "a" is given twice"#)
    }

    @Test("What a step waits for is told as events tell it")
    func reasons() throws {
        let graph = try StepGraph(
            [
                plugin("a", execute: 9, mutexes: ["m"]), plugin("b", execute: 8, mutexes: ["m"]),
                plugin("c", execute: 7),
            ], capacities: RunCapacities(parallel: 1, downloads: 1))
        let a = try #require(graph.job(step("a/execute")))
        #expect(graph.waitReason(.mutex("m", holder: a)) == .mutex("m"))
        #expect(graph.waitReason(.capacity("parallel")) == .parallel)
        #expect(graph.waitReason(.capacity("downloads")) == .downloads)
        #expect(graph.waitReason(.capacity("cpus")) == .cpu)
        #expect(graph.waitReason(.capacity("memory")) == .memory)
        #expect(graph.waitReason(.foreignLock("m", holder: "pid 7")) == .otherRun(mutex: "m", holder: "pid 7"))
        #expect(graph.waitReason(.foreignLock("/l", holder: "pid 7")) == .lockedFile(path: "/l", holder: "pid 7"))
        #expect(graph.text(of: .mutex("m", holder: a), for: a) == "mutex m")
        #expect(graph.text(of: .turn(after: a), for: a) == "its turn, after a/execute")
    }

    @Test("A plugin of which no phase runs satisfies what requires it")
    func nothingToRun() throws {
        let graph = try StepGraph([plugin("a", execute: nil), plugin("b", requires: ["a"])], capacities: roomy)
        #expect(lines(graph) == ["0 b/execute"])
    }
}
