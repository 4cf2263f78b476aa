import Glibc
import LinuxSystem
import Testing

@testable import Privilege

private let hasVisudo = access("/usr/sbin/visudo", X_OK) == 0

@Suite(.enabled(if: hasVisudo, "sudo is missing"))
struct SudoersFileTests {
    private let good = Array("pat ALL=(root) NOPASSWD: /bin/true \"\"\n".utf8)
    private let bad = Array("pat ALL=(root) NOPASSWD /bin/true\n".utf8)

    private func withDirectory(_ body: (String) throws -> Void) throws {
        var name = Array("/tmp/update-all-sudoers-XXXXXX".utf8CString)
        try #require(mkdtemp(&name) != nil)
        let path = String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { try? removeTree(path) }
        try body(path)
    }

    @Test("rules are checked without being in any file; what visudo says against them is told")
    func check() throws {
        let file = try SudoersFile()
        try file.check(good)
        let error = #expect(throws: SudoersError.self) { try file.check(bad) }
        #expect(error?.description.contains("syntax error") == true, "\(error?.description ?? "")")
    }

    @Test(
        "they are installed 0440 where visudo accepts them, and not again", .enabled(if: geteuid() == 0, "needs root"))
    func install() throws {
        try withDirectory { directory in
            let file = try SudoersFile(path: "\(directory)/rules")
            #expect(try file.install(good) == .written)
            #expect(try status(file.path).st_mode == S_IFREG | 0o440)
            #expect(try file.install(good) == .unchanged)
            chmod(file.path, 0o640)
            #expect(try file.install(good) == .written)
            #expect(throws: SudoersError.self) { try file.install(bad) }
            #expect(try readFile(file.path) == good)
            #expect(try directoryEntries(directory) == ["rules"])
        }
    }

    @Test("a link in their place is replaced, not followed", .enabled(if: geteuid() == 0, "needs root"))
    func link() throws {
        try withDirectory { directory in
            let file = try SudoersFile(path: "\(directory)/rules")
            try #require(symlink("\(directory)/other", file.path) == 0)
            try #require(symlink("\(directory)/other", file.path + ".new") == 0)
            #expect(try file.install(good) == .written)
            #expect(try directoryEntries(directory) == ["rules"])
            #expect(try status(file.path, following: false).st_mode & S_IFMT == S_IFREG)
        }
    }

    @Test("nothing is installed in a directory that others can change", .enabled(if: geteuid() == 0, "needs root"))
    func directory() throws {
        try withDirectory { directory in
            chmod(directory, 0o775)
            let error = #expect(throws: SudoersError.self) { try SudoersFile(path: "\(directory)/rules").install(good) }
            #expect(error?.description.contains("chmod go-w") == true, "\(error?.description ?? "")")
        }
    }
}
