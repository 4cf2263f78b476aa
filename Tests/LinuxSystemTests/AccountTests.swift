import Glibc
import Testing

@testable import LinuxSystem

@Suite("Accounts and capabilities")
struct AccountTests {
    @Test("Names lead to numbers and numbers to names")
    func accounts() throws {
        let root = try #require(try Account.named("root"))
        #expect(root.user == 0 && root.group == 0 && root.groups.contains(0))
        #expect(root.home.hasPrefix("/"))
        #expect(try Account.numbered(0) == root)
        #expect(try Account.named("no-such-account-here") == nil)
        #expect(try Account.numbered(4_000_000_001) == nil)
    }

    @Test("Capabilities have the names and numbers of capabilities(7)")
    func names() throws {
        #expect(try CapabilitySet(names: ["cap_chown", "NET_BIND_SERVICE"]).rawValue == 1 | 1 << 10)
        #expect(CapabilitySet(rawValue: 1 | 1 << 21).names == ["cap_chown", "cap_sys_admin"])
        #expect(try CapabilitySet(names: CapabilitySet(rawValue: 1 << 41 - 1).names).rawValue == 1 << 41 - 1)
        let unknown = #expect(throws: CapabilitySet.UnknownName.self) { try CapabilitySet(names: ["cap_fly"]) }
        #expect(unknown?.description.hasPrefix("'cap_fly' is no capability") == true)
        #expect(throws: CapabilitySet.UnknownName.self) { try CapabilitySet(names: ["cap_chown=ep"]) }
    }

    @Test("This process's sets are those that the kernel shows")
    func own() throws {
        let text = try readText("/proc/thread-self/status")
        func shown(_ key: String) throws -> UInt64? {
            text.split(separator: "\n").first { $0.hasPrefix(key) }
                .flatMap { $0.split(separator: "\t").last }.flatMap { UInt64($0, radix: 16) }
        }
        #expect(try CapabilitySet.bounding().rawValue == shown("CapBnd"))
        let sets = try CapabilitySet.current()
        #expect(try sets.permitted.rawValue == shown("CapPrm"))
        #expect(try sets.effective.rawValue == shown("CapEff"))
        #expect(try sets.inheritable.rawValue == shown("CapInh"))
    }
}
