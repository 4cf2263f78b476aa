import Glibc
import LinuxSystem
import Synchronization
import SystemPackage
import Testing
import UpdateModel

@testable import Cgroups

/// A group in which a test makes trees of its own, so that no other test's sweep meets them.
final class TestBase {
    static let isPossible: Bool = {
        guard let environment = try? CgroupEnvironment.current() else { return false }
        return Placement.decide(environment) == .ownSlice
    }()
    private static let count = Atomic<Int>(0)

    let environment: CgroupEnvironment
    let path: String
    let name: String
    private let slice: Group

    init() throws {
        environment = try CgroupEnvironment.current()
        let root = try Group(opening: environment.hierarchy.mount!)
        slice = try Group(creating: "updateall.slice", in: root, orOpening: true)
        name = "test-\(getpid())-\(Self.count.add(1, ordering: .relaxed).newValue)"
        path = "/updateall.slice/" + name
        _ = try Group(creating: name, in: slice)
    }

    func open() throws -> Group { try Group(opening: join(environment.hierarchy.mount!, path)) }

    func makeTree(process: Int32 = getpid()) throws -> CgroupTree {
        let start = Timestamp(millisecondsSince1970: Int64(Self.count.add(1, ordering: .relaxed).newValue) * 1000)
        return try CgroupTree(
            run: RunID(start: start, processID: process), base: open(), path: path,
            delegation: try Delegation.enable(Set(Controller.allCases), below: open()), surroundings: .ownSlice,
            environment: environment)
    }

    deinit { try? slice.removeChild(name) }
}

/// Puts a sleeping process into a group, ends it at the end.
final class Sleeper {
    let pid: pid_t

    init(in group: String) throws {
        var id = pid_t()
        let arguments = (["sleep", "1000"] as [String]).map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        guard posix_spawn(&id, "/bin/sleep", nil, nil, arguments, nil) == 0 else { throw Errno(rawValue: errno) }
        pid = id
        let directory = try openDirectory(group)
        try writeControlFile("cgroup.procs", in: directory.raw, "\(id)")
    }

    /// Waits for its end, whoever brings that about.
    func reap() -> CInt {
        var status: CInt = 0
        waitpid(pid, &status, 0)
        return status & 0x7F
    }

    deinit { kill(pid, SIGKILL) }
}

func step(_ plugin: String, _ phase: Phase = .execute) -> StepID { StepID(PluginName(plugin)!, phase) }

@Suite("A run's groups", .enabled(if: TestBase.isPossible, "no cgroup v2 that root may write, or systemd's"))
struct TreeTests {
    @Test("A leaf is PLUGIN.PHASE below its branch, and each try has one of its own")
    func names() throws {
        let base = try TestBase()
        let tree = try base.makeTree()
        let first = try tree.makeLeaf(step("apt", .download), isProtected: false, limits: [])
        let second = try tree.makeLeaf(step("apt", .download), attempt: 2, isProtected: false, limits: [])
        let commit = try tree.makeLeaf(step("apt"), isProtected: true, limits: [])
        #expect(first.path == tree.path + "/steps/apt.download")
        #expect(second.path == tree.path + "/steps/apt.download.2")
        #expect(commit.path == tree.path + "/protected/apt.execute")
        #expect(fileExists(tree.mount + first.path + "/cgroup.procs"))
        #expect(isMarked(tree.mount + commit.path, "user.oomd_omit"), "systemd-oomd is to spare it")
        #expect(!isMarked(tree.mount + first.path, "user.oomd_omit"))
        for leaf in [first, second, commit] { try leaf.remove() }
        #expect(!fileExists(tree.mount + first.path))
        try first.remove()  // gone already is fine
        try tree.remove()
        #expect(!fileExists(tree.mount + tree.path))
    }

    @Test("An abandoned leaf of the same name is replaced, so that counters begin at zero")
    func fresh() throws {
        let base = try TestBase()
        let tree = try base.makeTree()
        let old = try tree.makeLeaf(step("again"), isProtected: false, limits: [])
        _ = try Group(creating: "nested", in: Group(opening: tree.mount + old.path))
        let new = try tree.makeLeaf(step("again"), isProtected: false, limits: [])
        #expect(!fileExists("nested", in: new.directory))
        try tree.remove()
    }

    @Test("A leaf can be removed by one call, unless a step has made groups below it")
    func atOnce() throws {
        let base = try TestBase()
        let tree = try base.makeTree()
        let leaf = try tree.makeLeaf(step("plain"), isProtected: false, limits: [])
        #expect(leaf.removeAtOnce())
        #expect(!fileExists(tree.mount + leaf.path))
        #expect(leaf.removeAtOnce())  // gone already is fine
        let nesting = try tree.makeLeaf(step("nesting"), isProtected: false, limits: [])
        _ = try Group(creating: "nested", in: Group(opening: tree.mount + nesting.path))
        #expect(!nesting.removeAtOnce())
        try nesting.remove()
        try tree.remove()
    }

    @Test("A leaf that has processes is neither replaced nor removed, and says why")
    func busy() throws {
        let base = try TestBase()
        let tree = try base.makeTree()
        let leaf = try tree.makeLeaf(step("busy"), isProtected: false, limits: [])
        let sleeper = try Sleeper(in: tree.mount + leaf.path)
        #expect(try leaf.isPopulated)
        #expect(try leaf.processes() == [sleeper.pid])
        let removal = #expect(throws: CgroupError.self) { try leaf.remove() }
        #expect(removal?.errno == .resourceBusy)
        #expect(!leaf.removeAtOnce())
        #expect(removal?.description.contains("processes are still in it") == true)
        #expect(throws: CgroupError.self) { try tree.makeLeaf(step("busy"), isProtected: false, limits: []) }
        #expect(throws: CgroupError.self) { try tree.remove() }
        try leaf.kill()
        #expect(sleeper.reap() == SIGKILL)
        try tree.remove()
    }

