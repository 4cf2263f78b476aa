import PluginInvocation
import Testing

@Suite struct TrustTests {
    private func directory(_ path: String, owner: UInt32 = 0, mode: UInt32 = 0o755) -> PathComponent {
        PathComponent(path: path, kind: .directory, owner: owner, mode: mode)
    }

    private func file(_ path: String, owner: UInt32 = 0, mode: UInt32 = 0o755) -> PathComponent {
        PathComponent(path: path, kind: .file, owner: owner, mode: mode)
    }

    @Test func `What only root can change may run as root`() {
        #expect(TrustRefusal.first(in: [directory("/"), directory("/etc"), file("/etc/apt", mode: 0o700)]) == nil)
        #expect(TrustRefusal.first(in: []) == nil)
    }

    @Test func `A file of somebody else is refused, with its path, the reason and the mend`() {
        let refusal = TrustRefusal.first(in: [directory("/"), file("/x/it's mine", owner: 1000)])
        #expect(
            refusal?.description == """
                /x/it's mine is not safe to run as root: it is owned by the user with the number 1000; \
                look at it, then mend it with: cp '/x/it'\\''s mine' '/x/it'\\''s mine'.new \
                && mv '/x/it'\\''s mine'.new '/x/it'\\''s mine'
                """)
        #expect(TrustRefusal.first(in: [directory("/x", owner: 1)])?.mend == "chown root /x")
    }

    @Test("What runs as its owner may be the owner's, and root's; nobody else's")
    func owners() {
        let home = [directory("/"), directory("/home"), directory("/home/a", owner: 7), file("/home/a/p", owner: 7)]
        #expect(TrustRefusal.first(in: home, for: 7) == nil)
        let refusal = TrustRefusal.first(in: home, for: 8)
        #expect(refusal?.path == "/home/a")
        #expect(refusal?.description.contains("is not safe to run as its owner") == true)
        #expect(TrustRefusal.first(in: [directory("/h", owner: 7, mode: 0o775)], for: 7) != nil)
    }

    @Test(
        "What group or others can write is refused",
        arguments: [
            (0o775, "its group"), (0o757, "everybody"), (0o777, "its group and everybody"), (0o4775, "its group"),
        ])
    func writable(mode: Int, who: String) {
        let mode = UInt32(mode)
        for component in [file("/opt/p", mode: mode), directory("/opt/p", mode: mode)] {
            let refusal = TrustRefusal.first(in: [directory("/"), component])
            #expect(refusal?.path == "/opt/p")
            #expect(refusal?.reason == "it can be written by \(who) (mode 0\(String(mode, radix: 8)))")
            #expect(refusal?.mend == "chmod go-w /opt/p")
        }
    }

    @Test func `Every parent directory counts, and the first fault is told`() {
        let path = [directory("/"), directory("/home", mode: 0o777), directory("/home/a", owner: 7), file("/home/a/p")]
        #expect(TrustRefusal.first(in: path)?.path == "/home")
    }

    @Test func `A sticky directory may be written by all, but what is in it must be root's`() {
        let tmp = directory("/tmp", mode: 0o1777)
        #expect(TrustRefusal.first(in: [directory("/"), tmp, file("/tmp/p")]) == nil)
        #expect(TrustRefusal.first(in: [directory("/"), tmp, file("/tmp/p", owner: 5)])?.path == "/tmp/p")
        #expect(TrustRefusal.first(in: [directory("/tmp", owner: 5, mode: 0o1777)])?.path == "/tmp")
    }

    @Test func `A file with several names is refused where anybody can give it one, and nowhere else`() {
        let linked = PathComponent(path: "/tmp/p", kind: .file, owner: 0, mode: 0o755, names: 2)
        let refusal = TrustRefusal.first(in: [directory("/"), directory("/tmp", mode: 0o1777), linked])
        #expect(refusal?.reason == "it has 2 names, and in /tmp anybody can give it one")
        #expect(refusal?.mend == "cp /tmp/p /tmp/p.new && mv /tmp/p.new /tmp/p")
        #expect(TrustRefusal.first(in: [directory("/"), directory("/tmp", mode: 0o1755), linked]) == nil)
        var below = linked
        below.path = "/tmp/d/p"
        #expect(TrustRefusal.first(in: [directory("/tmp", mode: 0o1777), directory("/tmp/d"), below]) == nil)
    }

    @Test func `The sticky bit of a file excuses nothing`() {
        #expect(TrustRefusal.first(in: [file("/p", mode: 0o1777)]) != nil)
    }

    @Test func `Of a symbolic link the owner counts and the mode does not`() {
        let link = PathComponent(path: "/tmp/l", kind: .symbolicLink, owner: 0, mode: 0o777)
        #expect(TrustRefusal.first(in: [link]) == nil)
        var foreign = link
        foreign.owner = 1000
        #expect(TrustRefusal.first(in: [foreign])?.mend == "chown -h root /tmp/l")
    }
}
