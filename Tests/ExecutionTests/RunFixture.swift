// Whole runs of real processes, in a directory of their own.

import Glibc
import Interchange
import Launching
import LinuxSystem
import PluginManifests
import Policy
import Reactor
import RunModel
import Spawning
import Synchronization
import SystemPackage
import Testing
import UpdateModel

@testable import Cgroups
@testable import Execution

/// Whether steps have groups here.
let canMakeGroups: Bool = {
    guard let environment = try? CgroupEnvironment.current() else { return false }
    return Placement.decide(environment) == .ownSlice
}()
let noGroups = "needs root and cgroup v2 without systemd"

/// Whether a process runs: one that has ended and that its parent has not asked about yet does not.
func isAlive(_ process: pid_t) -> Bool {
    guard let status = try? readText("/proc/\(process)/stat"), let end = status.lastIndex(of: ")") else { return false }
    return status[end...].split(separator: " ").dropFirst().first.map { $0 != "Z" && $0 != "X" } ?? false
}

/// What happened in a run that has ended.
struct EndedRun {
    var plan: Plan
    var result: RunResult
    var events: [Event]
    var directory: String

    func log(_ plugin: String, _ phase: Phase = .execute) throws -> [UInt8] {
        try readFile("\(directory)/\(plugin).\(phase).log", limit: 1 << 30)
    }

    func end(_ plugin: String, _ phase: Phase = .execute) -> PhaseEnd? {
        events.lazy.compactMap { event -> PhaseEnd? in
            if event.plugin == name(plugin), case .phaseEnd(let end) = event.body, end.phase == phase {
                end
            } else {
                nil
            }
        }.last
    }

    func seq(_ wanted: (Event) -> Bool) -> UInt64? { events.first(where: wanted)?.seq }

    func start(_ plugin: String, _ phase: Phase = .execute) -> UInt64? {
        seq { event in
            if event.plugin == name(plugin), case .phaseStart(let start) = event.body {
                start.phase == phase
            } else {
                false
            }
        }
    }

    func endSeq(_ plugin: String, _ phase: Phase = .execute) -> UInt64? {
        seq { event in
            if event.plugin == name(plugin), case .phaseEnd(let end) = event.body { end.phase == phase } else { false }
        }
    }

    var errors: [String] { events.compactMap { if case .error(let text) = $0.body { text } else { nil } } }

    subscript(_ plugin: String) -> Outcome? { result.outcomes[name(plugin)] }
}

/// Keeps events for a test, and tells when one has come.
final class EventKeeper: EventSink {
    final class Kept: Sendable {
        let events = Mutex<[Event]>([])
        let more: WakeUp
        init() throws { more = try WakeUp() }

        /// Waits on a thread of its own, since a task must not block.
        func wait(for wanted: @escaping @Sendable (Event) -> Bool) async -> Bool {
            await withCheckedContinuation { continuation in
                do {
                    try startThread(name: "wait") { [self] in
                        let deadline = monotonicTime() + .seconds(60)
                        while monotonicTime() < deadline {
                            if events.withLock({ $0.contains(where: wanted) }) {
                                return continuation.resume(returning: true)
                            }
                            more.wait(limit: deadline - monotonicTime())
                        }
                        continuation.resume(returning: false)
                    }
                } catch {
                    continuation.resume(returning: false)
                }
            }
        }
    }

    private let kept: Kept
    let refreshInterval: Duration? = nil

    init(_ kept: Kept) { self.kept = kept }

    func take(_ events: [Event], at now: Duration) {
        kept.events.withLock { $0 += events }
        kept.more.signal()
    }

    func close(at now: Duration) {}
}

extension RunSession {
    /// Ctrl-C, for this session alone: other threads of the tests do not block it.
    func deliver(_ signal: Int32) throws {
        try SignalSource.block(Self.handledSignals)
        pthread_kill(pthread_self(), signal)
    }
}

/// A place with plugins, and what a run of them takes.
final class RunBench {
    let directory: TemporaryDirectory
    var policyText = "[run]\nparallel = 8\n[step]\nstop_grace = \"10s\"\n"
    var selection = Execution.Selection()
    var options = RunOptions()
    var hasGuardian = true
    /// Whether the run can be asked over its socket.
    var hasControl = false
    /// What the policy's window is read from.
    var clock: @Sendable () -> Timestamp = calendarTime
    /// What happens between the plan and the run.
    var beforeRun: (inout PreparedRun) -> Void = { _ in }
    var state: String

    init() throws {
        directory = try TemporaryDirectory()
        state = "\(directory.path)/state"
        // Steps of other accounts find their way through it.
        chmod(directory.path, 0o755)
    }

    /// A plugin that answers nothing and does `body` in its execute phase; `download` where it has one.
    func add(_ plugin: String, _ body: String, download: String? = nil, manifest: String = "") throws {
        try directory.script(
            "plugins/\(plugin)",
            "case $1 in\nupdate)\n\(body)\n;;\ndownload)\n\(download ?? "exit 9")\n;;\n*) exit 2;;\nesac")
        try directory.write(
            "plugins/\(plugin).toml",
            "applicable_if = []\nrun_as = \"user\"\nestimate = false\nseparate_download = \(download != nil)\n\(manifest)\n"
        )
    }

