import PluginManifests
import Testing

@Suite struct MutexNameTests {
    @Test(
        "A mutex is a bare word or category:resource",
        arguments: [
            "dpkg", "pkgmgr:apt", "runtime:python3.11", "app:g++", "a", "A-b_9", String(repeating: "x", count: 64),
        ])
    func valid(name: String) {
        #expect(MutexName(name)?.rawValue == name.lowercased())
    }

    @Test(
        "What is neither is refused",
        arguments: [
            "", ":", "a:", ":a", "a:b:c", "a b", "a/b", "app:../x", "ä", "word.with.dot", "a=1",
            String(repeating: "x", count: 65),
        ])
    func invalid(name: String) {
        #expect(MutexName(name) == nil)
    }

    @Test func `Names are case-insensitive`() {
        #expect(MutexName("PkgMgr:APT") == MutexName("pkgmgr:apt"))
        #expect(MutexName("Network:Download") == .downloadsPool)
    }

    @Test func `Names sort by their text`() {
        #expect(["b", "a"].compactMap(MutexName.init).sorted().map(\.description) == ["a", "b"])
    }
}
