import Testing
import UpdateModel

@testable import Cgroups
@testable import LinuxSystem

@Suite("Where groups can be")
struct PlacementTests {
    private func environment(
        _ hierarchy: CgroupHierarchy = .unified(mount: "/sys/fs/cgroup"), group: String? = "/a", isRoot: Bool = false,
        hasSystemd: Bool = false, isNamespaced: Bool = false, isWritable: Bool = false, isDelegated: Bool = false,
        isShared: Bool = false
    ) -> CgroupEnvironment {
        CgroupEnvironment(
            hierarchy: hierarchy, ownGroup: group, isRoot: isRoot, hasSystemd: hasSystemd, isNamespaced: isNamespaced,
            ownGroupIsWritable: isWritable, ownGroupIsDelegated: isDelegated, ownGroupIsShared: isShared)
    }

    @Test("Root without systemd takes a slice of its own, whatever group it is in")
    func root() {
        #expect(Placement.decide(environment(isRoot: true)) == .ownSlice)
        #expect(Placement.decide(environment(.hybrid(mount: "/m"), group: nil, isRoot: true)) == .ownSlice)
        #expect(Placement.decide(environment(isRoot: true, isNamespaced: true, isWritable: true)) == .ownSlice)
    }

    @Test("Root of a container that is in the namespace's root moves out of it, where it may write")
    func container() {
        func decide(isWritable: Bool) -> Placement {
            Placement.decide(environment(group: "/", isRoot: true, isNamespaced: true, isWritable: isWritable))
        }
        #expect(decide(isWritable: true) == .below("/"))
        #expect(decide(isWritable: false) == .ownSlice)
    }

    @Test("With systemd, root goes below its own group only where that was delegated: root may write everywhere")
    func rootWithSystemd() {
        let writable = environment(isRoot: true, hasSystemd: true, isWritable: true)
        #expect(Placement.decide(writable) == .systemdScope(otherwise: nil))
        let delegated = environment(isRoot: true, hasSystemd: true, isWritable: true, isDelegated: true)
        #expect(Placement.decide(delegated) == .below("/a"))
    }

    @Test("A delegated group with others in it is only second choice, since it hands no controllers down")
    func shared() {
        for isRoot in [true, false] {
            let shared = environment(
                isRoot: isRoot, hasSystemd: true, isWritable: true, isDelegated: true, isShared: true)
            #expect(Placement.decide(shared) == .systemdScope(otherwise: "/a"))
        }
    }

