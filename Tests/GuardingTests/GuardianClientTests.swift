import CLinux
import Glibc
import GuardianProtocol
import LinuxSystem
import Reactor
import Spawning
import SystemPackage
import Testing
import UpdateModel

@testable import Guarding

extension GuardianSuites {
    @Suite("update-all's side of the guardian")
    struct ClientTests {
        @Test("a run that ends by itself ends its guardian and leaves nothing")
        func cleanEnd() async throws {
            let host = try ClientHost()
            try await host.begin()
            await host.finish()
            #expect(try await host.processes[0].waitForEnd() == .exited(code: 0))
            #expect(try host.state.isEmpty())
            #expect(await host.failures.isEmpty)
        }

        @Test("a guardian that is killed is replaced by one that knows all that the first knew")
        func replacement() async throws {
            let host = try ClientHost()
            try await host.begin()
            let (output, go) = (try Channel(), try Channel())
            let log = try host.state.log()
            let commit = try await host.startCommit("read x; echo out; exit 3", [0: go.reading, 1: output.writing])
            output.closeWriting()
            try await host.protect(commit.descriptor.raw, output.reading, log.raw)
            let temporary = try Directory()
            let step = try TestProcess(["/bin/sleep", "1000"], environment: ["TMPDIR=\(temporary.path)"])
            try await host.track(temporary.path)
            let ended = try await host.startCommit("exit 0", step: .fetch, [:])
            try await host.protect(ended.descriptor.raw, output.reading, log.raw, step: .fetch)
            await host.unprotect(.fetch)
            #expect(try directoryEntries(host.state.path).contains { $0.hasSuffix("npm.download.exit") } == false)

            await host.killGuardian()
            #expect(await host.nextFailure() == "the guardian was killed by signal 9; another was started")
            output.closeReading()
            await host.die()
            try writeAll(go.writing, Array("go\n".utf8))
            #expect(try commit.waitForEnd() == .exited(code: 3))
            #expect(try step.waitForEnd() == .signalled(number: SIGKILL))
            #expect(try await host.processes[1].waitForEnd() == .exited(code: 0))
            #expect(try host.state.text("log") == "out\n")
            let report = try #require(
                try readPredecessorReports(in: host.state.path, current: CommitTests.nextRun).first)
            #expect(report.exits[.commit]?.status == .exited(code: 3))
            #expect(report.report.commits.map(\.step) == [.commit])
            #expect(report.report.killed == [.fetch])
        }

        @Test("a guardian that ends again and again is given up after five starts, and that is told")
        func givesUp() async throws {
            let host = try ClientHost(executable: "/bin/false")
            try await host.begin()
            for _ in 1...4 {
                #expect(await host.nextFailure() == "the guardian ended with exit code 1; another was started")
            }
            let last = await host.nextFailure()
            #expect(last.hasPrefix("the guardian ended with exit code 1; after 5 starts within a minute no other"))
            #expect(await host.processes.count == 5)
            // Without a guardian there is nobody to tell, and nothing fails.
            try await host.track("/tmp")
            await host.untrack()
            await host.finish()
            #expect(try host.state.isEmpty())
        }

        @Test("one that cannot be started is an error at first, and told later on")
        func cannotStart() async throws {
            let host = try ClientHost()
            try await host.begin()
            await host.breakStart()
            await host.killGuardian()
            let failure = await host.nextFailure()
            #expect(failure.hasPrefix("the guardian was killed by signal 9, and another could not be started: "))
            #expect(failure.contains("no other is tried"))
            await #expect(throws: Errno.noSuchFileOrDirectory) {
                try await ClientHost(executable: "/nonexistent").begin()
            }
        }

        @Test("a stopped guardian holds nothing up; when too much waits for it, it is killed and replaced")
        func stoppedGuardian() async throws {
            let host = try ClientHost()
            try await host.begin()
            await host.stopGuardian()
            let before = monotonicTime()
            // What the socket takes, and then what the queue takes.
            for _ in 0..<6000 { try await host.track("/tmp/\(String(repeating: "t", count: 900))") }
            #expect(await host.nextFailure() == "the guardian was killed by signal 9; another was started")
            #expect(monotonicTime() - before < .seconds(10))
            await host.untrack()
            await host.finish()
            #expect(try await host.processes[1].waitForEnd() == .exited(code: 0))
        }

        @Test("one that was stopped for a while is told the rest when it goes on")
        func continuedGuardian() async throws {
            let host = try ClientHost()
            try await host.begin()
            await host.stopGuardian()
            for _ in 0..<2000 { try await host.track("/tmp/\(String(repeating: "t", count: 900))") }
            await host.untrack()
            await host.continueGuardian()
            await host.finish()
            #expect(try await host.processes[0].waitForEnd() == .exited(code: 0))
            #expect(try host.state.isEmpty())
            #expect(await host.failures.isEmpty)
        }

        @Test("the display's terminal is set back by the guardian, and left alone after the display")
        func terminal() async throws {
            let host = try ClientHost()
            try await host.begin()
            let terminal = try Channel(terminal: ())
            try await host.takeTerminal(terminal.writing)
            await host.killGuardian()
            _ = await host.nextFailure()
            await host.die()
            try terminal.read(until: "\u{1B}[0m")
            #expect(try await host.processes[1].waitForEnd() == .exited(code: 0))
        }

        @Test("what the guardian would not take is refused at once")
        func refusals() async throws {
            let host = try ClientHost()
            try await host.begin()
            await #expect(throws: Errno.invalidArgument) { try await host.track("relative") }
            await #expect(throws: Errno.badFileDescriptor) { try await host.protect(4095, 4095, 4095) }
            await host.finish()
            await #expect(throws: Errno.invalidArgument) {
                try await ClientHost(stepsGroup: "/" + String(repeating: "g", count: 5000)).begin()
            }
        }

        @Test("five starts within any minute, then none until the first is a minute ago")
        func allowance() {
            var allowance = RestartAllowance()
            let taken = [0, 1, 2, 3, 4, 59, 60, 60, 61].map { allowance.take(at: .seconds($0)) }
            #expect(taken == [true, true, true, true, true, false, true, false, true])
        }
    }
}

