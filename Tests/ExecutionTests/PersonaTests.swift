import Glibc
import LinuxSystem
import PluginManifests
import Testing
import UpdateModel

@testable import Execution

private func refusal(_ body: () throws -> Void) -> PersonaRefusal? {
    do {
        try body()
        return nil
    } catch {
        return error as? PersonaRefusal
    }
}

/// An account that is neither root's nor without a name.
private let nobody = (try? Account.named("nobody")) ?? nil

// Swift's Glibc module lacks <sys/xattr.h>.
private let setAttribute = unsafeBitCast(
    dlsym(nil, "setxattr"),
    to: (@convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>, UnsafeRawPointer, Int, CInt) -> CInt).self)

@Suite("As whom a step runs") struct PersonaTests {
    private let directory: TemporaryDirectory
    private let personas: Personas

    init() throws {
        directory = try TemporaryDirectory()
        personas = try Personas(environment: ["PATH": "/opt/bin:/bin"])
    }

    /// A plugin whose file is a real one.
    private func plugin(_ name: String = "a", mode: mode_t = 0o755) throws -> DiscoveredPlugin {
        let path = try directory.write(name, "#!/bin/sh\n", mode: mode)
        return DiscoveredPlugin(
            name: PluginName(name)!, directory: directory.path, executable: path, manifest: nil, manifestPath: nil,
            mentions: [])
    }

    @Test("A person's steps run as that person, with that person's PATH", .enabled(if: !isRoot))
    func person() throws {
        let persona = try personas.persona(.invokingUser, for: plugin())
        #expect(persona.account.user == geteuid())
        #expect(!persona.needsChange)
        #expect(persona.path == "/opt/bin:/bin")
        #expect(refusal { _ = try personas.persona(.root, for: plugin()) }?.outcome == .needsAuth)
    }

    @Test("Root's steps have root's own PATH, and stay root without a change", .enabled(if: isRoot))
    func root() throws {
        let persona = try personas.persona(.root, for: plugin())
        #expect(persona.account.user == 0)
        #expect(!persona.needsChange)
        #expect(!persona.path.contains("/opt"))
        #expect(personas.path == persona.path)
        #expect(personas.ownName == "root")
        #expect(!personas.ownHome.isEmpty)
    }

    @Test("A named account's steps drop to it", .enabled(if: isRoot && nobody != nil))
    func named() throws {
        let persona = try personas.persona(.named("nobody"), for: plugin())
        #expect(persona.account == nobody)
        #expect(persona.needsChange)
        #expect(try personas.persona(.named("nobody"), for: plugin()) == persona)
    }

