// Private directories of steps: fresh for each, and made no oftener than that takes.

import Glibc
import LinuxSystem
import Testing

@testable import Execution

@Suite("Private directories of steps")
struct StepDirectoryTests {
    private let root: TemporaryDirectory
    private let janitor: Janitor
    private let directories: StepDirectories

    init() throws {
        root = try TemporaryDirectory()
        janitor = try Janitor()
        directories = StepDirectories(in: root.path, janitor: janitor)
    }

    @Test("Each is empty, its account's alone, and nobody else's as long as it is used")
    func fresh() throws {
        let first = try directories.take(for: nil)
        let second = try directories.take(for: nil)
        #expect(first.path != second.path)
        for path in [first.path, second.path] {
            #expect(try directoryEntries(path) == [])
            #expect(try status(path).st_mode & 0o7777 == 0o700)
        }
    }

    @Test("One that was left untouched serves the next step of the account")
    func untouched() throws {
        let first = try directories.take(for: nil)
        directories.giveBack(first, isDeserted: true)
        #expect(try directories.take(for: nil).path == first.path)
        #expect(try directories.take(for: nil).path != first.path)
    }

    @Test(
        "One that was changed in any way is removed, and never given to anybody else",
        arguments: [
            "touch file", "touch file; rm file", "mkdir -p a/b", "chmod 755 .", "rmdir $PWD; mkdir -m 700 $PWD",
        ])
    func touched(_ change: String) throws {
        let first = try directories.take(for: nil)
        try #require(system("cd \(first.path) && { \(change); }") == 0)
        directories.giveBack(first, isDeserted: true)
        janitor.finish(limit: .seconds(30))
        #expect(!fileExists(first.path))
        #expect(try directories.take(for: nil).path != first.path)
    }

    @Test("One that somebody may still use is not given to anybody else")
    func inhabited() throws {
        let first = try directories.take(for: nil)
        directories.giveBack(first, isDeserted: false)
        #expect(try directories.take(for: nil).path != first.path)
    }

    @Test("Each account has its own", .enabled(if: isRoot, "only root can give a directory away"))
    func accounts() throws {
        let nobody = try #require(try Account.named("nobody"))
        let own = try directories.take(for: nil)
        directories.giveBack(own, isDeserted: true)
        let theirs = try directories.take(for: nobody)
        #expect(theirs.path != own.path)
        #expect(try status(theirs.path).st_uid == nobody.user)
        directories.giveBack(theirs, isDeserted: true)
        #expect(try directories.take(for: nobody).path == theirs.path)
        #expect(try directories.take(for: nil).path == own.path)
    }
}
