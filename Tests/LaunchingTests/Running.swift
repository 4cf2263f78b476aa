// Running a program to its end and reading what it said.

import Glibc
import LinuxSystem
import Spawning
import Synchronization
import SystemPackage
import Systemd
import Testing
import UpdateModel

@testable import Cgroups
@testable import Launching

struct Finished {
    var cause: Exit.Cause
    var stdout: String
    var stderr: String
    /// The way that led into its group.
    var method: LaunchMethod

    /// The value of a line `Key:<tab>value` of /proc/PID/status.
    func status(_ key: String) -> String? {
        for line in stdout.split(separator: "\n") where line.hasPrefix(key + ":") {
            return line.dropFirst(key.utf8.count + 1).split(separator: "\t").joined(separator: " ")
        }
        return nil
    }

    var lines: [Substring] { stdout.split(separator: "\n") }
}

func request(_ executable: String, _ arguments: [String] = [], leaf: Leaf? = nil) -> LaunchRequest {
    LaunchRequest(
        executable: executable, arguments: arguments, environment: ["PATH=/usr/bin:/bin", "LC_ALL=C"], directory: "/",
        leaf: leaf)
}

func run(
    _ request: LaunchRequest, streams: StandardStreams = .pipes, with launcher: InProcessLauncher? = nil
) throws -> Finished {
    let process = try (launcher ?? InProcessLauncher()).launch(request, streams: streams)
    let stdout = readAll(process.takeStdout())
    let stderr = readAll(process.takeStderr())
    return Finished(
        cause: try waitForEnd(of: process).cause, stdout: stdout, stderr: stderr, method: process.method)
}

func failure(_ wanted: LaunchRequest, method: LaunchMethod = .cloneIntoGroup) throws -> LaunchError {
    let launcher = try InProcessLauncher(method: method)
    return try #require(throws: LaunchError.self) { try launcher.launch(wanted) }
}

func waitForEnd(of process: LaunchedProcess) throws -> Exit {
    while true {
        if let exit = try reapProcess(process.pidfd) { return exit }
        waitReadable(process.pidfd)
    }
}

func waitReadable(_ descriptor: CInt) {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    _ = poll(&request, 1, -1)
}

/// Waits until a process has said something, and takes it.
func awaitOutput(of process: LaunchedProcess) {
    guard let output = process.takeStdout() else { return }
    waitReadable(output.raw)
}

/// All that comes until the other end is closed; a terminal then says EIO.
func readAll(_ descriptor: consuming OwnedDescriptor?) -> String {
    guard let descriptor else { return "" }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        waitReadable(descriptor.raw)
        let count = read(descriptor.raw, &buffer, buffer.count)
        if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
        bytes += buffer[..<count]
    }
}

private let treeCount = Atomic<Int64>(0)

/// A run's groups of the test's own, removed at its end.
func withTree(_ body: (CgroupTree) throws -> Void) throws {
    // Each test is a run that began in another second of 1970.
    let number = treeCount.add(1, ordering: .relaxed).newValue
    let run = RunID(start: Timestamp(millisecondsSince1970: number * 1000), processID: getpid())
    guard case .tree(let tree) = CgroupTree.prepare(run: run) else { throw Errno.notSupported }
    do {
        try body(tree)
    } catch {
        try? tree.killSteps()
        try? tree.remove()
        throw error
    }
    try tree.remove()
}

let isRoot = geteuid() == 0
let canMakeGroups: Bool = {
    guard let environment = try? CgroupEnvironment.current() else { return false }
    return Placement.decide(environment) == .ownSlice
}()

func step(_ plugin: String, _ phase: Phase = .execute) -> StepID { StepID(PluginName(plugin)!, phase) }
