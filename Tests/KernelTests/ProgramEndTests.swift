import Glibc
import LinuxSystem
import Testing
import UpdateModel

@Suite("What a run leaves behind", .serialized, .enabled(if: hasControllers, "\(noControllers)"))
struct ProgramEndTests {
    /// A step with children, one of them in another session, which all stay until they are ended.
    private func stayingProgram() throws -> Program {
        let program = try Program()
        try program.add(
            "stays", script: "touch mine; sleep 1000 & setsid sleep 1000 & echo ready; wait")
        return program
    }

    @Test("Ctrl-C ends the run with 130 and leaves neither group nor directory nor process")
    func interrupted() throws {
        let program = try stayingProgram()
        let running = try program.start(policy: "[step]\nstop_grace = \"5s\"")
        try running.wait { $0.lines == ["ready"] }
        // What is looked for afterwards can be seen now.
        #expect(try !ownProcesses().isEmpty)
        #expect(try directoryEntries(updateAllSlice).contains { $0.hasPrefix("run-") })
        #expect(try !directoryEntries("\(program.state)/tmp").isEmpty)
        try running.send(SIGINT)
        let run = try running.finish()
        #expect(run.cause == .code(128 + SIGINT), "\(run.errors)")
        #expect(run.end("stays")?.outcome == .cancelled)
        try program.expectNothingLeft()
    }

    @Test("Two seconds after kill -9 no process of a step lives, and the guardian has put everything away")
    func killed() throws {
        let program = try stayingProgram()
        let running = try program.start()
        try running.wait { $0.lines == ["ready"] }
        try running.send(SIGKILL)
        try program.waitForProcesses(limit: .seconds(2))
        #expect(try ownProcesses().map(\.command) == [])
        #expect(try running.finish().cause == .signal(SIGKILL))
        try program.expectNothingLeft(wasKilled: true)

        try program.add("stays", script: "true")
        let next = try program.run()
        #expect(next.cause == .code(0))
        #expect(next.errors.contains("was killed, and with it stays/execute"), "\(next.errors)")
        try program.expectNothingLeft()
    }

    @Test(
        "A person whose group was delegated gets real limits without root, and nothing is left in it",
        .enabled(if: isKernelLab, "\(noKernelLab)"))
    func delegated() throws {
        let program = try Program()
        let group = "/sys/fs/cgroup/of-a-person"
        let user = try shell("useradd --create-home person && id -u person").split(separator: "\n").last ?? ""
        try shell(
            """
            mkdir \(group) && cd \(group) && chown person . cgroup.procs cgroup.subtree_control cgroup.threads
            chown person \(program.state)
            """)
        try program.add(
            "looks",
            script: """
                id -un; cd "/sys/fs/cgroup$(cut -c 4- /proc/self/cgroup)"
                pwd; cat memory.max pids.max cpu.max
                """)
        try program.add("hungry", script: "head -c 128M /dev/zero | tail")
        let run = try program.run(
            policy: """
                [step]
                memory_max = "64M"
                memory_swap_max = "0"
                tasks_max = 50
                cpu_quota = "70%"
                """,
            prefix: [
                "sh", "-c", "echo 0 >\(group)/cgroup.procs && exec \"$@\"", "sh", "setpriv", "--reuid", "\(user)",
                "--regid", "\(user)", "--clear-groups", "env", "HOME=/home/person",
            ])

        #expect(run.cause == .code(1), "\(run.errors)")
        let lines = run.lines("looks")
        try #require(lines.count == 5, "\(lines), \(run.errors)")
        #expect(lines[0] == "person")
        #expect(lines[1].hasPrefix("\(group)/run-") && lines[1].hasSuffix("/steps/looks.execute"))
        #expect(Array(lines[2...]) == ["\(64 << 20)", "50", "70000 100000"])
        #expect(run.end("hungry")?.outcome == .oomKilled)
        try program.expectNothingLeft(below: group)
        // Nobody is in it, and nothing below it.
        try shell("rmdir \(group)")
    }
}