    @Test(
        "A person's own programs are found behind the system's, and never for what runs as root",
        .enabled(if: isRoot && nobody != nil))
    func programs() throws {
        var plugin = try plugin()
        plugin.manifest = Manifest(name: plugin.name)
        plugin.manifest?.path = ["~/.tool/bin", "/opt/tool/bin"]
        let called = try Personas(environment: ["SUDO_UID": "\(nobody!.user)"])
        let own = ["\(nobody!.home)/.tool/bin", "/opt/tool/bin", "\(nobody!.home)/.local/bin"]
        #expect(called.programDirectories(of: plugin) == own)
        #expect(
            try called.persona(.invokingUser, for: plugin).path == ([called.path] + own).joined(separator: ":"))
        #expect(try called.persona(.root, for: plugin).path == called.path)
        plugin.manifest?.runAs = .root
        #expect(called.programDirectories(of: plugin).isEmpty)
    }

    @Test("An account that does not exist fails the step", .enabled(if: isRoot))
    func unknown() throws {
        let refused = refusal { _ = try personas.persona(.named("no-such-account"), for: plugin()) }
        #expect(refused?.outcome == .failed)
        #expect(refused?.reason == "\"no-such-account\" has no account on this machine")
    }

    @Test("Under sudo the user is who called it", .enabled(if: isRoot && nobody != nil))
    func sudo() throws {
        let called = try Personas(environment: ["SUDO_UID": "\(nobody!.user)"])
        #expect(try called.persona(.invokingUser, for: plugin()).account == nobody)
        let rootCalled = try Personas(environment: ["SUDO_UID": "0"])
        #expect(try rootCalled.persona(.invokingUser, for: plugin()).account.user == 0)
    }

    @Test(
        "Under pkexec and doas as well; who has no account here is not taken for root",
        .enabled(if: isRoot && nobody != nil))
    func callers() throws {
        for environment in [
            ["PKEXEC_UID": "\(nobody!.user)"], ["DOAS_USER": "nobody"], ["SUDO_UID": "0", "DOAS_USER": "nobody"],
        ] {
            #expect(try Personas(environment: environment).persona(.invokingUser, for: plugin()).account == nobody)
        }
        for environment in [["SUDO_UID": "4000000"], ["SUDO_UID": "-1"], ["DOAS_USER": "no-such-account"]] {
            let called = try Personas(environment: environment)
            let refused = refusal { _ = try called.persona(.invokingUser, for: plugin()) }
            #expect(refused?.outcome == .failed)
            #expect(refused?.reason.contains("who became root for this run, has no account on this machine") == true)
            #expect(try called.persona(.root, for: plugin()).account.user == 0)
        }
    }

    @Test("A hard link in a sticky directory is no plugin of root's, however often it is asked", .enabled(if: isRoot))
    func hardLink() throws {
        chmod(directory.path, 0o1777)
        let plugin = try plugin()
        #expect(try personas.persona(.root, for: plugin).account.user == 0)
        var linked = try self.plugin("b")
        linked.executable = "\(directory.path)/linked"
        #expect(link("\(directory.path)/b", linked.executable) == 0)
        for _ in 0..<2 {
            #expect(refusal { _ = try personas.persona(.root, for: linked) }?.reason.contains("it has 2 names") == true)
        }
    }

    @Test("An access list that lets somebody write is seen", .enabled(if: isRoot && nobody != nil))
    func accessList() throws {
        let plugin = try plugin()
        // Version 2: owner rwx, nobody rw, group r, mask rw, others r; each entry is tag, permissions and account (acl(5)).
        let entries: [(tag: UInt16, bits: UInt16, account: UInt32)] = [
            (0x01, 7, .max), (0x02, 6, nobody!.user), (0x04, 4, .max), (0x10, 6, .max), (0x20, 4, .max),
        ]
        var list: [UInt8] = [2, 0, 0, 0]
        for entry in entries {
            for part in [UInt32(entry.tag) | UInt32(entry.bits) << 16, entry.account] {
                list += (0..<4).map { UInt8(truncatingIfNeeded: part >> (8 * $0)) }
            }
        }
        // A file system without access lists has none to see.
        guard setAttribute(plugin.executable, "system.posix_acl_access", list, list.count, 0) == 0 else { return }
        let refused = refusal { _ = try personas.persona(.root, for: plugin) }
        #expect(refused?.reason.contains("it can be written by its group") == true)
    }

    @Test("A plugin is changed by the owner of its files, who is one account", .enabled(if: isRoot && nobody != nil))
    func changer() throws {
        var plugin = try plugin()
        #expect(try personas.owner(of: plugin) == .root)
        try changeOwner(plugin.executable, user: nobody!.user, group: nobody!.group)
        #expect(try personas.owner(of: plugin) == .named("nobody"))
        plugin.manifestPath = try directory.write("a.toml", "")
        #expect(refusal { _ = try personas.owner(of: plugin) }?.reason.contains("different accounts") == true)
        plugin.executable = "\(directory.path)/gone"
        #expect(refusal { _ = try personas.owner(of: plugin) }?.reason == "\(directory.path)/gone is gone")
    }

    @Test(
        "Under a root that no person called the user is the owner of the plugin's file",
        .enabled(if: isRoot && nobody != nil))
    func owner() throws {
        #expect(try personas.persona(.invokingUser, for: plugin("roots")).account.user == 0)
        let theirs = try plugin("theirs")
        try changeOwner(theirs.executable, user: nobody!.user, group: nobody!.group)
        #expect(try personas.persona(.invokingUser, for: theirs).account == nobody)
        let stranger = try plugin("strangers")
        try changeOwner(stranger.executable, user: 4_000_000, group: 0)
        for _ in 0..<2 {
            let refused = refusal { _ = try personas.persona(.invokingUser, for: stranger) }
            #expect(refused?.reason == "the owner of \(stranger.executable) has no account on this machine")
        }
    }

    @Test(
        "Nobody has a plugin run as its owner by putting it where they can put another in its place",
        .enabled(if: isRoot && nobody != nil))
    func ownersPlace() throws {
        let theirs = try plugin("theirs")
        try changeOwner(theirs.executable, user: nobody!.user, group: nobody!.group)
        try changeOwner(directory.path, user: 4_000_000, group: 0)
        let refused = refusal { _ = try personas.persona(.invokingUser, for: theirs) }
        #expect(refused?.reason.contains("\(directory.path) is not safe to run as its owner") == true)
        #expect(refusal { _ = try personas.owner(of: theirs) } == refused)
        try changeOwner(directory.path, user: nobody!.user, group: 0)
        #expect(try personas.persona(.invokingUser, for: theirs).account == nobody)
    }

    @Test(
        "What others than root can change does not run as root; it may run as somebody else",
        .enabled(if: isRoot && nobody != nil))
    func trust() throws {
        let writable = try plugin("open", mode: 0o777)
        let refused = refusal { _ = try personas.persona(.root, for: writable) }
        #expect(refused?.outcome == .failed)
        #expect(refused?.reason.contains("chmod go-w \(writable.executable)") == true)
        #expect(throws: Never.self) { try personas.persona(.named("nobody"), for: writable) }
        var manifested = try plugin("sound")
        manifested.manifestPath = try directory.write("sound.toml", "", mode: 0o666)
        #expect(refusal { _ = try personas.persona(.root, for: manifested) }?.reason.contains("sound.toml") == true)
        var gone = try plugin("gone")
        gone.executable += ".not"
        #expect(refusal { _ = try personas.persona(.root, for: gone) }?.reason.contains("cannot be checked") == true)
    }
}
