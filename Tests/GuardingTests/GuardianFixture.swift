// Real processes for the guardian's tests: the built binary, stand-ins for update-all and for steps.

import CLinux
import Glibc
import GuardianProtocol
import LinuxSystem
import Synchronization
import SystemPackage
import Testing
import UpdateModel

/// Tests that start processes with descriptors: one after the other, so that none inherits another's pipe.
@Suite(.serialized) enum GuardianSuites {}

/// A process that is killed and reaped at the end of its test at the latest.
final class TestProcess: Sendable {
    let id: pid_t
    let descriptor: OwnedDescriptor
    private let end = Mutex<ExitRecord.Status?>(nil)

    /// Waits are bounded, so that a failure is a failure and no hang. Milliseconds.
    static let patience: CInt = 20_000

    /// The guardian that was built with this test, beside it.
    static let guardian: String = {
        var path = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &path, path.count)
        let own = String(decoding: path.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return own.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/update-all-guardian"
    }()

    /// - Parameters:
    ///   - command: an absolute path and arguments.
    ///   - descriptors: number in the new process → number here. Standard streams that are not named are /dev/null.
    init(
        _ command: [String], _ descriptors: [CInt: CInt] = [:], environment: [String] = ["PATH=/usr/bin:/bin"]
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for number in CInt(0)...2 where descriptors[number] == nil {
            posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_RDWR, 0)
        }
        for (number, source) in descriptors { posix_spawn_file_actions_adddup2(&actions, source, number) }
        // The test runner may itself ignore or block what the tests send.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (all, none) = (sigset_t(), sigset_t())
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var arguments = command.map { strdup($0) } + [nil]
        // Where coverage is measured, the guardian's counts too.
        let profile = getenv("LLVM_PROFILE_FILE").map { ["LLVM_PROFILE_FILE=\(String(cString: $0))"] } ?? []
        var variables = (environment + profile).map { strdup($0) } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var process: pid_t = 0
        let failure = posix_spawn(&process, command[0], &actions, &attributes, &arguments, &variables)
        if failure != 0 { throw Errno(rawValue: failure) }
        id = process
        descriptor = OwnedDescriptor(owning: clx_pidfd_open(process))
    }

    deinit {
        guard end.withLock({ $0 }) == nil else { return }
        // By its pidfd, since somebody else may have reaped it: the guardian's client does.
        _ = clx_pidfd_send_signal(descriptor.raw, SIGKILL)
        var result = clx_exit()
        if waitForEvent(descriptor.raw) { _ = clx_reap(descriptor.raw, &result) }
    }

    func send(_ signal: CInt) { _ = clx_pidfd_send_signal(descriptor.raw, signal) }

    @discardableResult
    func waitForEnd() throws -> ExitRecord.Status {
        if let end = end.withLock({ $0 }) { return end }
        try #require(waitForEvent(descriptor.raw), "process \(id) does not end")
        var result = clx_exit()
        try #require(clx_reap(descriptor.raw, &result) == 1)
        let status: ExitRecord.Status =
            result.by_signal != 0 ? .signalled(number: result.status) : .exited(code: result.status)
        end.withLock { $0 = status }
        return status
    }
}

/// Waits until `descriptor` is readable.
func waitForEvent(_ descriptor: CInt) -> Bool {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&waiting, 1, TestProcess.patience) == 1
}

/// Waits until a process that need not be a child is gone.
func waitUntilGone(_ process: pid_t) -> Bool {
    let raw = clx_pidfd_open(process)
    if raw < 0 { return true }
    let descriptor = OwnedDescriptor(owning: raw)
    return waitForEvent(descriptor.raw)
}

/// A pipe, or a pseudo-terminal, whose ends are closed with it or before.
final class Channel {
    private(set) var reading: CInt
    private(set) var writing: CInt

    init() throws {
        var ends: [CInt] = [-1, -1]
        try #require(pipe(&ends) == 0)
        (reading, writing) = (ends[0], ends[1])
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }

