import Glibc
import LinuxSystem
import Spawning
import SystemPackage
import Testing
import UpdateModel

@testable import Launching

// Swift cannot call variadic functions.
private let prctl = unsafeBitCast(
    dlsym(nil, "prctl"), to: (@convention(c) (CInt, UInt, UInt, UInt, UInt) -> CInt).self)
private let getDumpable: CInt = 3
private let setDumpable: CInt = 4

/// One after the other, since the dumpable flag is the whole process's.
@Suite("Dropping privileges", .serialized, .enabled(if: isRoot, "needs root"))
struct PrivilegeTests {
    static let person = Identity(user: 1234, group: 2345, groups: [2345, 3456])

    @Test("A step as a person has that person's ids and groups, and no capability", arguments: LaunchMethod.allCases)
    func identity(method: LaunchMethod) throws {
        var wanted = request("/bin/cat", ["/proc/self/status"])
        wanted.identity = Self.person
        let finished = try run(wanted, with: InProcessLauncher(method: method))
        #expect(finished.status("Uid") == "1234 1234 1234 1234")
        #expect(finished.status("Gid") == "2345 2345 2345 2345")
        #expect(finished.status("Groups")?.split(separator: " ") == ["2345", "3456"])
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] { #expect(finished.status(set) == "0000000000000000") }
        #expect(finished.status("NoNewPrivs") == "1")
    }

    @Test("Ambient capabilities reach a person's program, and only those")
    func ambient() throws {
        var wanted = request("/bin/cat", ["/proc/self/status"])
        wanted.identity = Self.person
        wanted.ambientSet = try CapabilitySet(names: ["cap_net_bind_service", "CAP_CHOWN"])
        let finished = try run(wanted)
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] { #expect(finished.status(set) == "0000000000000401") }
    }

    @Test("A step as root keeps only its bounding set")
    func boundingSet() throws {
        let kept = try CapabilitySet(names: ["cap_chown", "cap_dac_override", "cap_setuid"])
        var wanted = request("/bin/cat", ["/proc/self/status"])
        wanted.boundingSet = kept
        let finished = try run(wanted)
        let mask = try #require(finished.status("CapBnd").flatMap { UInt64($0, radix: 16) })
        #expect(mask == kept.intersection(try .bounding()).rawValue)
        #expect(finished.status("CapEff") == finished.status("CapBnd"))
        #expect(finished.status("Uid") == "0 0 0 0")
    }

    @Test("New privileges are allowed only where that is asked for")
    func newPrivileges() throws {
        var wanted = request("/bin/cat", ["/proc/self/status"])
        wanted.noNewPrivileges = false
        #expect(try run(wanted).status("NoNewPrivs") == "0")
    }

    @Test("A child that changes its user leaves us dumpable")
    func dumpable() throws {
        var wanted = request("/bin/true")
        wanted.identity = Self.person
        _ = try run(wanted)
        #expect(prctl(getDumpable, 0, 0, 0, 0) == 1)
    }

    @Test("The number that means 'as it is' to the kernel is nobody's account")
    func reservedNumber() throws {
        var wanted = request("/bin/true")
        wanted.identity = Identity(user: .max, group: 2345, groups: [2345])
        #expect(throws: LaunchError.self) { try run(wanted) }
    }

    @Test("Without rights, each thing that needs them fails at its stage")
    func unprivileged() throws {
        let (_, effective, _) = try CapabilitySet.current()
        try #require(!effective.isEmpty, "something to lose")
        try asPerson { () throws in
            var wanted = request("/bin/true")
            wanted.identity = Identity(user: 4321, group: 4321, groups: [4321])
            #expect(try failure(wanted).stage == .groups)
            // As who one is already needs no right.
            wanted.identity = Identity(user: 1234, group: getegid(), groups: [4321])
            #expect(try run(wanted).cause == .code(0))
            wanted.identity = nil
            wanted.boundingSet = []
            #expect(try failure(wanted).stage == .boundingSet)
            wanted.boundingSet = nil
            wanted.nice = -5
            #expect(try failure(wanted).stage == .nice)
            wanted.nice = nil
            wanted.resourceLimits = [ResourceLimit(resource: CInt(RLIMIT_CORE.rawValue), soft: 1, hard: .max)]
            var core = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &core)
            if core.rlim_max != .max { #expect(try failure(wanted).stage == .resourceLimits) }
        }
    }

    /// Runs `body` on a thread whose effective user is a person's, by the system call itself: glibc's function would change
    /// all threads.
    private func asPerson(_ body: () throws -> Void) throws {
        typealias Syscall = @convention(c) (Int, Int, Int, Int) -> Int
        let syscall = unsafeBitCast(dlsym(nil, "syscall"), to: Syscall.self)
        #if arch(x86_64)
            let setresuid = 117
        #else
            let setresuid = 147
        #endif
        try #require(syscall(setresuid, -1, 1234, -1) == 0)
        defer {
            _ = syscall(setresuid, -1, 0, -1)
            _ = prctl(setDumpable, 1, 0, 0, 0)
        }
        try body()
    }
}