    @Test("A person goes below their own group where it can be written, with systemd where it was delegated")
    func person() {
        #expect(Placement.decide(environment(isWritable: true)) == .below("/a"))
        #expect(Placement.decide(environment(hasSystemd: true, isWritable: true, isDelegated: true)) == .below("/a"))
        // Everything below a person's manager can be written, and is the manager's.
        #expect(Placement.decide(environment(hasSystemd: true, isWritable: true)) == .systemdScope(otherwise: "/a"))
        #expect(Placement.decide(environment(hasSystemd: true, isDelegated: true)) == .systemdScope(otherwise: nil))
        guard case .unavailable(let reason) = Placement.decide(environment()) else { return #expect(Bool(false)) }
        #expect(reason.hasPrefix("the group /a is not writable"))
    }

    @Test("Without cgroup v2 there are no groups, and the site says so")
    func none() {
        let nowhere = environment(.none, group: nil, isRoot: true)
        #expect(Placement.decide(nowhere) == .unavailable(reason: "no cgroup v2 hierarchy is mounted"))
        let run = RunID(start: Timestamp(millisecondsSince1970: 0), processID: 1)
        guard case .unavailable(let reason) = CgroupTree.prepare(run: run, environment: nowhere, startScope: noScope)
        else {
            return #expect(Bool(false))
        }
        #expect(reason.contains("no cgroup v2"))
    }

    private func noScope(_ run: RunID) throws(SystemdError) -> any RunScope {
        throw SystemdError(attempt: "start \(run)", reason: "it is busy", advice: "try again")
    }

    @Test("Where systemd starts no scope, the site says what it answered and what helps")
    func noScope() {
        let run = RunID(start: Timestamp(millisecondsSince1970: 0), processID: 1)
        let site = CgroupTree.prepare(
            run: run, environment: environment(isRoot: true, hasSystemd: true),
            startScope: noScope)
        guard case .unavailable(let reason) = site else { return #expect(Bool(false)) }
        #expect(reason.contains("systemd manages this machine's groups"))
        #expect(reason.hasSuffix("could not start \(run): it is busy; try again"))
    }

    @Test("The hierarchy is unified, hybrid or absent, as the mounts say")
    func hierarchy() {
        func find(_ types: (String, String)...) -> CgroupHierarchy {
            CgroupHierarchy.find(
                in: types.map { Mount(device: "0:1", root: "/", mountPoint: $0.1, type: $0.0, source: "cgroup") })
        }
        #expect(find(("ext4", "/"), ("cgroup2", "/sys/fs/cgroup")) == .unified(mount: "/sys/fs/cgroup"))
        #expect(find(("cgroup", "/c/cpu"), ("cgroup2", "/c/unified")) == .hybrid(mount: "/c/unified"))
        #expect(find(("cgroup", "/c/cpu")) == .none)
        #expect(CgroupHierarchy.none.mount == nil)
    }

    @Test("Our group's path is told relative to what is mounted")
    func relativePaths() {
        #expect(CgroupEnvironment.path(of: "/a/b", below: "/") == "/a/b")
        #expect(CgroupEnvironment.path(of: "/docker/x", below: "/docker/x") == "/")
        #expect(CgroupEnvironment.path(of: "/docker/x/y", below: "/docker/x") == "/y")
        #expect(CgroupEnvironment.path(of: "/docker/xyz", below: "/docker/x") == nil)
        #expect(CgroupEnvironment.path(of: "/../other", below: "/") == nil, "outside of our namespace")
        #expect(join("/m", "/") == "/m")
        #expect(join("/m", "/a") == "/m/a")
    }
}

@Suite("When a limit is in force")
struct ControllerTests {
    private func isInForce(_ file: String, _ asked: String, _ content: String) -> Bool {
        let wanted = ControlWrite(file: file, value: asked)
        let kind = files(of: Controller(controlFile: file)!)
        return kind.isInForce(wanted, effective: kind.effective(wanted, in: content), pageSize: 4096)
    }

    @Test("Memory is rounded down to pages, and nothing else is close enough")
    func memory() {
        #expect(isInForce("memory.max", "1048576", "1048576"))
        #expect(isInForce("memory.max", "1048577", "1048576"))
        #expect(isInForce("memory.max", "max", "max"))
        #expect(!isInForce("memory.max", "1048576", "1044480"))
        #expect(!isInForce("memory.high", "1048576", "max"))
    }

    @Test("A CPU quota may be asked for without its period")
    func cpu() {
        #expect(isInForce("cpu.max", "50000", "50000 100000"))
        #expect(isInForce("cpu.max", "50000 100000", "50000 100000"))
        #expect(!isInForce("cpu.max", "5000", "50000 100000"))
        #expect(isInForce("cpu.idle", "1", "1"))
        #expect(!isInForce("cpu.weight", "50", "100"))
    }

    @Test("I/O caps are looked for in the line of their disk")
    func io() {
        let content = "8:16 rbps=1 wbps=1 riops=max wiops=max\n8:1 rbps=max wbps=4096 riops=max wiops=10"
        #expect(isInForce("io.max", "8:1 wbps=4096", content))
        #expect(isInForce("io.max", "8:1 wiops=10 wbps=4096 rbps=max", content))
        #expect(!isInForce("io.max", "8:1 wbps=1", content))
        #expect(isInForce("io.max", "9:1 wbps=max", content))
        #expect(!isInForce("io.max", "9:1 wbps=5", content))
        let line = IOController.effective(ControlWrite(file: "io.max", value: "8:1 wbps=1"), in: content)
        #expect(line == "8:1 rbps=max wbps=4096 riops=max wiops=10")
        #expect(isInForce("io.weight", "default 50", "default 50"))
        #expect(isInForce("io.weight", "50", "default 50\n8:0 70"))
        #expect(!isInForce("io.weight", "50", "default 100"))
    }

    @Test("Processes are counted exactly")
    func pids() {
        #expect(isInForce("pids.max", "512", "512"))
        #expect(!isInForce("pids.max", "512", "max"))
    }

    @Test("A counter is found by its whole name")
    func counters() {
        let content = "oom 3\noom_kill 2\noom_group_kill 1"
        #expect(number(of: "oom", in: content) == 3)
        #expect(number(of: "oom_kill", in: content) == 2)
        #expect(number(of: "oom_k", in: content) == nil)
        #expect(number(of: "max", in: content) == nil)
    }
}