    @Test("A leaf that was removed by somebody else answers as an empty one")
    func gone() throws {
        let base = try TestBase()
        let tree = try base.makeTree()
        let leaf = try tree.makeLeaf(step("gone"), isProtected: false, limits: [])
        _ = try leaf.eventsDescriptor
        try removeDirectory(tree.mount + leaf.path)
        #expect(try !leaf.isPopulated)
        #expect(try leaf.processes().isEmpty)
        try leaf.kill()
        try leaf.freeze(true)
        try tree.remove()
    }

    @Test("A limit that cannot be written is a deviation with its reason, and the others are applied")
    func deviations() throws {
        let base = try TestBase()
        let tree = try base.makeTree()
        let leaf = try tree.makeLeaf(
            step("limits"), isProtected: false,
            limits: [
                ControlWrite(file: "memory.nonsense", value: "1"), ControlWrite(file: "hugetlb.max", value: "1"),
            ])
        #expect(leaf.applied.isEmpty)
        #expect(leaf.deviations.map(\.control) == ["memory.nonsense", "hugetlb.max"])
        let expected =
            tree.controllers.contains(.memory)
            ? "this kernel's memory controller has no such file"
            : "the memory controller is not available under \(tree.mount + leaf.path)"
        #expect(leaf.deviations.first?.reason == expected)
        #expect(leaf.deviations.first?.effective == nil)
        try tree.remove()
    }

    @Test("Where controllers are missing, one reason says why; where none is, there is none to say")
    func missingControllers() throws {
        let base = try TestBase()
        let tree = try base.makeTree()
        #expect(tree.missingControllerReason.isEmpty == (tree.controllers.count == Controller.allCases.count))
        if case .hybrid = base.environment.hierarchy {
            #expect(tree.missingControllerReason.contains("belong to cgroup v1"))
        }
        #expect(tree.missingControlFiles.allSatisfy { tree.controllers.contains(Controller(controlFile: $0)!) })
        let inForce = tree.applyRunLimits(
            run: [], steps: [ControlWrite(file: "pids.max", value: "100")], protected: [])
        #expect(inForce.steps.deviations.isEmpty == tree.controllers.contains(.pids))
        try tree.remove()
    }

    @Test("A run that died is swept: its steps are ended, its groups removed; the living one's stay")
    func sweep() throws {
        let base = try TestBase()
        let dead = try Self.processThatIsGone()
        let left = try base.makeTree(process: dead)
        let leaf = try left.makeLeaf(step("left"), isProtected: false, limits: [])
        let sleeper = try Sleeper(in: left.mount + leaf.path)
        let living = try base.makeTree()
        // The sweep waits for the end, not for us to reap.
        #expect(!fileExists(left.mount + left.path))
        #expect(sleeper.reap() == SIGKILL)
        let second = try base.makeTree()
        #expect(fileExists(living.mount + living.path))
        try second.remove()
        try living.remove()
    }

    @Test("The sweep leaves a commit alone that outlives its run")
    func sweepSparesCommits() throws {
        let base = try TestBase()
        let left = try base.makeTree(process: try Self.processThatIsGone())
        let leaf = try left.makeLeaf(step("commit"), isProtected: true, limits: [])
        let sleeper = try Sleeper(in: left.mount + leaf.path)
        let next = try base.makeTree()
        #expect(try leaf.isPopulated)
        kill(sleeper.pid, SIGKILL)
        #expect(sleeper.reap() == SIGKILL)
        try next.remove()
        let last = try base.makeTree()
        #expect(!fileExists(left.mount + left.path))
        try last.remove()
    }

    private static func processThatIsGone() throws -> pid_t {
        var id = pid_t()
        let arguments = [strdup("true"), nil]
        defer { free(arguments[0]) }
        guard posix_spawn(&id, "/bin/true", nil, nil, arguments, nil) == 0 else { throw Errno(rawValue: errno) }
        waitpid(id, nil, 0)
        return id
    }

    @Test("Groups that a step makes below its own are killed and removed with it")
    func nested() throws {
        let base = try TestBase()
        let tree = try base.makeTree()
        let leaf = try tree.makeLeaf(step("nested"), isProtected: false, limits: [])
        let outer = try Group(creating: "outer", in: Group(opening: tree.mount + leaf.path))
        let inner = try Group(creating: "inner", in: outer)
        let sleeper = try Sleeper(in: inner.path)
        #expect(try leaf.isPopulated)
        #expect(try leaf.processes() == [sleeper.pid])
        try tree.killSteps()
        #expect(sleeper.reap() == SIGKILL)
        try leaf.remove()
        try tree.remove()
    }

    @Test("A parent that is gone is an error that names the path")
    func parentGone() throws {
        let base = try TestBase()
        let tree = try base.makeTree()
        try tree.remove()
        let error = #expect(throws: CgroupError.self) {
            try tree.makeLeaf(step("x"), isProtected: false, limits: [])
        }
        let path = "\(tree.mount + tree.path)/steps/x.execute"
        #expect(error?.description.contains("could not create the group \(path)") == true)
        #expect(error?.advice.contains("removed by somebody else") == true)
        #expect(throws: CgroupError.self) { _ = try Group(opening: "/does/not/exist") }
    }
}
