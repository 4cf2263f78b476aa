import Glibc
import LinuxSystem
import Testing
import UpdateModel

/// Faults in the middle of a commit of a real package manager.
extension AptTests {
    /// A run that is at the postinst script of a package, which takes a second.
    private func inCommit(prefix: [String] = []) throws -> (Program, RunningProgram) {
        let program = try prepare()
        let running = try program.start(prefix: prefix)
        try running.wait { $0.lines.contains { $0.hasPrefix("Setting up demo-service (2.0)") } }
        return (program, running)
    }

    private func guardian() throws -> pid_t {
        let text = try shell("pgrep -o -f '/update-all-guardian$'")
        return try #require(pid_t(text.split(separator: "\n").first ?? ""))
    }

    /// The run died, and its commit has ended since.
    private func expectWholeCommit(_ program: Program) throws {
        try program.waitForProcesses(limit: .seconds(60))
        try expectUpgraded()
        try program.expectNothingLeft(wasKilled: true)
        let next = try program.run()
        #expect(next.cause == .code(0), "\(next.errors)")
        #expect(next.errors.contains("apt/execute of that run went on and succeeded"), "\(next.errors)")
        try program.expectNothingLeft()
    }

    @Test("A guardian that is killed in dpkg's commit is replaced, and the commit ends whole")
    func guardianKilledInCommit() throws {
        let (program, running) = try inCommit()
        kill(try guardian(), SIGKILL)
        let run = try running.finish()
        #expect(run.cause == .code(0), "\(run.errors)")
        try expectUpgraded()
        try program.expectNothingLeft()
    }

    @Test("update-all killed after its guardian was: the new guardian reads dpkg's commit to its end")
    func bothKilledInCommit() throws {
        let (program, running) = try inCommit()
        kill(try guardian(), SIGKILL)
        try running.wait { event in
            if case .error(let text) = event.body { text.contains("another was started") } else { false }
        }
        try running.send(SIGKILL)
        #expect(try running.finish().cause == .signal(SIGKILL))
        try expectWholeCommit(program)
    }

    @Test("update-all that the kernel kills for memory in dpkg's commit: it ends whole")
    func outOfMemoryInCommit() throws {
        let victims = try VictimGroup()
        let (program, running) = try inCommit(prefix: victims.prefix)
        try victims.kill("update-all")
        #expect(try running.finish().cause == .signal(SIGKILL))
        try expectWholeCommit(program)
    }

    @Test("update-all stopped in dpkg's commit, and let go on: it ends as if nothing had been")
    func stoppedInCommit() throws {
        let (program, running) = try inCommit()
        try running.send(SIGSTOP)
        try shell("sleep 2")
        try running.send(SIGCONT)
        let run = try running.finish()
        #expect(run.cause == .code(0), "\(run.errors)")
        #expect(run.end("apt")?.outcome == .succeeded)
        try expectUpgraded()
        try program.expectNothingLeft()
    }

    @Test("dpkg's commit ends whole though the disk of its log and of its temporary files is full")
    func fullDiskInCommit() throws {
        let program = try prepare()
        try shell("mount -t tmpfs -o size=1m tmpfs '\(program.state)'")
        let running = try program.start()
        try running.wait { $0.lines.contains { $0.hasPrefix("Setting up demo-service (2.0)") } }
        try shell("head -c 2M /dev/zero >'\(program.state)/full' 2>/dev/null || true")
        let run = try running.finish()
        // The plugin's own directory for temporary files is on that disk: what it does after dpkg may fail.
        #expect(run.end("apt") != nil, "\(run.errors)")
        try expectUpgraded()
        try program.expectNothingLeft()
        try shell("umount '\(program.state)'")
    }
}
