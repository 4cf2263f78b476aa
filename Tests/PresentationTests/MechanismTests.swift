import Presentation
import RunModel
import Testing
import UpdateModel

@Suite struct MechanismTests {
    /// A machine that lacks nothing.
    private var good: Diagnosis {
        var diagnosis = Diagnosis(hostName: "db7", isRoot: true)
        diagnosis.groups.hierarchy = .unified
        diagnosis.groups.mount = "/sys/fs/cgroup"
        diagnosis.groups.place = "/updateall.slice"
        diagnosis.groups.controllers = Set(Controller.allCases)
        diagnosis.launch = .intoGroup
        diagnosis.guardian = "/usr/libexec/update-all/update-all-guardian"
        diagnosis.pressure = ["cpu", "io", "memory"]
        diagnosis.swap = ByteCount(1 << 30)
        diagnosis.disks = ["/": .disk("8:0")]
        diagnosis.directories = [
            Diagnosis.Directory(use: "state", path: "/var/lib/update-all", refusal: nil),
            Diagnosis.Directory(use: "logs", path: "/var/log/update-all", refusal: nil),
        ]
        diagnosis.mutexes = Diagnosis.Directory(use: "mutexes", path: "/run/lock/update-all", refusal: nil)
        diagnosis.policyName = "shared-server"
        diagnosis.plugins = 3
        return diagnosis
    }

    private func mechanism(_ name: String, of diagnosis: Diagnosis) throws -> Mechanism {
        try #require(Mechanisms.of(diagnosis).first { $0.name == name })
    }

    /// What is found where `change` is all that is wrong.
    private func mechanism(_ name: String, _ change: (inout Diagnosis) -> Void) throws -> Mechanism {
        var diagnosis = good
        change(&diagnosis)
        return try mechanism(name, of: diagnosis)
    }

