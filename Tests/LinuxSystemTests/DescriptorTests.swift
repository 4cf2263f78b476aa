import Glibc
import SystemPackage
import Testing
import UpdateModel

@testable import LinuxSystem

@Suite("Descriptors and files")
struct DescriptorTests {
    @Test("Files are read to their end and no further than the limit")
    func reading() throws {
        let directory = try TemporaryDirectory()
        try directory.write("long", String(repeating: "x", count: 40_000) + "\n")
        #expect(try readFile(directory.path + "/long").count == 40_001)
        #expect(try readText(directory.path + "/long").utf8.count == 40_000)
        #expect(throws: Errno.fileTooLarge) { try readFile(directory.path + "/long", limit: 30_000) }
        let opened = try openDirectory(directory.path)
        #expect(try readControlFile("long", in: opened.raw).utf8.count == 40_000)
        try directory.write("longer", String(repeating: "x", count: 70_000))
        #expect(throws: Errno.fileTooLarge) { try readControlFile("longer", in: opened.raw) }
        #expect(throws: Errno.noSuchFileOrDirectory) { try readControlFile("none", in: opened.raw) }
        #expect(throws: Errno.badFileDescriptor) { try readControlText(-1) }
    }

    @Test("A control file is written, and read as it is then")
    func control() throws {
        let directory = try TemporaryDirectory()
        try directory.write("file", "before and longer\n")
        let opened = try openDirectory(directory.path)
        #expect(try exchangeControlFile("file", in: opened.raw, "after") == "aftere and longer")
        try writeControlFile("file", in: opened.raw, "AFTER")
        #expect(try readText("file", in: opened.raw) == "AFTERe and longer")
        directory.link("link", to: "file")
        #expect(throws: Errno.self, "links are not followed") { try readControlFile("link", in: opened.raw) }
        #expect(throws: Errno.self) { try exchangeControlFile("none", in: opened.raw, "x") }
    }

    @Test("Directories are made, listed and removed")
    func directories() throws {
        let directory = try TemporaryDirectory()
        try makeDirectory(directory.path + "/a", mode: 0o700)
        try directory.write("b", "")
        #expect(try directoryEntries(directory.path).sorted() == ["a", "b"])
        #expect(fileExists(directory.path + "/a") && !fileExists(directory.path + "/c"))
        #expect(isWritable(directory.path))
        try removeFile(directory.path + "/b")
        try removeDirectory(directory.path + "/a")
        #expect(try directoryEntries(directory.path).isEmpty)
        #expect(throws: Errno.noSuchFileOrDirectory) { try directoryEntries("/does/not/exist") }
        #expect(try !isUnifiedHierarchy("/proc"))
        #expect(throws: Errno.self) { try isUnifiedHierarchy("/does/not/exist") }
        #expect(!isDelegatedGroup("/proc"))
    }
}

@Suite("Processes")
struct ProcessTests {
    private func spawn(_ arguments: [String]) throws -> pid_t {
        var id = pid_t()
        let pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        guard posix_spawn(&id, arguments[0], nil, nil, pointers, nil) == 0 else { throw Errno(rawValue: errno) }
        return id
    }

    private func waitForEnd(_ descriptor: CInt) throws -> Exit {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&request, 1, -1)
        return try #require(try reapProcess(descriptor))
    }

    @Test("A process's end is told once, with its code or its signal")
    func ends() throws {
        let child = try spawn(["/bin/sh", "-c", "exit 7"])
        let process = try openProcess(child)
        #expect(try waitForEnd(process.raw).cause == .code(7))
        #expect(throws: Errno.noChildProcess) { try reapProcess(process.raw) }
        try signalProcess(process.raw, SIGTERM)  // none to complain about
        #expect(throws: Errno.self) { _ = try openProcess(child) }

        let sleeper = try openProcess(try spawn(["/bin/sleep", "1000"]))
        #expect(try reapProcess(sleeper.raw) == nil)
        try signalProcess(sleeper.raw, SIGKILL)
        #expect(try waitForEnd(sleeper.raw).cause == .signal(SIGKILL))
    }

    @Test("Whether a process exists does not depend on whose it is")
    func exists() throws {
        #expect(processExists(1))
        #expect(processExists(getpid()))
        let child = try spawn(["/bin/true"])
        let process = try openProcess(child)
        _ = try waitForEnd(process.raw)
        #expect(!processExists(child))
    }
}