/// An update-all whose only part is the guardian's client, on an event loop as in the real one.
private actor ClientHost {
    nonisolated let loop: EventLoop
    nonisolated let state: Directory
    private var executable: String
    private let stepsGroup: String?
    private var guardian: Guardian?
    private(set) var processes: [TestProcess] = []
    private(set) var failures: [String] = []
    private var told = 0
    private var waiter: CheckedContinuation<Void, Never>?

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(executable: String = TestProcess.guardian, stepsGroup: String? = nil) throws {
        self.executable = executable
        self.stepsGroup = stepsGroup
        loop = try EventLoop(name: "guardian test")
        state = try Directory()
    }

    deinit { loop.stop() }

    func begin() throws {
        guardian = try Guardian(
            run: .init(id: GuardedRun.run, stepsGroup: stepsGroup, runGroup: nil, stateDirectory: state.path),
            loop: loop,
            start: { [unowned self] socket in
                let process = try assumeIsolated { host in
                    let process = try TestProcess([host.executable], [0: socket])
                    host.processes.append(process)
                    return process
                }
                // The client reaps it by a pidfd of its own.
                return OwnedDescriptor(owning: fcntl(process.descriptor.raw, F_DUPFD_CLOEXEC, 3))
            },
            onFailure: { [unowned self] failure in
                assumeIsolated { host in
                    host.failures.append(failure)
                    host.waiter?.resume()
                    host.waiter = nil
                }
            })
    }

    /// The next failure that was not asked for yet.
    func nextFailure() async -> String {
        while failures.count <= told { await withCheckedContinuation { waiter = $0 } }
        told += 1
        return failures[told - 1]
    }

    func startCommit(
        _ script: String, step: StepID = .commit, _ descriptors: [CInt: CInt]
    ) throws -> TestProcess {
        let record = try guardian!.createExitRecord(for: step)
        return try TestProcess(
            witnessCommand(["/bin/sh", "-c", script], executable: executable, record: 3),
            descriptors.merging([3: record.raw]) { $1 })
    }

    func protect(_ process: CInt, _ output: CInt, _ log: CInt, step: StepID = .commit) throws {
        try guardian!.protect(step: step, process: nil, outputs: [output], log: log)
        try guardian!.protect(step: step, process: process, outputs: [output], log: log)
    }

    func unprotect(_ step: StepID) { guardian!.unprotect(step: step) }
    func track(_ directory: String) throws {
        try guardian!.track(step: .fetch, session: 0x7FFF_FFFF, temporaryDirectory: directory)
    }
    func untrack() { guardian!.untrack(step: .fetch) }

    func takeTerminal(_ terminal: CInt) throws {
        var attributes = termios()
        tcgetattr(terminal, &attributes)
        try guardian!.terminalIsActive(terminal, restoring: attributes, escapes: [])
        guardian!.terminalIsInactive()
        try guardian!.terminalIsActive(terminal, restoring: attributes, escapes: Array("\u{1B}[0m".utf8))
    }

    func finish() { guardian!.finish() }
    /// As the kernel does it: the socket is closed without a word.
    func die() { guardian = nil }
    func breakStart() { executable = "/nonexistent" }
    func killGuardian() { processes.last!.send(SIGKILL) }
    func stopGuardian() { processes.last!.send(SIGSTOP) }
    func continueGuardian() { processes.last!.send(SIGCONT) }
}
