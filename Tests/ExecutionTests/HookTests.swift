import Glibc
import LinuxSystem
import Policy
import Testing
import UpdateModel

@testable import Execution

@Suite("Hooks", .timeLimit(.minutes(5))) struct HookTests {
    private let bench: RunBench

    init() throws { bench = try RunBench() }

    /// A program that says how it was called and does `body`.
    private func hook(_ name: String, _ body: String = "") throws -> String {
        try bench.directory.script(
            "hooks/\(name)", "echo $0 $* hook=$UPDATE_ALL_HOOK result=$UPDATE_ALL_RUN_RESULT\n\(body)")
        return "\(bench.directory.path)/hooks/\(name)"
    }

    private func use(before: [String] = [], after: [String] = []) {
        bench.policyText += "[hooks]\nbefore_run = \(before)\nafter_run = \(after)\n"
    }

    private func lines(_ run: EndedRun, _ hook: String) throws -> String {
        String(decoding: try run.log(hook), as: UTF8.self)
    }

    @Test("run before and after all steps, in order, as steps with a log and events of their own")
    func order() async throws {
        try bench.add("a", "echo work", download: "echo fetch")
        let (first, second, last) = (try hook("First Snapshot"), try hook("second"), try hook("health"))
        use(before: [first, second], after: [last])
        let run = try await bench.run()
        #expect(
            run.plan.steps.map(\.id.description) == [
                "before_run.first-snapshot/execute", "before_run.second/execute", "a/download", "a/execute",
                "after_run.health/execute",
            ])
        #expect(run.plan.steps.map(\.hook) == [.beforeRun, .beforeRun, nil, nil, .afterRun])
        #expect(run.result.outcomes.values.allSatisfy { $0 == .succeeded } && run.result.outcomes.count == 4)
        #expect(try lines(run, "before_run.first-snapshot") == "\(first) before_run hook=before_run result=\n")
        #expect(try lines(run, "after_run.health") == "\(last) after_run hook=after_run result=succeeded\n")
        let order = [
            run.endSeq("before_run.first-snapshot"), run.start("before_run.second"), run.endSeq("before_run.second"),
            run.start("a", .download), run.endSeq("a"), run.start("after_run.health"),
        ]
        #expect(order.compactMap(\.self) == order.compactMap(\.self).sorted() && !order.contains(nil))
    }

    @Test("A hook before the run that fails keeps every step from starting; those after it run, and are told")
    func failure() async throws {
        try bench.add("a", "echo work", download: "echo fetch", manifest: "protected_phases = [\"execute\"]")
        use(
            before: [try hook("snapshot", "echo no space >&2; exit 7"), try hook("drain")], after: [try hook("health")])
        let run = try await bench.run()
        #expect(run["before_run.snapshot"] == .failed)
        #expect(run.end("before_run.snapshot")?.exitCode == 7)
        #expect(run["before_run.drain"] == .dependencyFailed && run["a"] == .dependencyFailed)
        #expect(run.start("a") == nil && run.start("a", .download) == nil && run.start("before_run.drain") == nil)
        #expect(run["after_run.health"] == .succeeded)
        #expect(try lines(run, "after_run.health").hasSuffix("result=failed\n"))
    }

    @Test("A failed step, and --fail-fast, keep no hook after the run from running, and one that fails no other")
    func afterFailure() async throws {
        bench.options.isFailFast = true
        try bench.add("a", "exit 1")
        try bench.add("b", "exit 0", manifest: "after = [\"a\"]")
        use(after: [try hook("one", "exit 3"), try hook("two")])
        let run = try await bench.run()
        #expect(run["a"] == .failed && run["b"] == .skipped)
        #expect(run["after_run.one"] == .failed && run["after_run.two"] == .succeeded)
    }

    @Test("Behind a first Ctrl-C the hooks after the run still run; a second one ends them")
    func interrupt() async throws {
        try bench.add("a", "exit 1", download: "echo ready; exec sleep 1000")
        use(after: [try hook("undrain", "exec sleep 1000"), try hook("never")])
        let run = try await bench.run { session, kept in
            #expect(await kept.wait { $0.lineCount > 0 })
            try await session.deliver(SIGINT)
            #expect(await kept.wait { $0.plugin == name("after_run.undrain") && $0.lineCount > 0 })
            try await session.deliver(SIGINT)
        }
        #expect(run["a"] == .cancelled)
        #expect(run.endSeq("a", .download)! < run.start("after_run.undrain")!)
        #expect(try lines(run, "after_run.undrain").hasSuffix("result=cancelled\n"))
        #expect(run["after_run.undrain"] == .cancelled && run["after_run.never"] == .cancelled)
        #expect(run.start("after_run.never") == nil)
    }

    @Test(
        "have the limits of [step], and what the policy says of them by name",
        .enabled(if: canMakeGroups, "\(noGroups)"))
    func limits() async throws {
        try bench.add("a", "true")
        use(before: [try hook("slow", "exec sleep 1000")])
        bench.policyText += "[plugin.\"before_run.slow\"]\ntimeout = \"200ms\"\nnice = 7\n"
        let run = try await bench.run()
        #expect(run["before_run.slow"] == .timedOut && run["a"] == .dependencyFailed)
    }

    @Test("Where nothing else runs, no hook does; in a dry run they are only planned")
    func nothingToDo() async throws {
        use(before: ["/nowhere/snapshot"])
        let empty = try await bench.run()
        #expect(empty.plan.steps.isEmpty)
        bench.selection.isDryRun = true
        try bench.add("a", "true", manifest: "dry_run = true")
        let dry = try await bench.run()
        #expect(dry.plan.steps.map(\.id) == [step("a")])
        #expect(dry.plan.skipped.map(\.plugin) == [name("before_run.snapshot")])
    }

    @Test("One that is not there, or no program, ends a run before it begins")
    func missing() async throws {
        try bench.add("a", "true")
        try bench.directory.write("hooks/text", "no program")
        for (path, reason) in [
            ("/nowhere/snapshot", "does not exist, or cannot be looked at"), ("/tmp", "is not a file"),
            ("\(bench.directory.path)/hooks/text", "is not executable (chmod +x)"),
        ] {
            let bench = bench
            let before = bench.policyText
            defer { bench.policyText = before }
            use(before: [path])
            do {
                _ = try await bench.run()
                Issue.record("\(path) was run")
            } catch let error as RunError {
                #expect(error.exitCode == .usage)
                #expect(error.description.contains(": the hook \(path) \(reason). Nothing was run"), "\(error)")
            }
        }
    }

    @Test("As root only a program is run that nobody else can change", .enabled(if: geteuid() == 0))
    func trust() async throws {
        try bench.add("a", "true")
        let path = try hook("snapshot")
        chmod(path, 0o775)
        use(before: [path])
        do {
            _ = try await bench.run()
            Issue.record("it was run")
        } catch let error as RunError {
            #expect(error.description.contains("is not safe to run as root: it can be written by its group"))
        }
    }

    @Test("Their names are their files', made fit for one and told apart")
    func names() throws {
        let policy = try policy("[hooks]\nbefore_run = [\"/a/x\", \"/b/x\", \"/c/Ä b\"]\nafter_run = [\"/a/x\"]")
        let names = Hook.all(in: policy, besides: [name("before_run.x")]).map(\.plugin.name.rawValue)
        #expect(names == ["before_run.x.2", "before_run.x.3", "before_run.--b", "after_run.x"])
        let long = try Execution.Hook.all(
            in: policyOf("/\(String(repeating: "y", count: 200))"), besides: [])
        #expect(long[0].plugin.name.rawValue.utf8.count <= 64)
    }

    private func policyOf(_ path: String) throws -> MergedPolicy { try policy("[hooks]\nbefore_run = [\"\(path)\"]") }
}
