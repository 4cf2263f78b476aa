// What a run leaves behind, looked at in a process of its own, where nothing else opens or starts anything.

import Glibc
import Launching
import LinuxSystem
import Spawning
import Testing
import UpdateModel

@testable import Execution

/// Set in the process that does nothing but these tests.
private let isAlone = getenv("UPDATE_ALL_TEST_ALONE") != nil

@Suite(.serialized, .enabled(if: canMakeGroups, Comment(rawValue: noGroups)), .timeLimit(.minutes(5)))
struct LonelyRunTests {
    @Test("The tests of this suite pass in a process of their own", .disabled(if: isAlone))
    func alone() throws {
        // Not an exit test of the library: its monitor stands still where a test has children of its own.
        let child = try InProcessLauncher().launch(
            LaunchRequest(
                executable: "/bin/sh",
                arguments: [
                    "-c", "exec \"$0\" \"$@\" 2>&1", ownPath(), "--testing-library", "swift-testing", "--filter",
                    "LonelyRunTests",
                ],
                environment: ownEnvironment() + ["UPDATE_ALL_TEST_ALONE=1"], directory: "/", leaf: nil))
        var output: [UInt8] = []
        guard let stdout = child.takeStdout() else { preconditionFailure("it was launched with pipes") }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            var ready = pollfd(fd: stdout.raw, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, 120_000) > 0 else { break }
            let count = read(stdout.raw, &buffer, buffer.count)
            if count <= 0 { break }
            output += buffer[..<count]
        }
        var ended = pollfd(fd: child.pidfd, events: Int16(POLLIN), revents: 0)
        if poll(&ended, 1, 20_000) == 0 { try signalProcess(child.pidfd, SIGKILL) }
        poll(&ended, 1, 20_000)
        let exit = try reapProcess(child.pidfd)
        let text = String(decoding: output, as: UTF8.self)
        #expect(exit?.cause == .code(0), "\(text)")
        #expect(text.contains("Test run with 3 tests"), "\(text)")
    }

    @Test(
        "Where root's umask lets nobody in, steps of other accounts find their directories all the same",
        .enabled(if: isAlone))
    func umask() async throws {
        let bench = try RunBench()
        try bench.add("a", "touch mine && id -un")
        bench.policyText = "[plugin.a]\nrun_as = \"nobody\"\n"
        let earlier = Glibc.umask(0o077)
        defer { Glibc.umask(earlier) }
        let run = try await bench.run()
        #expect(run["a"] == .succeeded, "\(run.end("a")?.error ?? "")")
    }

    @Test(
        "Two hundred steps with few descriptors leave none behind, no group and no zombie", .enabled(if: isAlone))
    func manySteps() async throws {
        let bench = try RunBench()
        for number in 0..<200 { try bench.add("p\(number)", "echo \(number)") }
        bench.selection.jobs = 4
        // The first run makes what stays, such as the runtime's own descriptors.
        bench.selection.only = [name("p0")]
        _ = try await bench.run()
        bench.selection.only = []
        let before = try descriptorCount()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        getrlimit(kind, &limit)
        limit.rlim_cur = rlim_t(before + 64)
        setrlimit(kind, &limit)
        let run = try await bench.run()
        #expect(run.result.outcomes.count == 200)
        let failures = run.result.outcomes.filter { $0.value != .succeeded }.keys
        #expect(failures.map { "\($0): \(run.end($0.rawValue)?.error ?? "no reason")" } == [])
        // The threads of the run close what they own when they end, which is soon.
        let deadline = monotonicTime() + .seconds(20)
        while try descriptorCount() > before, monotonicTime() < deadline { sched_yield() }
        #expect(try descriptorCount() <= before)
        #expect(try groups() == [])
        #expect(try zombies() == [])
    }
}

private func ownPath() -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
}

private func ownEnvironment() -> [String] {
    (try? readFile("/proc/self/environ").split(separator: 0).map { String(decoding: $0, as: UTF8.self) }) ?? []
}

private func descriptorCount() throws -> Int { try directoryEntries("/proc/self/fd").count }

/// Groups of runs of this process.
private func groups() throws -> [String] {
    let mounts = Mount.parse(try readText("/proc/self/mountinfo"))
    let mount = mounts.first { $0.type == "cgroup2" }?.mountPoint ?? ""
    return try directoryEntries("\(mount)/updateall.slice").filter {
        RunID($0.dropFirst("run-".utf8.count))?.processID == getpid()
    }
}

/// Children of this process that have ended and that nobody has asked about; not guardians, which end after update-all.
private func zombies() throws -> [String] {
    let own = "\(getpid())"
    return try directoryEntries("/proc").filter { Int32($0) != nil }.filter { process in
        guard let status = try? readText("/proc/\(process)/stat"), let end = status.lastIndex(of: ")"),
            !status.contains("(update-all-guar")
        else {
            return false
        }
        let fields = status[end...].split(separator: " ")
        return fields.count > 2 && fields[1] == "Z" && fields[2] == own
    }
}
