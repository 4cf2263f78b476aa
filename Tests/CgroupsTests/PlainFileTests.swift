import Glibc
import LinuxSystem
import SystemPackage
import Testing
import UpdateModel

@testable import Cgroups

/// A directory of plain files that looks like a group of another kernel.
final class PlainGroup {
    let path: String

    init(_ files: [String: String]) throws {
        var template = Array("/tmp/update-all-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for (name, text) in files {
            let file = try openFile(path + "/" + name, O_WRONLY | O_CREAT, mode: 0o644)
            try writeAll(file.raw, Array(text.utf8))
        }
    }

    deinit {
        for name in (try? directoryEntries(path)) ?? [] { try? removeFile(path + "/" + name) }
        try? removeDirectory(path)
    }
}

@Suite("Groups of other kernels, as plain files")
struct PlainFileTests {
    @Test("Without cgroup.kill, all are frozen, killed one by one, and thawed")
    func oldKill() throws {
        var id = pid_t()
        let arguments = [strdup("sleep"), strdup("1000"), nil]
        defer { for argument in arguments { free(argument) } }
        try #require(posix_spawn(&id, "/bin/sleep", nil, nil, arguments, nil) == 0)
        let group = try PlainGroup(["cgroup.procs": "\(id)\n", "cgroup.freeze": "0"])
        try Group(opening: group.path).kill()
        var status: CInt = 0
        waitpid(id, &status, 0)
        #expect(status & 0x7F == SIGKILL)
        #expect(try readText(group.path + "/cgroup.freeze") == "0")
    }

    @Test("Controllers that are handed down already are not asked for again, and absent ones are no failure")
    func delegation() throws {
        let group = try PlainGroup([
            "cgroup.controllers": "cpuset cpu memory\n", "cgroup.subtree_control": "cpu memory\n",
        ])
        let all = Set(Controller.allCases)
        let delegation = try Delegation.enable(all, below: Group(opening: group.path))
        #expect(delegation == Delegation(enabled: [.cpu, .memory], failure: nil))
        #expect(throws: CgroupError.self) { _ = try Delegation.enable(all, below: Group(opening: "/tmp")) }
    }
}
