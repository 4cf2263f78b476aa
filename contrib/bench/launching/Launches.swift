// The launches, one after the other in each slot, on the event loop.

import Cgroups
import Glibc
import Launching
import LinuxSystem
import Privilege
import Reactor
import Spawning
import UpdateModel

/// Starts processes in groups of their own and follows each to its end.
actor Launches {
    private let loop: EventLoop
    private let launcher: any Launcher
    private let identity: Identity?
    private var groupTimes: [Duration] = []
    private var startTimes: [Duration] = []
    private let tree: CgroupTree
    private let limits: [ControlWrite]
    private let slots: Int
    private var remaining: Int
    private var running: [Int: Job] = [:]
    private var onEnd: () -> Void = {}

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// Those of spawn-floor, in the order in which the program writes them.
    private static let wanted = [
        ControlWrite(file: "memory.high", value: "268435456"), ControlWrite(file: "memory.max", value: "536870912"),
        ControlWrite(file: "cpu.idle", value: "1"), ControlWrite(file: "cpu.max", value: "50000 100000"),
        ControlWrite(file: "pids.max", value: "512"),
    ]

    private final class Job {
        let leaf: Leaf
        let process: LaunchedProcess
        var exitWatch: EventLoop.Watch?
        var outputs: [Int: Output] = [:]
        var hasExited = false

        init(leaf: Leaf, process: LaunchedProcess) {
            self.leaf = leaf
            self.process = process
        }
    }

    private final class Output {
        let descriptor: OwnedDescriptor
        var watch: EventLoop.Watch?
        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
    }

    init(
        of count: Int, slots: Int, in tree: CgroupTree, by helper: HelperClient?, as account: Account?
    ) throws {
        loop = try EventLoop(name: "supervisor")
        launcher = try helper ?? InProcessLauncher()
        identity = account.map { Identity($0) }
        remaining = count
        self.slots = slots
        self.tree = tree
        limits = Self.wanted.filter { limit in
            Controller(controlFile: limit.file).map { tree.controllers.contains($0) } ?? false
        }
        if limits.count < Self.wanted.count {
            warn("with \(limits.count) of \(Self.wanted.count) limits: \(tree.missingControllerReason)")
        }
    }

    /// - Parameter onEnd: called once, after the last one.
    func begin(onEnd: @escaping @Sendable () -> Void) {
        self.onEnd = onEnd
        fill()
    }

    private func fill() {
        do {
            while remaining > 0, running.count < slots {
                remaining -= 1
                try start(number: remaining)
            }
        } catch {
            fail("\(error)")
        }
        if running.isEmpty { end() }
    }

    private func end() {
        let medians = [groupTimes, startTimes].map { $0.sorted()[$0.count / 2].inSeconds * 1e6 }
        print(medians.map { "\(Int($0.rounded()))" }.joined(separator: " "))
        do {
            try tree.remove()
        } catch {
            fail("\(error)")
        }
        onEnd()
    }

    private func start(number: Int) throws {
        guard let plugin = PluginName("step-\(number)") else { fail("no name for step \(number)") }
        let group = StepGroup(StepID(plugin, .execute), attempt: 1, isProtected: false)
        let begin = monotonicTime()
        let leaf = try tree.makeLeaf(StepID(plugin, .execute), isProtected: false, limits: limits)
        if let deviation = leaf.deviations.first { fail("\(deviation.control): \(deviation.reason)") }
        var request = LaunchRequest(
            executable: "/bin/true", arguments: [], environment: [], directory: "/", leaf: leaf)
        request.identity = identity
        let purpose = LaunchPurpose(group: group, executable: "/bin/true")
        request.nice = 10
        request.scheduling = .idle
        request.ioPriority = .idle
        let madeGroup = monotonicTime()
        let job = Job(leaf: leaf, process: try launcher.launch(request, for: purpose))
        groupTimes.append(madeGroup - begin)
        startTimes.append(monotonicTime() - madeGroup)
        running[number] = job
        if let output = job.process.takeStdout() { job.outputs[1] = Output(output) }
        if let errors = job.process.takeStderr() { job.outputs[2] = Output(errors) }
        job.exitWatch = try loop.watch(job.process.pidfd, for: .readable) { [unowned self] _ in
            assumeIsolated { $0.exited(number) }
        }
        for (stream, output) in job.outputs {
            output.watch = try loop.watch(output.descriptor.raw, for: .readable) { [unowned self] ready in
                assumeIsolated { $0.read(stream, of: number, isOver: ready == .hangup) }
            }
        }
    }

    private func exited(_ number: Int) {
        guard let job = running[number], let exit = (try? job.process.reap()) ?? nil else { return }
        guard case .code(0) = exit.cause else { fail("a child failed") }
        job.exitWatch?.cancel()
        job.hasExited = true
        finish(number)
    }

    private func read(_ stream: Int, of number: Int, isOver: Bool) {
        guard let job = running[number], let output = job.outputs[stream] else { return }
        let ended =
            isOver
            || withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 16) { buffer in
                ((try? readBytes(output.descriptor.raw, into: buffer)) ?? 0) == 0
            }
        guard ended else { return }
        output.watch?.cancel()
        job.outputs[stream] = nil
        finish(number)
    }

    private func finish(_ number: Int) {
        guard let job = running[number], job.hasExited, job.outputs.isEmpty else { return }
        running[number] = nil
        do {
            guard try !job.leaf.isPopulated else { fail("a process was left in \(job.leaf.path)") }
            try job.leaf.remove()
        } catch {
            fail("\(error)")
        }
        fill()
    }
}
