import Glibc
import Launching
import LinuxSystem
import RunModel
import Spawning
import SystemPackage
import Testing

@testable import Execution

/// Another program that has locked a file by fcntl, as dpkg does, until it is told to let go: SIGUSR1 unlocks the file, which stays open.
private final class LockingProgram {
    private let process: LaunchedProcess
    var pid: Int32 { process.pid }

    init(_ path: String) throws {
        let code = """
            import fcntl, signal, sys
            file = open(sys.argv[1], "a")
            fcntl.lockf(file, fcntl.LOCK_EX)
            signal.signal(signal.SIGUSR1, lambda *_: fcntl.lockf(file, fcntl.LOCK_UN))
            print("locked", flush=True)
            while True: signal.pause()
            """
        process = try InProcessLauncher().launch(
            LaunchRequest(
                executable: "/usr/bin/python3", arguments: ["-c", code, path], environment: ["PATH=/usr/bin:/bin"],
                directory: "/", leaf: nil))
        guard let output = process.takeStdout() else { throw Errno.ioError }
        var ready = pollfd(fd: output.raw, events: Int16(POLLIN), revents: 0)
        try #require(poll(&ready, 1, 20_000) == 1)
    }

    deinit {
        try? signalProcess(process.pidfd, SIGKILL)
        var ended = pollfd(fd: process.pidfd, events: Int16(POLLIN), revents: 0)
        poll(&ended, 1, 20_000)
        _ = try? reapProcess(process.pidfd)
    }
}

extension Event {
    fileprivate var isWaiting: Bool { if case .waiting = body { true } else { false } }
    fileprivate var waitReason: WaitReason? {
        if case .waiting(_, let reason, _) = body { reason } else { nil }
    }
}

@Suite("Files that other programs lock", .serialized, .enabled(if: canMakeGroups, Comment(rawValue: noGroups)))
struct ForeignLockTests {
    private let bench: RunBench
    private let lock: String

    init() throws {
        bench = try RunBench()
        lock = try bench.directory.write("lock-frontend", "")
    }

    private func addLocking(_ plugin: String, _ body: String = "echo done") throws {
        try bench.add(plugin, body, manifest: "[locks]\nupdate = [\"\(lock)\"]")
    }

    @Test("A lock by fcntl is seen with its holder")
    func holder() throws {
        let program = try LockingProgram(lock)
        let holder = try #require(lockHolder(of: lock))
        #expect(holder.pid == program.pid)
        #expect(holder.command?.hasPrefix("python3") == true)
    }

    @Test(
        "A step waits for a locked file, says who holds it, and starts at its release", arguments: [SIGUSR1, SIGKILL])
    func waiting(release: Int32) async throws {
        let program = try LockingProgram(lock)
        let pid = program.pid
        try addLocking("packages")
        try addLocking("second")
        try bench.add("other", "echo done")
        let run = try await bench.run { _, kept in
            #expect(await kept.wait { $0.isWaiting })
            #expect(
                await kept.wait { event in
                    if event.plugin == name("other"), case .completion = event.body { true } else { false }
                }, "who does not need the file goes on")
            kill(pid, release)
        }
        for plugin in ["packages", "second"] {
            #expect(run[plugin] == .succeeded)
            let reasons = run.events.filter { $0.plugin == name(plugin) }.compactMap(\.waitReason)
            guard case .lockedFile(lock, let holder)? = reasons.first else {
                Issue.record("\(reasons)")
                continue
            }
            #expect(holder.hasPrefix("pid \(pid) (python3"))
        }
        withExtendedLifetime(program) {}
    }

    @Test("A lock that is not released in time defers the step and names the holder; what requires it ends, too")
    func giveUp() async throws {
        let program = try LockingProgram(lock)
        bench.policyText += "wait_timeout = \"300ms\"\n"
        try addLocking("packages")
        let run = try await bench.run()
        #expect(run["packages"] == .deferred)
        let error = try #require(run.end("packages")?.error)
        #expect(error.hasPrefix("\(lock), locked by pid \(program.pid) (python3"))
        #expect(error.hasSuffix("was not released within 0.3 s"))
    }

    @Test("Ctrl-C ends the waiting for a locked file")
    func interrupted() async throws {
        let program = try LockingProgram(lock)
        try addLocking("packages")
        let run = try await bench.run { session, kept in
            #expect(await kept.wait { $0.isWaiting })
            try await session.deliver(SIGINT)
        }
        #expect(run["packages"] == .cancelled)
        withExtendedLifetime(program) {}
    }

    @Test("A dry run waits for no file")
    func dryRun() async throws {
        let program = try LockingProgram(lock)
        try bench.add("packages", "echo \"$2\"", manifest: "dry_run = true\n[locks]\nupdate = [\"\(lock)\"]")
        bench.selection.isDryRun = true
        let run = try await bench.run()
        #expect(run["packages"] == .succeeded)
        #expect(String(decoding: try run.log("packages"), as: UTF8.self) == "--dry-run\n")
        withExtendedLifetime(program) {}
    }
}
