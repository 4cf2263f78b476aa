import Glibc
import LinuxSystem
import Reactor
import SystemPackage
import Testing
import UpdateModel

@testable import Execution

@Suite("The lock of a run") struct RunLockTests {
    @Test("A second run is told who holds the lock, with exit code 5, until it is given back")
    func exclusion() throws {
        let directory = try TemporaryDirectory()
        let state = "\(directory.path)/deep/state"
        func acquire() throws -> RunLock {
            try RunLock.acquire(state: state, isSystemWide: false, user: "alice", clockText: "02:10")
        }
        do {
            let lock = try acquire()
            let error = runError { _ = try acquire() }
            #expect(error?.exitCode == .locked)
            #expect(
                error?.description
                    == "another run is in progress: pid \(getpid()), alice, since 02:10 (update-all logs --follow shows it)"
            )
            withExtendedLifetime(lock) {}
        }
        #expect(throws: Never.self) { _ = try acquire() }
        #expect(try status("\(state)/lock").st_mode & 0o777 == 0o600)
        #expect(try status(state).st_mode & 0o777 == 0o700)
    }

    @Test("A place that cannot be had is said, with the way out")
    func noPlace() throws {
        let directory = try TemporaryDirectory()
        try directory.write("file", "")
        let error = runError {
            _ = try RunLock.acquire(
                state: "\(directory.path)/file/state", isSystemWide: false, user: "a", clockText: "")
        }
        #expect(error?.exitCode == .failure)
        #expect(error?.description.contains("--state-dir") == true)
        try directory.write("state/lock/inner", "")
        let other = runError {
            _ = try RunLock.acquire(state: "\(directory.path)/state", isSystemWide: false, user: "a", clockText: "")
        }
        #expect(other?.description.contains("cannot lock \(directory.path)/state/lock") == true)
    }
}

@Suite("Mutexes between runs") struct MutexLockTests {
    private let directory: TemporaryDirectory
    private let ours: MutexLocks
    private let theirs: MutexLocks

    init() throws {
        directory = try TemporaryDirectory()
        ours = MutexLocks(path: "\(directory.path)/locks", user: "alice")
        theirs = MutexLocks(path: "\(directory.path)/locks", user: "bob")
    }

    @Test("What one run holds the other is told of, until it is released")
    func exclusion() {
        #expect(ours.acquire(["pkgmgr:apt", "a"], free: []) == nil)
        let held = theirs.acquire(["b", "pkgmgr:apt"], free: [])
        #expect(held == MutexLocks.Held(mutex: "pkgmgr:apt", holder: "pid \(getpid()), alice"))
        #expect(ours.acquire(["b"], free: []) == nil, "all or none: nothing was kept of what was free")
        ours.release(["pkgmgr:apt", "a", "b"])
        #expect(theirs.acquire(["b", "pkgmgr:apt"], free: []) == nil)
        #expect(ours.acquire(["b"], free: [])?.holder == "pid \(getpid()), bob")
    }

    @Test("What must be free is looked at and not kept")
    func free() {
        #expect(ours.acquire(["a"], free: ["b"]) == nil)
        #expect(theirs.acquire(["b"], free: []) == nil)
        #expect(ours.acquire([], free: ["b"])?.mutex == "b")
    }

    @Test("Everybody may write the directory, and nobody can remove another's lock")
    func modes() throws {
        _ = ours.acquire(["pkgmgr:apt"], free: [])
        #expect(try status("\(directory.path)/locks").st_mode & 0o7777 == 0o1777)
        #expect(try status(ours.file(of: "pkgmgr:apt")).st_mode & 0o777 == 0o666)
        #expect(ours.file(of: "pkgmgr:apt") == "\(directory.path)/locks/pkgmgr.apt.lock")
    }

    @Test("Where there is no such directory mutexes hold within the run only")
    func noDirectory() throws {
        try directory.write("file", "")
        let locks = MutexLocks(path: "\(directory.path)/file", user: "alice")
        #expect(locks.acquire(["a"], free: ["b"]) == nil)
        locks.release(["a"])
    }

    @Test("A symbolic link in a lock's place is not followed")
    func link() throws {
        try directory.write("precious", "content")
        _ = ours.acquire([], free: [])
        symlink("\(directory.path)/precious", ours.file(of: "a"))
        #expect(ours.acquire(["a"], free: []) == nil, "it holds within the run only")
        #expect(try text("\(directory.path)/precious") == "content")
    }

    @Test("The release of a lock is noticed without asking again and again")
    func watch() async throws {
        _ = theirs.acquire(["a"], free: [])
        let loop = try LoopActor()
        try await loop.watch(ours.file(of: "a"))
        #expect(ours.acquire(["a"], free: []) != nil)
        theirs.release(["a"])
        #expect(await loop.waitForNotice())
        #expect(ours.acquire(["a"], free: []) == nil)
        await loop.stop()
    }

    @Test("A file that is gone cannot be watched")
    func watchNothing() async throws {
        let loop = try LoopActor()
        await #expect(throws: Errno.noSuchFileOrDirectory) { try await loop.watch("/no/such/file") }
        await loop.stop()
    }
}

/// Something that lives on an event loop and watches a file.
private actor LoopActor {
    private let loop: EventLoop
    private let noticed: WakeUp
    private var watched: ClosedFileWatch?
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init() throws {
        loop = try EventLoop(name: "test")
        noticed = try WakeUp()
    }

    func watch(_ path: String) throws {
        watched = try ClosedFileWatch(path, loop: loop) { [noticed] in noticed.signal() }
    }

    nonisolated func waitForNotice() async -> Bool {
        await withCheckedContinuation { continuation in
            let wakeUp = noticed
            do {
                try startThread(name: "wait") { continuation.resume(returning: wakeUp.wait(limit: .seconds(20))) }
            } catch {
                continuation.resume(returning: false)
            }
        }
    }

    func stop() {
        watched?.cancel()
        loop.stop()
    }
}
