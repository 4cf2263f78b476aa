import CLinux
import Glibc
import LinuxSystem
import Spawning
import Streams
import SystemPackage
import Testing
import UpdateModel

@testable import Cgroups
@testable import Launching

@Suite("The launcher") struct LauncherTests {
    @Test("A program gets its arguments, its environment and nothing else of ours")
    func environment() throws {
        setenv("UPDATE_ALL_TEST_SECRET", "leaks", 1)
        var wanted = request("/usr/bin/env")
        wanted.environment = ["A=1", "B=two words", "EMPTY="]
        #expect(try run(wanted).stdout == "A=1\nB=two words\nEMPTY=\n")
        let echo = try run(request("/bin/sh", ["-c", "printf '<%s>' \"$@\"", "sh", "", "ä b", "*"]))
        #expect(echo.stdout == "<><ä b><*>")
    }

    @Test("Output and errors come through pipes of their own, and input is empty")
    func streams() throws {
        let finished = try run(request("/bin/sh", ["-c", "echo out; echo err >&2; cat; exit 3"]))
        #expect(finished.stdout == "out\n")
        #expect(finished.stderr == "err\n")
        #expect(finished.cause == .code(3))
    }

    @Test("Where its output will be read from is known before there is a process", arguments: [false, true])
    func beforeStart(onTerminal: Bool) throws {
        let directory = try TemporaryDirectory()
        let mark = "\(directory.path)/begun"
        let streams: StandardStreams =
            onTerminal ? .terminal(TerminalSize(rows: 24, columns: 80), controlling: true) : .pipes
        var known: [CInt] = []
        let wanted = request("/bin/sh", ["-c", "touch \(mark)"])
        let process = try InProcessLauncher().launch(wanted, streams: streams) { outputs in
            known = outputs
            #expect(!fileExists(mark))
        }
        let taken = [process.takeStdout()?.release(), process.takeStderr()?.release()].compactMap { $0 }
        defer { for descriptor in taken { close(descriptor) } }
        #expect(known == taken)
        #expect(taken.count == (onTerminal ? 1 : 2))
        var ended = pollfd(fd: process.pidfd, events: Int16(POLLIN), revents: 0)
        poll(&ended, 1, 20_000)
        #expect(try reapProcess(process.pidfd)?.cause == .code(0))
        #expect(fileExists(mark))
    }

    @Test("A program has the three standard descriptors and no other", arguments: LaunchMethod.allCases)
    func descriptors(method: LaunchMethod) throws {
        // One without close-on-exec, as another library may open it, and one far up.
        let leaking = open("/dev/zero", O_RDONLY)
        defer { close(leaking) }
        let far = fcntl(leaking, F_DUPFD, 700)
        defer { close(far) }
        let launcher = try InProcessLauncher(method: method)
        let finished = try run(request("/bin/ls", ["-l", "/proc/self/fd"]), with: launcher)
        let targets = finished.lines.compactMap { $0.split(separator: " ").last }.dropFirst()
        #expect(targets.count == 4, "0, 1, 2 and the directory that ls reads: \(finished.stdout)")
        #expect(!finished.stdout.contains("/dev/zero"))
    }

    @Test("Handed descriptors arrive at their numbers even where sources and targets overlap")
    func handedDescriptors() throws {
        let directory = try TemporaryDirectory()
        var sources: [CInt] = []
        for name in ["a", "b", "c"] {
            try writeFile(directory.path + "/" + name, name)
            sources.append(open(directory.path + "/" + name, O_RDONLY | O_CLOEXEC))
        }
        defer { for source in sources { close(source) } }
        // bash, since sh takes numbers of one digit only.
        let script = sources.map { "cat <&\($0)" }.joined(separator: ";")
        var wanted = request("/bin/bash", ["-c", script])
        // A rotation: each one's number is the next one's place.
        wanted.extraDescriptors = (0..<3).map {
            HandedDescriptor(source: sources[$0], target: sources[($0 + 1) % 3])
        }
        #expect(try run(wanted).stdout == "cab")
    }

