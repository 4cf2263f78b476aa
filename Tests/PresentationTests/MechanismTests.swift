import Presentation
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
        #expect(hybrid.state == .limited)
        #expect(hybrid.mend?.contains("cgroup_no_v1=all") == true)
    }

    static let gaps:
        [(name: String, state: Mechanism.State, mend: String, change: @Sendable (inout Diagnosis) -> Void)] = [
            ("starting", .limited, "Linux 5.7", { $0.launch = .thenMoved }),
            ("starting", .limited, "seccomp", { $0.launch = .withoutClone3 }),
            ("starting", .broken, "nothing can run", { $0.launch = .failed(reason: "EPERM") }),
            ("pidfd", .broken, "Linux 5.4", { $0.pidfdRefusal = "Function not implemented" }),
            ("subreaper", .limited, "Linux 3.4", { $0.subreaperRefusal = "Invalid argument" }),
            ("guardian", .limited, "make install", { $0.guardian = nil }),
            ("pressure", .limited, "psi=1", { $0.pressure = ["cpu"] }),
            ("swap", .limited, "memory_max", { $0.swap = ByteCount(0) }),
            ("mutexes", .limited, "mkdir -m 1777", { $0.mutexes?.refusal = "no" }),
            ("state", .broken, "--state-dir", { $0.directories[0].refusal = "Read-only file system" }),
            ("root", .limited, "/usr/bin/sudo update-all", { ($0.isRoot, $0.sudo) = (false, "/usr/bin/sudo") }),
            ("root", .limited, "as root", { $0.isRoot = false }),
            ("configuration", .broken, "config check", { $0.configurationFaults = ["c.toml:1:1: x"] }),
            ("policy", .broken, "--policy", { $0.policyFaults = ["p.toml:1:1: x"] }),
            ("plugins", .broken, "disable", { $0.pluginFaults = ["a.toml: x", "b.toml: x"] }),
            ("plugins", .limited, "list -v", { $0.plugins = 0 }),
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
        #expect(limited.state == .limited)
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
        #expect(disks.finding == "/ is on the disk 8:0; /tmp: tmpfs has no disk of its own")
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
        let index = text.firstIndex { $0.hasPrefix("  ! pressure") }
        #expect(index.map { text[$0 + 1] } == "                   → boot with psi=1 on the kernel's command line")
    }
}
