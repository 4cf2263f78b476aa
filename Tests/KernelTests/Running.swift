// Programs in leaves, on a kernel that has controllers.

import Glibc
import LinuxSystem
import Spawning
import Synchronization
import SystemPackage
import Systemd
import UpdateModel

@testable import Cgroups
@testable import Launching

/// Whether this kernel's controllers are ours to use; `make test` runs these tests in the kernel lab, where they are.
let hasControllers: Bool = {
    guard isRoot, let environment = try? CgroupEnvironment.current(), Placement.decide(environment) == .ownSlice,
        case .unified(let mount) = environment.hierarchy, let text = try? readText(mount + "/cgroup.controllers")
    else { return false }
    return Set(Controller.allCases.map(\.rawValue)).isSubset(of: text.split(separator: " ").map(String.init))
}()
let noControllers = "needs root, cgroup v2 with cpu, io, memory and pids, and no systemd: run it in the kernel lab"
private let isRoot = geteuid() == 0

/// Other test modules count from 0.
private let treeCount = Atomic<Int64>(1_000_000)

/// A run's groups of the test's own; nothing of them may be left at the end.
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
    if fileExists(tree.mount + tree.path) { throw Errno.fileExists }
}

func step(_ plugin: String, _ phase: Phase = .execute) -> StepID { StepID(PluginName(plugin)!, phase) }

func control(_ file: String, _ value: String) -> ControlWrite { ControlWrite(file: file, value: value) }

func start(
    _ executable: String, _ arguments: [String], in leaf: Leaf, _ adjust: (inout LaunchRequest) -> Void = { _ in }
) throws -> LaunchedProcess {
    var request = LaunchRequest(
        executable: executable, arguments: arguments, environment: ["PATH=/usr/bin:/bin", "LC_ALL=C"], directory: "/",
        leaf: leaf)
    adjust(&request)
    return try InProcessLauncher().launch(request)
}

func output(of process: LaunchedProcess) -> String {
    guard let stream = process.takeStdout() else { return "" }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        _ = waitReadable(stream.raw, limit: nil)
        let count = read(stream.raw, &buffer, buffer.count)
        if count <= 0 { return String(decoding: bytes, as: UTF8.self) }
        bytes += buffer[..<count]
    }
}

/// - Returns: whether it became readable within `limit`.
func waitReadable(_ descriptor: CInt, limit: Duration?) -> Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&request, 1, limit.map { CInt($0.inSeconds * 1000) } ?? -1) > 0
}

/// Waits for the end; kills the leaf after `limit`, so that a claim that does not hold ends too.
func end(of process: LaunchedProcess, in leaf: Leaf, limit: Duration = .seconds(60)) throws -> Exit.Cause {
    if !waitReadable(process.pidfd, limit: limit) { try leaf.kill() }
    while true {
        if let exit = try reapProcess(process.pidfd) { return exit.cause }
        _ = waitReadable(process.pidfd, limit: nil)
    }
}

func waitUntilEmpty(_ leaf: Leaf) throws {
    while try leaf.isPopulated { _ = try waitForPriority(leaf.eventsDescriptor, limit: .seconds(10)) }
}

/// Whether something is mounted on `path`.
func isMounted(_ path: String) -> Bool {
    guard let text = try? readText("/proc/self/mountinfo") else { return false }
    return Mount.parse(text).contains { $0.mountPoint == path }
}