    var places: Places {
        var places = Places(
            environment: [:], executable: "/nowhere/update-all", userID: geteuid(), home: "/", stateDirectory: state,
            pluginDirectories: ["\(directory.path)/plugins"])
        places.guardian = hasGuardian && access(Self.guardian, X_OK) == 0 ? Self.guardian : nil
        return places
    }

    /// The guardian that was built with this test, beside it.
    private static let guardian: String = {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let own = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        return own.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/update-all-guardian"
    }()

    /// How many this process has made.
    private static let sessions = Atomic(0)

    func session() throws -> RunSession {
        signal(SIGPIPE, SIG_IGN)
        var configuration = SessionConfiguration(
            places: places, policy: try policy(policyText), selection: selection,
            environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"], version: "1.0-test")
        configuration.options = options
        configuration.clock = clock
        // Suites run beside each other: each session has a second of its own.
        let number = Int64(Self.sessions.wrappingAdd(1, ordering: .relaxed).newValue)
        configuration.start = Timestamp(
            millisecondsSince1970: configuration.start.millisecondsSince1970 + number * 1000)
        return try RunSession(configuration)
    }

    var plugins: [DiscoveredPlugin] { findPlugins(in: ["\(directory.path)/plugins"]).plugins }

    /// Asks, plans and runs; `during` goes on beside the run.
    func run(
        during: @escaping @Sendable (RunSession, EventKeeper.Kept) async throws -> Void = { _, _ in }
    ) async throws -> EndedRun {
        let session = try session()
        do {
            let kept = try EventKeeper.Kept()
            var ended = try await run(session, kept, during)
            await session.close()
            await session.end()
            // Readers may be slower than the run: only now they have been told all of it.
            ended.events = kept.events.withLock { $0 }
            return ended
        } catch {
            await session.close()
            await session.end()
            throw error
        }
    }

    private func run(
        _ session: RunSession, _ kept: EventKeeper.Kept,
        _ during: @escaping @Sendable (RunSession, EventKeeper.Kept) async throws -> Void
    ) async throws -> EndedRun {
        try await session.open()
        if hasControl {
            try makeDirectories(state, mode: 0o700)
            #expect(await session.openControl() == nil)
        }
        let wanted = plugins.filter { selection.includes($0.name) }
        let facts = await session.ask(wanted, for: .plan)
        var prepared = try await session.plan(
            facts, notSelected: plugins.map(\.name).filter { !selection.includes($0) })
        beforeRun(&prepared)
        let directory = try await session.openJournal()
        try await session.attach(EventKeeper(kept), name: "test")
        await session.announce(wanted.map(\.name))
        async let beside: Void = during(session, kept)
        let result = try await session.execute(prepared)
        try await beside
        return EndedRun(plan: prepared.plan, result: result, events: [], directory: directory.path)
    }
}

/// Another run that holds a mutex.
// @unchecked: what it has is behind the mutex.
final class OtherRun: @unchecked Sendable {
    private let locks = Mutex(MutexLocks(user: "somebody else"))
    private let mutex: String

    init(_ mutex: String) {
        self.mutex = mutex
        locks.withLock { _ = $0.acquire([mutex], free: []) }
    }

    func end() { locks.withLock { $0.release([mutex]) } }
}

/// A file system of a few megabytes that only its own process sees; others reach it through that process's root.
final class SmallDisk {
    let path: String
    private let process: LaunchedProcess

    init(in directory: TemporaryDirectory) throws {
        let mountPoint = "\(directory.path)/disk"
        try makeDirectory(mountPoint, mode: 0o755)
        let command = "mount -t tmpfs -o size=2m,mode=755 tmpfs \(mountPoint) && echo ready && exec sleep 1000"
        process = try InProcessLauncher().launch(
            LaunchRequest(
                executable: "/usr/bin/unshare", arguments: ["-m", "sh", "-c", command],
                environment: ["PATH=/usr/bin:/bin"], directory: "/", leaf: nil))
        path = "/proc/\(process.pid)/root\(mountPoint)"
        guard let output = process.takeStdout() else { throw Errno.ioError }
        var ready = pollfd(fd: output.raw, events: Int16(POLLIN), revents: 0)
        var answer = [UInt8](repeating: 0, count: 16)
        guard poll(&ready, 1, 20_000) == 1, read(output.raw, &answer, answer.count) > 0 else {
            throw Errno.notPermitted
        }
    }

    deinit {
        try? signalProcess(process.pidfd, SIGKILL)
        var ended = pollfd(fd: process.pidfd, events: Int16(POLLIN), revents: 0)
        poll(&ended, 1, 20_000)
        _ = try? reapProcess(process.pidfd)
    }
}
