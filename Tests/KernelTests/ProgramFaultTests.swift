import Glibc
import LinuxSystem
import SystemPackage
import Testing
import UpdateModel

/// What only a machine of one's own can be made to do: run out of memory or of disk, and jump in time.
@Suite("A run on a machine that misbehaves", .serialized, .enabled(if: isKernelLab, "\(noKernelLab)"))
struct ProgramFaultTests {
    /// A step that stays, with a child in a session of its own.
    private func stayingProgram() throws -> Program {
        let program = try Program()
        try program.add("stays", script: "sleep 1000 & setsid sleep 1000 & echo ready; wait")
        return program
    }

    @Test(
        "update-all that the kernel kills for memory is one that was killed: no process of a step lives two seconds later"
    )
    func outOfMemory() throws {
        let program = try stayingProgram()
        let victims = try VictimGroup()
        let running = try program.start(prefix: victims.prefix)
        try running.wait { $0.lines == ["ready"] }
        try victims.kill("update-all")
        #expect(try running.finish().cause == .signal(SIGKILL))
        try program.waitForProcesses(limit: .seconds(2))
        try program.expectNothingLeft(wasKilled: true)
        try program.add("stays", script: "true")
        let next = try program.run()
        #expect(next.cause == .code(0))
        #expect(next.errors.contains("was killed, and with it stays/execute"), "\(next.errors)")
        try program.expectNothingLeft()
    }

    @Test("A guardian that the kernel kills for memory is replaced, and the run ends as if nothing had been")
    func guardianOutOfMemory() throws {
        let program = try Program()
        let gate = try program.makeFIFO("gate")
        try program.add("waits", script: "echo ready; read -r line <\(gate)")
        let victims = try VictimGroup()
        let running = try program.start(prefix: victims.prefix)
        try running.wait { $0.lines == ["ready"] }
        try victims.kill("update-all-guar")
        try running.wait { event in
            if case .error(let text) = event.body { text.contains("another was started") } else { false }
        }
        try shell("echo >\(gate)")
        let run = try running.finish()
        #expect(run.cause == .code(0), "\(run.errors)")
        #expect(run.end("waits")?.outcome == .succeeded)
        try program.expectNothingLeft()
    }

    @Test("A clock that jumps a day ahead and back ends nothing early and nothing late")
    func clock() throws {
        let program = try Program()
        let gate = try program.makeFIFO("gate")
        try program.add("waits", script: "echo ready; read -r line <\(gate)")
        try program.add("late", script: "echo ready; exec sleep 1000")
        let running = try program.start(policy: "[plugin.waits]\ntimeout = \"1h\"\n[plugin.late]\ntimeout = \"8s\"")
        var ready = 0
        try running.wait { event in
            if event.lines == ["ready"] { ready += 1 }
            return ready == 2
        }
        let start = monotonicTime()
        try jump(days: 1)
        try shell("sleep 1")
        try jump(days: -2)
        defer { try? jump(days: 1) }
        try running.wait { event in
            if event.plugin?.rawValue == "late", case .phaseEnd = event.body { true } else { false }
        }
        #expect(monotonicTime() - start < .seconds(60))
        try shell("echo >\(gate)")
        let run = try running.finish()
        #expect(run.end("late")?.outcome == .timedOut)
        #expect(run.end("waits")?.outcome == .succeeded)
        let wall = try #require(run.end("waits")?.metrics?.wallSeconds)
        #expect(wall > 0 && wall < 90, "\(wall)")
        let numbers = run.events.filter { $0.seq > 0 }.map(\.seq)
        #expect(numbers == numbers.sorted())
        try program.expectNothingLeft()
    }

    private func jump(days: Int) throws {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        time.tv_sec += days * 86_400
        if clock_settime(CLOCK_REALTIME, &time) < 0 { throw Errno(rawValue: errno) }
    }

