import CLinux
import Glibc
import LinuxSystem
import Testing

@testable import Execution

@Suite("Who has locked a file") struct LockHolderTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("A lock by flock is found, with its holder, and its release too")
    func flockedFile() throws {
        let path = "\(directory.path)/lock"
        #expect(lockHolder(of: path) == nil, "there is no such file")
        let file = try openFile(path, O_RDWR | O_CREAT, mode: 0o600)
        #expect(lockHolder(of: path) == nil)
        try #require(flock(file.raw, LOCK_EX | LOCK_NB) == 0)
        let holder = try #require(lockHolder(of: path))
        #expect(holder.pid == getpid())
        #expect(holder.command == (try readText("/proc/self/comm")))
        flock(file.raw, LOCK_UN)
        #expect(lockHolder(of: path) == nil)
    }

    @Test("What is no regular file has no holder, and is not waited for")
    func others() throws {
        mkfifo("\(directory.path)/pipe", 0o600)
        #expect(lockHolder(of: "\(directory.path)/pipe") == nil)
        #expect(lockHolder(of: directory.path) == nil)
    }

    @Test("Lines about locks are read, those about waiting and leases are not")
    func lines() throws {
        let held = try #require(HeldLock("3: POSIX  ADVISORY  WRITE 4711 08:1a:1835042 0 EOF"))
        #expect(held.pid == 4711)
        #expect((held.major, held.minor, held.inode) == (8, 0x1A, 1_835_042))
        #expect(HeldLock("4: OFDLCK ADVISORY  READ  -1 00:2a:77 0 EOF")?.pid == -1)
        for line in [
            "3: -> POSIX  ADVISORY  WRITE 12 08:1a:1835042 0 EOF", "1: LEASE  ACTIVE  READ 9 08:01:5 0 EOF", "",
            "1: FLOCK",
            "1: FLOCK ADVISORY WRITE x 08:01:5 0 EOF", "1: FLOCK ADVISORY WRITE 1 08:01 0 EOF",
        ] {
            #expect(HeldLock(line[...]) == nil, "\(line)")
        }
    }

    @Test("A file is known by device and inode; without a device of its own by the inode")
    func identity() throws {
        var file = stat()
        file.st_ino = 77
        file.st_dev = makedev(8, 1)
        func isHeld(_ line: Substring) throws -> Bool { try #require(HeldLock(line)).isOf(file) }
        #expect(try isHeld("1: FLOCK ADVISORY WRITE 1 08:01:77 0 EOF"))
        #expect(try !isHeld("1: FLOCK ADVISORY WRITE 1 08:02:77 0 EOF"))
        #expect(try !isHeld("1: FLOCK ADVISORY WRITE 1 08:01:78 0 EOF"))
        file.st_dev = makedev(0, 40)
        #expect(try isHeld("1: FLOCK ADVISORY WRITE 1 00:2b:77 0 EOF"), "btrfs shows two numbers")
        #expect(try !isHeld("1: FLOCK ADVISORY WRITE 1 08:01:77 0 EOF"))
    }

    /// As makedev(3) has it for numbers below 256.
    private func makedev(_ major: dev_t, _ minor: dev_t) -> dev_t { major << 8 | minor }
}
