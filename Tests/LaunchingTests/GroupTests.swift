import Accounting
import Glibc
import LinuxSystem
import Reactor
import Spawning
import Synchronization
import SystemPackage
import Testing
import UpdateModel

@testable import Cgroups
@testable import Launching

@Suite("Processes and their groups", .enabled(if: canMakeGroups, "no cgroup v2 that root may write, or systemd's"))
struct GroupTests {
    @Test("A process starts in its leaf, by each way into it", arguments: LaunchMethod.allCases)
    func startsInLeaf(method: LaunchMethod) throws {
        try withTree { tree in
            let leaf = try tree.makeLeaf(step("inside"), isProtected: false, limits: [])
            let launcher = try InProcessLauncher(method: method)
            let finished = try run(request("/bin/cat", ["/proc/self/cgroup"], leaf: leaf), with: launcher)
            #expect(finished.lines.contains("0::\(leaf.path)"))
            #expect(finished.method == method)
            try leaf.remove()
        }
    }

    @Test("A group that is gone fails the launch; nothing runs outside", arguments: LaunchMethod.allCases)
    func badGroup(method: LaunchMethod) throws {
        try withTree { tree in
            let leaf = try tree.makeLeaf(step("gone"), isProtected: false, limits: [])
            try leaf.remove()
            let marker = try TemporaryDirectory()
            let launcher = try InProcessLauncher(method: method)
            let error = try #require(throws: LaunchError.self) {
                try launcher.launch(request("/usr/bin/touch", [marker.path + "/ran"], leaf: leaf))
            }
            #expect(error.stage == (method == .cloneIntoGroup ? .clone : .cgroup))
            #expect(error.advice.contains("removed the group"))
            #expect(!fileExists(marker.path + "/ran"))
        }
    }

    @Test("Killing a leaf ends daemons that left session, parent and streams, and its counters outlive them")
    func killDaemons() throws {
        try withTree { tree in
            let leaf = try tree.makeLeaf(step("daemons"), isProtected: false, limits: [])
            let script = "for i in 1 2 3; do setsid -f sleep 1000 >/dev/null 2>&1; done; echo started"
            #expect(try run(request("/bin/sh", ["-c", script], leaf: leaf)).stdout == "started\n")
            #expect(try leaf.isPopulated)
            #expect(try leaf.processes().count == 3)
            let busy = #expect(throws: CgroupError.self) { try leaf.remove() }
            #expect(busy?.errno == .resourceBusy)
            try leaf.kill()
            #expect(try waitForPriority(leaf.eventsDescriptor, limit: .seconds(10)))
            while try leaf.isPopulated { _ = try waitForPriority(leaf.eventsDescriptor, limit: .seconds(10)) }
            let metrics = leaf.metrics(wall: .seconds(1))
            #expect(metrics.wallSeconds == 1)
            #expect(try #require(metrics.cpuSystemSeconds) + #require(metrics.cpuUserSeconds) > 0)
            try leaf.remove()
        }
    }

    @Test("Killing the steps leaves a protected step alone")
    func protectedSurvives() throws {
        try withTree { tree in
            let launcher = try InProcessLauncher()
            let victim = try tree.makeLeaf(step("victim"), isProtected: false, limits: [])
            let commit = try tree.makeLeaf(step("commit"), isProtected: true, limits: [])
            let killed = try launcher.launch(request("/bin/sleep", ["1000"], leaf: victim))
            let kept = try launcher.launch(request("/bin/cat", ["/dev/zero"], leaf: commit))
            try tree.killSteps()
            #expect(try waitForEnd(of: killed).cause == .signal(SIGKILL))
            #expect(try reapProcess(kept.pidfd) == nil)
            try signalProcess(kept.pidfd, SIGTERM)
            #expect(try waitForEnd(of: kept).cause == .signal(SIGTERM))
        }
    }

    @Test("What is typed at our terminal while a step is being started is not meant for the step")
    func typedSignals() throws {
        try withTree { tree in
            let leaf = try tree.makeLeaf(step("typed"), isProtected: false, limits: [])
            // The child is created in the frozen group: it has not run an instruction when the signals come.
            try leaf.freeze(true)
            let ended = try WakeUp()
            let cause = Mutex<Exit.Cause?>(nil)
            try startThread(name: "launching") {
                let finished = try? run(request("/bin/true", leaf: leaf))
                cause.withLock { $0 = finished?.cause }
                ended.signal()
            }
            let deadline = monotonicTime() + .seconds(20)
            var child: pid_t?
            while child == nil, monotonicTime() < deadline {
                child = try leaf.processes().first
                sched_yield()
            }
            let process = try #require(child)
            for signal in [SIGINT, SIGQUIT, SIGTSTP, SIGHUP] { #expect(kill(process, signal) == 0) }
            try leaf.freeze(false)
            #expect(ended.wait(limit: .seconds(20)))
            #expect(cause.withLock { $0 } == .code(0))
        }
    }

    @Test(
        "A step is begun without waiting for it, though its group is frozen, also where the kernel wants its parent asleep",
        .enabled(if: usableCPUs() > 1, "with one CPU it is waited for"), arguments: [nil, 100])
    func beginsFrozen(oomScoreAdjust: Int?) throws {
        try withTree { tree in
            let launcher = try InProcessLauncher()
            func request(_ leaf: Leaf) -> LaunchRequest {
                var request = LaunchingTests.request("/bin/cat", ["/proc/self/oom_score_adj"], leaf: leaf)
                request.oomScoreAdjust = oomScoreAdjust
                return request
            }
            // What has never led into a group before is waited for.
            let first = try tree.makeLeaf(step("first"), isProtected: false, limits: [])
            #expect(try run(request(first), with: launcher).cause == .code(0))
            let before = try readText("/proc/self/oom_score_adj")
            let leaves = try (0..<8).map { index in
                let leaf = try tree.makeLeaf(step("frozen\(index)"), isProtected: false, limits: [])
                try leaf.freeze(true)
                return leaf
            }
            let begun = try leaves.map { try launcher.begin(request($0), streams: .pipes, for: nil) { _ in } }
            for (leaf, process) in zip(leaves, begun) {
                #expect(try leaf.processes() == [process.pid])
                #expect(try reapProcess(process.pidfd) == nil)
                try leaf.freeze(false)
            }
            for process in begun {
                #expect(readAll(process.takeStdout()) == (oomScoreAdjust.map { "\($0)" } ?? before) + "\n")
                #expect(try waitForEnd(of: process).cause == .code(0))
            }
            #expect(try readText("/proc/self/oom_score_adj") == before)
        }
    }

    @Test("A frozen step does nothing until it is thawed")
    func freeze() throws {
        try withTree { tree in
            let leaf = try tree.makeLeaf(step("frozen"), isProtected: false, limits: [])
            // A fatal signal would end it in the frozen state, too; one that it handles has to wait.
            let script = "trap 'exit 5' TERM; sleep 1000 & echo ready; wait"
            let process = try InProcessLauncher().launch(request("/bin/sh", ["-c", script], leaf: leaf))
            awaitOutput(of: process)
            try leaf.freeze(true)
            let events = try leaf.eventsDescriptor
            while number(of: "frozen", in: try readControlText(events)) == 0 {
                _ = try waitForPriority(events, limit: .seconds(10))
            }
            try signalProcess(process.pidfd, SIGTERM)
            #expect(try reapProcess(process.pidfd) == nil)
            try leaf.freeze(false)
            #expect(try waitForEnd(of: process).cause == .code(5))
            try leaf.kill()
            while try leaf.isPopulated { _ = try waitForPriority(leaf.eventsDescriptor, limit: .seconds(10)) }
        }
    }
}