    @Test("A full disk fails the step whose log it is, and a commit goes on with its log cut")
    func fullDisk() throws {
        let program = try Program()
        try shell("mount -t tmpfs -o size=3m tmpfs '\(program.state)'")
        defer { _ = try? shell("umount '\(program.state)'") }
        try program.add("plain", script: "head -c 8000000 /dev/zero; exec sleep 1000")
        try program.add(
            "commits", manifest: "protected_phases = [\"execute\"]\nafter = [\"plain\"]",
            script: "head -c 8000000 /dev/zero; exit 0")
        let run = try program.run()
        #expect(run.cause == .code(1), "\(run.errors)")
        #expect(run.end("plain")?.outcome == .failed)
        #expect(run.end("plain")?.error?.contains("No space left on device") == true)
        #expect(run.end("commits")?.outcome == .succeeded)
        #expect(
            run.events.contains { event in
                if case .error(let text) = event.body {
                    text.contains("the log of commits/execute is cut")
                } else {
                    false
                }
            })
        try program.expectNothingLeft()
    }

    @Test("After kill -9 in a delegated group that group is as it was, and the next run has it again")
    func killedInDelegatedGroup() throws {
        let program = try stayingProgram()
        let group = "/sys/fs/cgroup/delegated"
        let number = try shell("useradd --create-home delegate 2>/dev/null; id -u delegate").trimmingNewline
        try shell(
            """
            mkdir \(group) && cd \(group) && chown delegate . cgroup.procs cgroup.subtree_control cgroup.threads
            chown delegate \(program.state)
            """)
        let prefix = [
            "sh", "-c", "echo 0 >\(group)/cgroup.procs && exec \"$@\"", "sh", "setpriv", "--reuid", number, "--regid",
            number, "--clear-groups", "env", "HOME=/home/delegate",
        ]
        let running = try program.start(policy: "[step]\ntasks_max = 50", prefix: prefix)
        try running.wait { $0.lines == ["ready"] }
        #expect(try directoryEntries(group).contains("supervisor"))
        try running.send(SIGKILL)
        try program.waitForProcesses(limit: .seconds(2))
        _ = try running.finish()
        try program.expectNothingLeft(below: group, wasKilled: true)
        #expect(try readText("\(group)/cgroup.subtree_control") == "")

        try program.add("stays", script: "cat /proc/self/cgroup")
        let next = try program.run(policy: "[step]\ntasks_max = 50", prefix: prefix)
        #expect(next.cause == .code(0), "\(next.errors)")
        #expect(next.lines("stays").first?.contains("/delegated/run-") == true, "\(next.lines("stays"))")
        #expect(next.errors.contains("was killed, and with it stays/execute"), "\(next.errors)")
        try program.expectNothingLeft(below: group)
        try shell("rmdir \(group)")
    }

    @Test(
        "In a group that was delegated without cpu every other limit holds, and that one is told, or refused where required"
    )
    func delegatedWithoutCPU() throws {
        let program = try Program()
        try program.add(
            "plain",
            script:
                "cd /sys/fs/cgroup$(cut -c4- /proc/self/cgroup); cat memory.max pids.max; ls cpu.max ../../cpu.max || true"
        )
        let above = "/sys/fs/cgroup/without-cpu"
        let number = try shell("useradd --create-home partial 2>/dev/null; id -u partial").trimmingNewline
        // Of all that is there the group above hands down two.
        try shell(
            """
            echo '+cpu +memory +pids' >/sys/fs/cgroup/cgroup.subtree_control
            mkdir \(above) && echo '+memory +pids' >\(above)/cgroup.subtree_control && mkdir \(above)/delegated
            cd \(above)/delegated && chown partial . cgroup.procs cgroup.subtree_control cgroup.threads
            chown partial \(program.state)
            """)
        defer { _ = try? shell("rmdir \(above)/delegated \(above)") }
        let prefix = [
            "sh", "-c", "echo 0 >\(above)/delegated/cgroup.procs && exec \"$@\"", "sh", "setpriv", "--reuid", number,
            "--regid", number, "--clear-groups", "env", "HOME=/home/partial",
        ]
        let policy = "cpu_quota = \"50%\"\n[step]\nmemory_max = \"64M\"\ntasks_max = 50"
        let refused = try program.run(policy: policy, prefix: prefix)
        #expect(refused.cause == .code(3), "\(refused.errors)")
        #expect(
            refused.errors.contains("cpu.max = 50000 100000: it is not available under \(above)/delegated"),
            "\(refused.errors)")
        #expect(refused.starts("plain").isEmpty)

        let run = try program.start(policy: policy, prefix: prefix, arguments: ["--set", "enforcement=preferred"])
            .finish()
        #expect(run.cause == .code(0), "\(run.errors)")
        #expect(run.lines("plain").prefix(2) == ["\(64 << 20)", "50"], "\(run.lines("plain"))")
        #expect(!run.lines("plain").contains("cpu.max") && !run.lines("plain").contains("../../cpu.max"))
        #expect(run.limits(nil, "cpu.max").map(\.effective) == [nil])
        try program.expectNothingLeft(below: "\(above)/delegated")
    }
}

extension String {
    fileprivate var trimmingNewline: String { last == "\n" ? String(dropLast()) : self }
}

/// A group in which the kernel kills one program for memory.
final class VictimGroup {
    private let path: String

    init() throws {
        path = "/sys/fs/cgroup/victims-\(getpid())-\(monotonicTime().components.attoseconds)"
        try shell("echo +memory >/sys/fs/cgroup/cgroup.subtree_control; mkdir \(path)")
    }

    deinit { _ = try? shell("rmdir \(path) || true") }

    /// Starts a program in it.
    var prefix: [String] { ["sh", "-c", "echo 0 >\(path)/cgroup.procs && exec \"$@\"", "sh"] }

    /// Has the kernel kill the process of this name (as the kernel cuts it), and no other that is in the group.
    func kill(_ name: String) throws {
        try shell(
            """
            for p in $(cat \(path)/cgroup.procs); do
                case $(cat /proc/$p/comm) in \(name)) score=1000 ;; *) score=-1000 ;; esac
                echo $score >/proc/$p/oom_score_adj
            done
            echo 4096 >\(path)/memory.max
            echo max >\(path)/memory.max
            grep -q '^oom_kill [1-9]' \(path)/memory.events
            """)
    }
}