    @Test("A program blocks and ignores no signal, and our mask stays", arguments: LaunchMethod.allCases)
    func signals(method: LaunchMethod) throws {
        signal(SIGUSR2, SIG_IGN)
        defer { signal(SIGUSR2, SIG_DFL) }
        var (blocked, before, after) = (sigset_t(), sigset_t(), sigset_t())
        sigemptyset(&blocked)
        sigaddset(&blocked, SIGTERM)
        sigaddset(&blocked, SIGUSR1)
        pthread_sigmask(SIG_SETMASK, &blocked, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        let finished = try run(request("/bin/cat", ["/proc/self/status"]), with: InProcessLauncher(method: method))
        #expect(finished.status("SigBlk") == "0000000000000000")
        #expect(finished.status("SigIgn") == "0000000000000000")
        _ = try? run(request("/does/not/exist"), with: InProcessLauncher(method: method))
        pthread_sigmask(SIG_SETMASK, nil, &after)
        #expect(sigismember(&after, SIGTERM) == 1 && sigismember(&after, SIGUSR1) == 1)
        #expect(sigismember(&after, SIGINT) == 0)
    }

    @Test("A program leads a session of its own, in its directory, with its umask")
    func session() throws {
        var wanted = request("/bin/sh", ["-c", "echo $$; cut -d' ' -f5,6 /proc/$$/stat; pwd; umask"])
        wanted.directory = "/usr/share"
        wanted.umask = 0o027
        let lines = try run(wanted).lines
        try #require(lines.count == 4)
        #expect(lines[1] == "\(lines[0]) \(lines[0])")
        #expect(lines[2] == "/usr/share")
        #expect(lines[3] == "0027")
    }

    @Test("Nice level, scheduling class, I/O priority, oom_score_adj and resource limits are as asked, and ours stay")
    func priorities() throws {
        let own = try readText("/proc/self/oom_score_adj")
        let script = "cut -d' ' -f19,41 /proc/$$/stat; cat /proc/$$/oom_score_adj; ulimit -n; ulimit -Hn; ionice"
        var wanted = request("/bin/sh", ["-c", script])
        wanted.nice = 7
        wanted.scheduling = .batch
        wanted.ioPriority = .bestEffort(level: 6)
        wanted.oomScoreAdjust = 321
        wanted.resourceLimits = [ResourceLimit(resource: CInt(RLIMIT_NOFILE.rawValue), soft: 64, hard: 100)]
        let lines = try run(wanted).lines
        try #require(lines.count == 5)
        #expect(lines[0] == "7 3")
        #expect(lines[1] == "321")
        #expect(lines[2] == "64")
        #expect(lines[3] == "100")
        #expect(lines[4] == "best-effort: prio 6")
        #expect(try readText("/proc/self/oom_score_adj") == own)
        wanted.scheduling = .idle
        wanted.ioPriority = .idle
        let idle = try run(wanted).lines
        #expect(idle.first == "7 5")
        #expect(idle.last == "idle")
    }

    @Test("A terminal is the program's three streams and, only if so said, its controlling one")
    func terminal() throws {
        let wanted = request("/bin/sh", ["-c", "tty; stty size; echo into >/dev/tty"])
        let size = TerminalSize(rows: 33, columns: 101)
        let output = try run(wanted, streams: .terminal(size, controlling: true)).stdout
        #expect(output.hasPrefix("/dev/pts/"))
        #expect(output.contains("33 101\r\n"))
        #expect(output.contains("into\r\n"))
        #expect(try !run(wanted, streams: .terminal(size, controlling: false)).stdout.contains("into\r\n"))
    }

    @Test("A thousand starts and five hundred failures leave no descriptor and no zombie")
    func nothingLeft() throws {
        let launcher = try InProcessLauncher()
        let before = try descriptorCount()
        // The counter sees a leak, before it is believed that there is none. Other tests run beside this one, so that
        // small differences mean nothing.
        let leak = (0..<400).map { _ in open("/dev/null", O_RDONLY) }
        #expect(try descriptorCount() > before + 300)
        for descriptor in leak { close(descriptor) }
        for _ in 0..<1000 { _ = try waitForEnd(of: try launcher.launch(request("/bin/true"))) }
        for _ in 0..<500 { #expect(throws: LaunchError.self) { try launcher.launch(request("/does/not/exist")) } }
        #expect(try descriptorCount() < before + 200)
        #expect(try zombieCount() < 100)
    }
}

func descriptorCount() throws -> Int { try directoryEntries("/proc/self/fd").count }

private func zombieCount() throws -> Int {
    try directoryEntries("/proc").filter { name in
        guard pid_t(name) != nil, let text = try? readText("/proc/\(name)/stat") else { return false }
        return text.contains(") Z \(getpid()) ")
    }.count
}

/// A directory that is removed with what is in it.
final class TemporaryDirectory {
    let path: String

    init() throws(Errno) {
        var template = Array("/tmp/update-all-test.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in (try? directoryEntries(path)) ?? [] { try? removeFile(path + "/" + name) }
        try? removeDirectory(path)
    }
}

func writeFile(_ path: String, _ text: String, mode: mode_t = 0o644) throws(Errno) {
    let file = try openFile(path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
    try writeAll(file.raw, Array(text.utf8))
}
