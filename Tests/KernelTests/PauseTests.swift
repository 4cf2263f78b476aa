import Glibc
import LinuxSystem
import Testing
import UpdateModel

@Suite("A run that is paused", .serialized, .enabled(if: hasControllers, "\(noControllers)"))
struct PauseTests {
    private func frozen(_ branch: String, of run: PhaseStart) throws -> Bool {
        let steps = try #require(run.cgroup).split(separator: "/").dropLast(2).joined(separator: "/")
        return try readText("/sys/fs/cgroup/\(steps)/\(branch)/cgroup.events").contains("frozen 1")
    }

    @Test("Its steps are frozen by the kernel, its commit goes on, and cancel leaves nothing of it")
    func commit() throws {
        let program = try Program()
        let gate = try program.makeFIFO("gate")
        try program.add("build", script: "trap 'echo tidied; exit 1' TERM; echo ready; while :; do :; done")
        try program.add(
            "commit", manifest: "protected_phases = [\"execute\"]", script: "echo ready; cat \(gate); echo whole")
        let running = try program.start(policy: "[step]\nstop_grace = \"20s\"")
        for plugin in ["build", "commit"] {
            try running.wait { $0.plugin?.rawValue == plugin && $0.lines == ["ready"] }
        }
        let start = try #require(running.starts("build").first)
        #expect(try !frozen("steps", of: start))
        #expect(try program.ask("pause").contains("frozen: build/execute"))
        #expect(try frozen("steps", of: start) && !frozen("protected", of: start))
        #expect(try program.ask("status").contains("Paused by root"))

        #expect(try program.ask("cancel").contains("commits are waited for"))
        try running.wait { if case .phaseEnd = $0.body { $0.plugin?.rawValue == "build" } else { false } }
        try shell("echo go >\(gate)")
        let run = try running.finish()
        #expect(run.cause == .code(128 + SIGTERM), "\(run.errors)")
        #expect(run.end("build")?.outcome == .cancelled)
        #expect(run.lines("build") == ["ready", "tidied"], "thawed, it could obey")
        #expect(run.end("commit")?.outcome == .succeeded)
        #expect(run.lines("commit") == ["ready", "go", "whole"])
        #expect(!fileExists("\(program.state)/current"))
        try program.expectNothingLeft()
    }
}