    @Test func `a machine that lacks nothing has nothing to be mended`() {
        let mechanisms = Mechanisms.of(good)
        for mechanism in mechanisms {
            #expect(mechanism.state == .ok && mechanism.mend == nil, "\(mechanism)")
            #expect(!mechanism.finding.isEmpty, "\(mechanism.name)")
        }
        #expect(ExitCode.combined(mechanisms.map(\.exitCode)) == .success)
        #expect(Set(mechanisms.map(\.name)).count == mechanisms.count)
        #expect(
            DoctorTable.lines(mechanisms, hostName: "db7", columns: 80).last?.text
                == "db7: all that a run needs is there."
        )
    }

    @Test func `without control groups a run still goes, and the mend is told`() throws {
        var diagnosis = good
        diagnosis.groups = Diagnosis.Groups()
        diagnosis.groups.hasSystemd = true
        diagnosis.groups.reason = "systemd has given it none; start it with: systemd-run --scope update-all …"
        diagnosis.launch = .withoutGroup
        #expect(try mechanism("cgroup v2", of: diagnosis).mend == "as root: mount -t cgroup2 none /sys/fs/cgroup")
        let own = try mechanism("own groups", of: diagnosis)
        #expect(own.finding == "systemd has given it none")
        #expect(own.mend == "start it with: systemd-run --scope update-all …")
        #expect(try mechanism("controllers", of: diagnosis).finding == "none, without groups")
        #expect(try mechanism("starting", of: diagnosis).state == .ok)
        #expect(Mechanisms.of(diagnosis).allSatisfy { $0.state != .broken })
    }

    @Test func `controllers that are missing are named with the reason, and files that the kernel lacks`() throws {
        let some = try mechanism("controllers") {
            $0.groups.controllers = [.memory, .pids]
            $0.groups.reason = "the group has other processes; start update-all in one of its own"
        }
        #expect(some.finding == "memory, pids, without cpu, io: the group has other processes")
        #expect(some.mend == "start update-all in one of its own")
        let files = try mechanism("controllers") { $0.groups.missingFiles = ["io.weight", "cpu.idle"] }
        #expect(files.finding == "cpu, io, memory, pids, without cpu.idle, io.weight")
        let hybrid = try mechanism("cgroup v2") { $0.groups.hierarchy = .hybrid }
        #expect(hybrid.state == .degraded)
        #expect(hybrid.mend?.contains("cgroup_no_v1=all") == true)
    }

    static let gaps:
        [(name: String, state: Mechanism.State, mend: String, change: @Sendable (inout Diagnosis) -> Void)] = [
            ("starting", .degraded, "Linux 5.7", { $0.launch = .thenMoved }),
            ("starting", .degraded, "seccomp", { $0.launch = .withoutClone3 }),
            ("starting", .broken, "nothing can run", { $0.launch = .failed(reason: "EPERM") }),
            ("pidfd", .broken, "Linux 5.4", { $0.pidfdRefusal = "Function not implemented" }),
            ("subreaper", .degraded, "Linux 3.4", { $0.subreaperRefusal = "Invalid argument" }),
            ("guardian", .missing, "make install", { $0.guardian = nil }),
            ("pressure", .degraded, "psi=1", { $0.pressure = ["cpu"] }),
            ("pressure", .missing, "psi=1", { $0.pressure = [] }),
            ("freezing", .missing, "Linux 5.2", { $0.groups.missingFiles = ["cgroup.freeze"] }),
            ("killing", .degraded, "Linux 5.14", { $0.groups.missingFiles = ["cgroup.kill"] }),
            ("peaks", .degraded, "Linux 5.19", { $0.groups.missingFiles = ["memory.peak"] }),
            ("terminals", .missing, "devpts", { $0.terminalRefusal = "No such file or directory" }),
            ("download cap", .missing, "install", { $0.downloadLimitRefusal = "there is no nft; install it" }),
            ("sudo", .missing, "disable", { $0.sudoPlugins = [PluginName("git")!] }),
            (
                "locks", .degraded, "let that program end",
                {
                    $0.locks = [
                        Diagnosis.LockedFile(
                            path: "/lock", plugins: [PluginName("apt")!], holder: "pid 7 (dpkg)")
                    ]
                }
            ),
            ("swap", .missing, "memory_max", { $0.swap = ByteCount(0) }),
            ("mutexes", .degraded, "mkdir -m 1777", { $0.mutexes?.refusal = "no" }),
            ("state", .broken, "--state-dir", { $0.directories[0].refusal = "Read-only file system" }),
            ("root", .missing, "/usr/bin/sudo update-all", { ($0.isRoot, $0.sudo) = (false, "/usr/bin/sudo") }),
            ("root", .missing, "as root", { $0.isRoot = false }),
            ("configuration", .broken, "config check", { $0.configurationFaults = ["c.toml:1:1: x"] }),
            ("policy", .broken, "--policy", { $0.policyFaults = ["p.toml:1:1: x"] }),
            ("plugins", .broken, "disable", { $0.pluginFaults = ["a.toml: x", "b.toml: x"] }),
            ("plugins", .missing, "list -v", { $0.plugins = 0 }),
            ("trust", .broken, "look at it", { $0.untrusted = ["apt: /p is not safe; look at it, then mend it"] }),
        ]

    @Test(arguments: gaps.indices)
    func `each gap has its state and its mend`(index: Int) throws {
        let gap = Self.gaps[index]
        let mechanism = try mechanism(gap.name, gap.change)
        #expect(mechanism.state == gap.state)
        #expect(mechanism.mend?.contains(gap.mend) == true, "\(mechanism)")
        #expect((mechanism.exitCode == .success) == (gap.state != .broken))
    }

    @Test func `what the policy lacks here is broken only where the policy requires it`() throws {
        let missing = LimitDeviation(control: "io.max", requested: "1", effective: nil, reason: "no disk")
        let limited = try mechanism("policy") { $0.deviations = [missing] }
        #expect(limited.state == .degraded)
        #expect(limited.finding == "shared-server is valid. Not enforced here: io.max (no disk).")
        let broken = try mechanism("policy") {
            $0.deviations = [missing]
            $0.requiresLimits = true
        }
        #expect(broken.state == .broken)
        #expect(broken.exitCode == .unenforceable)
        let files = try mechanism("plugins") { $0.pluginFaults = ["a.toml: x", "b.toml: y"] }
        #expect(files.finding == "a.toml: x (and 1 more)")
        #expect(files.exitCode == .usage)
        let disks = try mechanism("disk caps") { $0.disks["/tmp"] = .none(reason: "tmpfs has no disk of its own") }
        #expect(disks.finding == "/ is on 8:0; /tmp: tmpfs has no disk of its own")
        #expect(disks.state == .degraded)
        let named = try mechanism("disk caps") { $0.diskNames = ["8:0": "sda"] }
        #expect(named.finding == "/ is on sda (8:0)")
    }

    @Test func `a gap says what the policy in force loses by it, or that it loses nothing`() throws {
        func limit(_ control: String, effective: String? = nil) -> LimitDeviation {
            LimitDeviation(control: control, requested: "1", effective: effective, reason: "no")
        }
        let controllers = try mechanism("controllers") {
            $0.groups.controllers = [.io, .memory, .pids]
            $0.deviations = [limit("cpu.max"), limit("cpu.weight"), limit("cpu.max"), limit("io.max")]
        }
        #expect(controllers.loss == "shared-server: not enforced: cpu.max, cpu.weight")
        let files = try mechanism("controllers") {
            $0.groups.missingFiles = ["cpu.idle"]
            $0.deviations = [limit("cpu.idle", effective: "cpu.weight = 1")]
        }
        #expect(files.loss == "shared-server: cpu.idle is cpu.weight = 1")
        let nothing = try mechanism("controllers") { $0.groups.missingFiles = ["io.weight"] }
        #expect(nothing.loss == "shared-server loses nothing by it")
        let freezing = try mechanism("freezing") {
            $0.groups.freezeRefusal = "Permission denied"
            $0.protection.ioSome = Fraction(0.1)
            $0.protection.action = .freeze
        }
        #expect(
            freezing.loss == "[protect] action = \"freeze\" of shared-server starts nothing more, and freezes nothing")
        let caps = try mechanism("disk caps") {
            $0.disks["/"] = .none(reason: "/ lies on several disks (a, b); give one of them as the path")
            $0.deviations = [limit("io.max")]
        }
        #expect(caps.finding == "/ lies on several disks (a, b)")
        #expect(caps.mend == "give one of them as the path")
        #expect(caps.state == .missing)
        #expect(caps.loss == "shared-server: not enforced: io.max")
        let download = try mechanism("download cap") {
            $0.downloadLimitRefusal = "only root may have the kernel drop packets"
            $0.deviations = [limit("run.download_enforce")]
        }
        #expect(download.loss == "shared-server: not enforced: run.download_enforce")
        let locks = try mechanism("locks") {
            $0.locks = [Diagnosis.LockedFile(path: "/lock", plugins: [PluginName("apt")!], holder: "pid 7 (dpkg)")]
        }
        #expect(locks.finding == "/lock is locked by pid 7 (dpkg); apt would wait")
        #expect(locks.loss == "a run would wait for it up to 30 min 0 s, and then put them off")
        let free = try mechanism("locks") {
            $0.locks = [Diagnosis.LockedFile(path: "/lock", plugins: [PluginName("apt")!], holder: nil)]
        }
        #expect(free.finding == "1 file of other programs can be watched, none is locked; for apt")
    }

    @Test func `without groups, what they would do is done otherwise or not at all`() {
        var diagnosis = good
        diagnosis.groups = Diagnosis.Groups()
        let states = Dictionary(uniqueKeysWithValues: Mechanisms.of(diagnosis).map { ($0.name, $0.state) })
        for name in ["cgroup v2", "own groups", "controllers", "freezing", "peaks", "disk caps"] {
            #expect(states[name] == .missing, "\(name)")
        }
        #expect(states["killing"] == .degraded)
    }

    @Test func `the table fits every width of 40 cells and more, each mend below its gap`() {
        var diagnosis = good
        for gap in Self.gaps { gap.change(&diagnosis) }
        let mechanisms = Mechanisms.of(diagnosis)
        for columns in 40...200 {
            let lines = DoctorTable.lines(mechanisms, hostName: "db7", columns: columns)
            #expect(lines.allSatisfy { $0.width <= columns }, "\(columns) columns")
        }
        let text = DoctorTable.lines(mechanisms, hostName: "db7", columns: 100).map(\.text)
        #expect(text.last?.contains("things that a run needs must be mended; ") == true)
        let index = text.firstIndex { $0.hasPrefix("  – pressure") }
        #expect(
            index.map { Array(text[($0 + 1)...($0 + 2)]) }
                == [
                    "                   shared-server loses nothing by it",
                    "                   → boot with psi=1 on the kernel's command line",
                ])
    }
}