    /// `reading` is the controlling end of a new pseudo-terminal, `writing` the other.
    init(terminal: Void) throws {
        // Swift's Glibc module lacks posix_openpt and its companions; these are their requests.
        let (lock, number) = (UInt(0x4004_5431) /* TIOCSPTLCK */, UInt(0x8004_5430) /* TIOCGPTN */)
        reading = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        writing = -1
        var value: CInt = 0
        try #require(ioctl(reading, lock, &value) == 0 && ioctl(reading, number, &value) == 0)
        writing = open("/dev/pts/\(value)", O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(writing >= 0)
    }

    func closeReading() {
        if reading >= 0 { close(reading) }
        reading = -1
    }

    func closeWriting() {
        if writing >= 0 { close(writing) }
        writing = -1
    }

    deinit {
        closeReading()
        closeWriting()
    }

    /// Reads up to the first `text`, and no further.
    @discardableResult
    func read(until text: String) throws -> String {
        var seen: [UInt8] = []
        let wanted = Array(text.utf8)
        while !seen.suffix(wanted.count).elementsEqual(wanted) {
            try #require(waitForEvent(reading), "still waiting for \(text), have \(seen)")
            var byte: UInt8 = 0
            try #require(Glibc.read(reading, &byte, 1) == 1, "ended after \(String(decoding: seen, as: UTF8.self))")
            seen.append(byte)
        }
        return String(decoding: seen, as: UTF8.self)
    }

    func readToEnd() throws -> String {
        var seen: [UInt8] = []
        while true {
            try #require(waitForEvent(reading), "still open after \(String(decoding: seen, as: UTF8.self))")
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = Glibc.read(reading, &bytes, bytes.count)
            // The end of a pseudo-terminal is an error.
            if count <= 0 { return String(decoding: seen, as: UTF8.self) }
            seen += bytes.prefix(count)
        }
    }
}

/// A directory of a test's own, removed with all that is in it.
final class Directory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/update-all-guardian-XXXXXX\0".utf8).map { CChar(bitPattern: $0) }
        try #require(mkdtemp(&template) != nil)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func text(_ name: String) throws -> String {
        String(decoding: try readFile("\(path)/\(name)", limit: 64 << 20), as: UTF8.self)
    }

    func log(_ name: String = "log") throws -> OwnedDescriptor {
        try openFile("\(path)/\(name)", O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
    }

    func isEmpty() throws -> Bool { try directoryEntries(path).isEmpty }

    deinit { _ = try? TestProcess(["/bin/rm", "-rf", path]).waitForEnd() }
}

/// A guardian, and the socket by which a test is its update-all.
final class GuardedRun {
    static let run = RunID("20261121-073012-4711")!

    let guardian: TestProcess
    let state: Directory
    private var socket: CInt

    init(
        stepsGroup: String? = nil, runGroup: String? = nil, state: Directory? = nil, stateDirectory: String? = nil
    ) throws {
        self.state = try state ?? Directory()
        let (ours, theirs) = try packetSocketPair()
        socket = ours
        guardian = try TestProcess([TestProcess.guardian], [0: theirs])
        close(theirs)
        try tell(
            .begin(
                .init(
                    id: Self.run, stepsGroup: stepsGroup, runGroup: runGroup,
                    stateDirectory: stateDirectory ?? self.state.path)))
    }

    func tell(_ message: GuardianMessage, _ descriptors: [CInt] = []) throws {
        try tell(#require(message.encoded()), descriptors)
    }

    func tell(_ bytes: [UInt8], _ descriptors: [CInt] = []) throws {
        try sendPacket(socket, bytes, descriptors: descriptors)
    }

    /// The same for the guardian as any other death of update-all: the kernel closes its descriptors.
    func updateAllDies() {
        if socket >= 0 { close(socket) }
        socket = -1
    }

    /// Gives update-all's end to a process, which is from now on the only one that has it.
    func updateAllBecomes(_ command: [String]) throws -> TestProcess {
        defer { updateAllDies() }
        return try TestProcess(command, [0: socket])
    }

    var reportName: String { RunReport.fileName(run: Self.run) }

    func report() throws -> RunReport {
        RunReport(run: Self.run, content: Array(try state.text(reportName).utf8))
    }

    deinit { updateAllDies() }
}

extension StepID {
    static let commit = StepID(PluginName("apt")!, .execute)
    static let fetch = StepID(PluginName("npm")!, .download)
}
