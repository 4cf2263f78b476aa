import Glibc
import LinuxSystem
import SystemPackage
import Systemd
import Testing
import UpdateModel

@testable import Cgroups
@testable import Launching

@Suite("A person with a subtree of their own", .serialized, .enabled(if: hasControllers, "\(noControllers)"))
struct DelegationTests {
    private static let user: uid_t = 1234

    /// Gives the user a group with controllers, as `systemd-run --user -p Delegate=yes` does, and runs `body` in it, in a
    /// child process that is the user.
    private func asPerson(_ name: String, _ body: (String) throws -> Int32) throws -> Int32 {
        let environment = try CgroupEnvironment.current()
        let mount = try #require(environment.hierarchy.mount)
        let root = try Group(opening: mount)
        _ = try Delegation.enable(Set(Controller.allCases), below: root)
        let group = try Group(creating: name, in: root)
        for file in ["", "/cgroup.procs", "/cgroup.subtree_control", "/cgroup.threads"] {
            chown(group.path + file, Self.user, Self.user)
        }
        let child = forkChild()
        if child == 0 {
            // Only this thread is here now; what follows needs no other one.
            var code: Int32 = 90
            if (try? writeControlFile("cgroup.procs", in: group.directory.raw, "0")) != nil,
                setgroups(0, nil) == 0, setregid(Self.user, Self.user) == 0,
                setreuid(Self.user, Self.user) == 0
            {
                code = (try? body(group.path)) ?? 91
            }
            _exit(code)
        }
        var status: CInt = 0
        waitpid(child, &status, 0)
        try? group.kill()
        _ = try group.waitUntilEmpty(limit: .seconds(5))
        let left = try group.children()
        #expect(left.isEmpty, "nothing of the run is left: \(left)")
        try root.removeChild(name)
        return status >> 8 & 0xFF
    }

    /// Swift's Glibc module forbids fork, for what comes after it in a program with threads; the child here calls no more
    /// than its own thread can do.
    private func forkChild() -> pid_t {
        unsafeBitCast(dlsym(nil, "fork"), to: (@convention(c) () -> pid_t).self)()
    }

    @Test("Below their own group a person gets real limits, and everything is put back afterwards")
    func delegated() throws {
        let code = try asPerson("person") { path in
            let run = RunID(start: Timestamp(millisecondsSince1970: 0), processID: getpid())
            guard case .tree(let tree) = CgroupTree.prepare(run: run) else { return 1 }
            guard tree.mount + tree.path == "\(path)/run-\(run)", tree.controllers == Set(Controller.allCases) else {
                return 2
            }
            guard try readText("/proc/self/cgroup").hasSuffix("/person/supervisor") else { return 3 }
            let leaf = try tree.makeLeaf(step("mine"), isProtected: false, limits: [control("pids.max", "7")])
            guard leaf.deviations.isEmpty, leaf.applied == [control("pids.max", "7")] else { return 4 }
            let process = try start("/bin/cat", ["/proc/self/cgroup"], in: leaf)
            guard output(of: process) == "0::\(leaf.path)\n" else { return 5 }
            guard try end(of: process, in: leaf) == .code(0) else { return 6 }
            try leaf.remove()
            try tree.remove()
            return try readText("/proc/self/cgroup").hasSuffix("/person") ? 0 : 7
        }
        #expect(code == 0)
    }

    @Test("Where others are in the group, the reason says what helps, and tracking works")
    func crowded() throws {
        let code = try asPerson("crowded") { path in
            let other = forkChild()
            if other == 0 {
                while true { pause() }
            }
            defer {
                kill(other, SIGKILL)
                waitpid(other, nil, 0)
            }
            let run = RunID(start: Timestamp(millisecondsSince1970: 0), processID: getpid())
            guard case .tree(let tree) = CgroupTree.prepare(run: run) else { return 1 }
            guard tree.controllers.isEmpty, tree.missingControllerReason.contains("start update-all in one of its own")
            else {
                return 2
            }
            let leaf = try tree.makeLeaf(step("mine"), isProtected: false, limits: [control("pids.max", "7")])
            guard leaf.deviations.first?.reason.contains("pids controller is not available") == true else { return 3 }
            let process = try start("/bin/cat", ["/proc/self/cgroup"], in: leaf)
            guard output(of: process) == "0::\(leaf.path)\n" else { return 4 }
            guard try end(of: process, in: leaf) == .code(0) else { return 5 }
            try tree.remove()
            return 0
        }
        #expect(code == 0)
    }
}
