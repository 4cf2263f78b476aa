import Digest
import Glibc
import LinuxSystem
import PluginProtocol
import Reactor
import Synchronization
import Testing
import UpdateModel

@testable import Execution

/// What was said while plugins were asked.
private final class Notices: Sendable {
    let texts = Mutex<[String]>([])
    let more: WakeUp
    init() throws { more = try WakeUp() }

    func add(_ text: String) {
        texts.withLock { $0.append(text) }
        more.signal()
    }

    /// Waits, on a thread of its own, until something was said.
    func first() async -> String? {
        await withCheckedContinuation { continuation in
            do {
                try startThread(name: "wait") { [self] in
                    more.wait(limit: .seconds(60))
                    continuation.resume(returning: texts.withLock { $0.first })
                }
            } catch {
                continuation.resume(returning: nil)
            }
        }
    }
}

@Suite("Asking plugins", .serialized, .timeLimit(.minutes(2)))
struct ProbingTests {
    private let bench: RunBench
    private var path: String { bench.directory.path }

    init() throws { bench = try RunBench() }

    /// A plugin of which only the estimate is asked.
    private func add(_ plugin: String, estimate: String, manifest: String = "") throws {
        try bench.directory.script("plugins/\(plugin)", "case $1 in estimate-update)\n\(estimate)\n;; *) exit 2;; esac")
        try bench.directory.write(
            "plugins/\(plugin).toml",
            "applicable_if = []\nrun_as = \"user\"\nestimate = true\nseparate_download = false\n\(manifest)\n")
    }

    private func ask(
        _ notices: Notices? = nil, during: @escaping @Sendable (RunSession) async throws -> Void = { _ in }
    ) async throws -> [PluginFacts] {
        let session = try bench.session()
        try await session.open()
        async let beside: Void = during(session)
        let facts = await session.ask(bench.plugins, for: .plan) { notices?.add($0) }
        try await beside
        await session.close()
        await session.end()
        return facts
    }

    /// For a script: says where two of them are at work at the same time.
    private var work: String {
        "mkdir \(path)/busy || echo overlap >> \(path)/overlaps; sleep 0.05; rmdir \(path)/busy"
    }

    @Test("Estimates that share a mutex never run at the same time, nor do those of plugins in conflict")
    func exclusion() async throws {
        let mutex = "test:\(path.suffix(6).lowercased())"
        for plugin in ["a", "b", "c"] {
            try add(plugin, estimate: work, manifest: "[mutexes]\nestimate_update = [\"\(mutex)\"]")
        }
        try add("d", estimate: work, manifest: "conflicts = [\"a\", \"b\", \"c\"]")
        let facts = try await ask()
        #expect(facts.map(\.name.rawValue) == ["a", "b", "c", "d"])
        #expect(access("\(path)/overlaps", F_OK) != 0)
        #expect(access("\(path)/busy", F_OK) != 0, "all of them have worked")
    }

    @Test("An estimate waits for a mutex that another run holds, and says so once")
    func otherRun() async throws {
        let mutex = "test:\(path.suffix(6).lowercased())"
        let held = Mutex<MutexLocks?>(MutexLocks(user: "bob"))
        try held.withLock { locks in
            try #require(locks?.acquire([mutex], free: []) == nil)
        }
        try add("a", estimate: "true", manifest: "[mutexes]\nestimate_update = [\"\(mutex)\"]")
        let notices = try Notices()
        let facts = try await ask(notices) { _ in
            #expect(await notices.first() == "a waits for mutex \(mutex), held by pid \(getpid()), bob")
            held.withLock { $0 = nil }
        }
        #expect(facts.map(\.verdict) == [.runs])
        #expect(notices.texts.withLock { $0.count } == 1)
    }

    @Test("An estimate whose locked file is not released in time defers the plugin, and holds up no other")
    func lockedFile() async throws {
        let lock = try bench.directory.write("lock", "")
        let file = try openFile(lock, O_RDWR)
        try #require(flock(file.raw, LOCK_EX) == 0)
        bench.policyText += "wait_timeout = \"200ms\"\n"
        try add("a", estimate: "true", manifest: "[locks]\nestimate_update = [\"\(lock)\"]")
        try add("b", estimate: "true")
        let facts = try await ask()
        guard case .failed(.deferred, let reason)? = facts.first?.verdict else {
            Issue.record("\(facts)")
            return
        }
        #expect(reason.hasPrefix("\(lock), locked by pid \(getpid()) ("))
        #expect(reason.hasSuffix(", was not released within 0.2 s"))
        #expect(facts.last?.verdict == .runs)
        withExtendedLifetime(file.raw) {}
    }

    @Test("Ctrl-C cuts the pause before an error that may pass is asked about again")
    func interruptedPause() async throws {
        mkfifo("\(path)/asked", 0o666)
        try add(
            "a", estimate: #"echo x > \#(path)/asked; echo '{"status":"error","error":{"code":"NETWORK_ERROR"}}'"#)
        let asked = try openFile("\(path)/asked", O_RDWR)
        let descriptor = asked.raw
        let start = monotonicTime()
        let facts = try await ask { session in
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                do {
                    try startThread(name: "wait") {
                        var byte: UInt8 = 0
                        _ = read(descriptor, &byte, 1)
                        continuation.resume()
                    }
                } catch {
                    continuation.resume()
                }
            }
            try await session.deliver(SIGINT)
        }
        #expect(monotonicTime() - start < .milliseconds(1500), "the first pause alone takes two seconds")
        #expect(facts.count == 1)
        withExtendedLifetime(asked.raw) {}
    }

    @Test("A plugin that is not what the policy pins is not even asked; one that is, is")
    func pin() async throws {
        try add("a", estimate: "touch \(path)/asked")
        try add("b", estimate: "true")
        let right = sha256(try readFile("\(path)/plugins/b"))
        bench.policyText += "[plugin.a]\nsha256 = \"\(right)\"\n[plugin.b]\nsha256 = \"\(right)\"\n"
        let facts = try await ask()
        guard case .refused(.failed, let reason)? = facts.first?.verdict else {
            Issue.record("\(facts)")
            return
        }
        let found = sha256(try readFile("\(path)/plugins/a"))
        #expect(reason.hasPrefix("\(path)/plugins/a is not what the policy pins (sha256 \(right.prefix(12))…)"))
        #expect(reason.hasSuffix("set [plugin.a] sha256 = \"\(found)\""))
        #expect(access("\(path)/asked", F_OK) != 0)
        #expect(facts.last?.verdict == .runs)
    }

    @Test(
        "A file that others can write is not asked where root would do it, and the reason names the path",
        .enabled(if: isRoot))
    func trust() async throws {
        try add("a", estimate: "touch \(path)/asked")
        chmod("\(path)/plugins/a", 0o777)
        let facts = try await ask()
        guard case .refused(.failed, let reason)? = facts.first?.verdict else {
            Issue.record("\(facts)")
            return
        }
        #expect(reason.hasPrefix("\(path)/plugins/a is not safe to run as root: it can be written by"))
        #expect(access("\(path)/asked", F_OK) != 0)
    }

    @Test("Many questions are asked at the same time")
    func parallel() async throws {
        // Each waits for another one: alone none would ever end.
        mkfifo("\(path)/pair", 0o666)
        try add("a", estimate: "echo x > \(path)/pair")
        try add("b", estimate: "read -r x < \(path)/pair")
        #expect(try await ask().map(\.verdict) == [.runs, .runs])
    }
}
