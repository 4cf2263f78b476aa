import CLinux
import Glibc
import GuardianProtocol
import LinuxSystem
import SystemPackage
import Testing
import UpdateModel

@testable import Guarding

extension GuardianSuites {
    @Suite("The guardian process")
    struct GuardianTests {
        // MARK: Life and death

        @Test("at a clean end it ends at once and leaves nothing")
        func cleanEnd() throws {
            let run = try GuardedRun()
            try run.tell(.finish)
            #expect(try run.guardian.waitForEnd() == .exited(code: 0))
            #expect(try run.state.isEmpty())
        }

        @Test("where update-all dies before any step the report says that it died, and nothing else")
        func deathBeforeAnyStep() throws {
            let run = try GuardedRun()
            run.updateAllDies()
            #expect(try run.guardian.waitForEnd() == .exited(code: 0))
            let report = try run.report()
            #expect(report.death != nil && report.finish != nil)
            #expect(report.killed.isEmpty && report.commits.isEmpty && report.problems.isEmpty)
        }

        @Test("kill -9 of the process that holds the socket is noticed, also when it was stopped before")
        func realKill() throws {
            let run = try GuardedRun()
            let updateAll = try run.updateAllBecomes(["/bin/sleep", "1000"])
            updateAll.send(SIGSTOP)
            updateAll.send(SIGKILL)
            #expect(try run.guardian.waitForEnd() == .exited(code: 0))
            #expect(try run.report().death != nil)
        }

        @Test("the signals that end update-all do not end it", arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP])
        func ignoredSignals(number: CInt) throws {
            let run = try GuardedRun()
            let step = try Channel()
            // Once it lets go of the pipe it has read this message, and so has its signals set.
            try run.tell(.protect(.commit, outputs: 1, hasProcess: false), [step.reading, step.reading])
            step.closeReading()
            try run.tell(.unprotect(.commit))
            var waiting = pollfd(fd: step.writing, events: 0, revents: 0)
            #expect(poll(&waiting, 1, TestProcess.patience) == 1)
            run.guardian.send(number)
            try run.tell(.finish)
            #expect(try run.guardian.waitForEnd() == .exited(code: 0))
        }

        @Test("a message that it cannot read ends it, so that another is told everything again")
        func unreadable() throws {
            let run = try GuardedRun()
            try run.tell([GuardianMessage.version, 99])
            #expect(try run.guardian.waitForEnd() == .exited(code: 1))
        }

        @Test("descriptors that do not come with their message end it too")
        func missingDescriptors() throws {
            let run = try GuardedRun()
            try run.tell(.protect(.commit, outputs: 2, hasProcess: true), [0])
            #expect(try run.guardian.waitForEnd() == .exited(code: 1))
        }

        @Test("with other arguments it says how it is started, exit code 2")
        func usage() throws {
            let output = try Channel()
            let process = try TestProcess([TestProcess.guardian, "--help"], [2: output.writing])
            output.closeWriting()
            #expect(try output.readToEnd().contains("usage"))
            #expect(try process.waitForEnd() == .exited(code: 2))
        }

        // MARK: Steps that may be killed

        @Test(
            "steps in the run's group are killed at once and the run's groups are removed",
            .enabled(if: hasGroups, noGroups))
        func killsGroup() throws {
            let group = try TestGroup()
            let leaf = try group.makeLeaf("steps/npm.download")
            let run = try GuardedRun(stepsGroup: "\(group.path)/steps", runGroup: group.path)
            let output = try Channel()
            let step = try TestProcess(
                ["/bin/sh", "-c", "echo $$ > \(leaf)/cgroup.procs; setsid sleep 1000 & echo $!; exec sleep 1000"],
                [1: output.writing])
            let daemon = try #require(pid_t(try output.read(until: "\n").dropLast()))
            run.updateAllDies()
            #expect(try step.waitForEnd() == .signalled(number: SIGKILL))
            #expect(waitUntilGone(daemon))
            #expect(try run.guardian.waitForEnd() == .exited(code: 0))
            let report = try run.report()
            #expect(report.killed == [.fetch])
            #expect(report.problems.isEmpty)
            #expect(throws: Errno.noSuchFileOrDirectory) { try status(group.path) }
        }

        @Test(
            "a group that is made after the guardian was told its name is killed as well",
            .enabled(if: hasGroups, noGroups))
        func lateGroup() throws {
            let group = try TestGroup()
            let run = try GuardedRun(stepsGroup: "\(group.path)/steps", runGroup: group.path)
            let leaf = try group.makeLeaf("steps/npm.download")
            let output = try Channel()
            let step = try TestProcess(
                ["/bin/sh", "-c", "echo $$ > \(leaf)/cgroup.procs; echo; exec sleep 1000"], [1: output.writing])
            try output.read(until: "\n")
            run.updateAllDies()
            #expect(try step.waitForEnd() == .signalled(number: SIGKILL))
        }

        @Test(
            "a commit in the protected branch outlives the steps, and its group goes after it",
            .enabled(if: hasGroups, noGroups))
        func protectedBranch() throws {
            let group = try TestGroup()
            _ = try group.makeLeaf("steps")
            let leaf = try group.makeLeaf("protected/apt/execute")
            let run = try GuardedRun(stepsGroup: "\(group.path)/steps", runGroup: group.path)
            let (output, go) = (try Channel(), try Channel())
            let commit = try TestProcess(
                ["/bin/sh", "-c", "echo $$ > \(leaf)/cgroup.procs; echo begun; read x; echo ended; exit 3"],
                [0: go.reading, 1: output.writing])
            try output.read(until: "begun\n")
            output.closeWriting()
            let log = try run.state.log()
            try run.tell(
                .protect(.commit, outputs: 1, hasProcess: true), [log.raw, output.reading, commit.descriptor.raw])
            run.updateAllDies()
            output.closeReading()
            try writeAll(go.writing, Array("go\n".utf8))
            #expect(try commit.waitForEnd() == .exited(code: 3))
            #expect(try run.guardian.waitForEnd() == .exited(code: 0))
            #expect(try run.state.text("log") == "ended\n")
            #expect(throws: Errno.noSuchFileOrDirectory) { try status(group.path) }
        }

        @Test("a kernel without cgroup.kill: frozen, listed to the deepest group, killed, thawed")
        func killsOneByOne() throws {
            let tree = try Directory()
            for path in ["npm.download", "npm.download/own"] {
                try makeDirectory("\(tree.path)/\(path)", mode: 0o700)
            }
            let processes = try (0..<2).map { _ in try TestProcess(["/bin/sleep", "1000"]) }
            func write(_ file: String, _ text: String) throws {
                let file = try openFile("\(tree.path)/\(file)", O_WRONLY | O_CREAT, mode: 0o600)
                try writeAll(file.raw, Array(text.utf8))
            }
            try write("cgroup.freeze", "-")
            try write("cgroup.procs", "\(processes[0].id)\n0\n")
            try write("npm.download/cgroup.procs", "")
            try write("npm.download/own/cgroup.procs", "\(processes[1].id)\n")
            let run = try GuardedRun(stepsGroup: tree.path)
            run.updateAllDies()
            for process in processes { #expect(try process.waitForEnd() == .signalled(number: SIGKILL)) }
            try run.guardian.waitForEnd()
            #expect(try tree.text("cgroup.freeze") == "0")
            let report = try run.report()
            #expect(report.killed == [.fetch])
            // Nobody empties these files, so the removal is given up after its tries.
            #expect(report.problems.count == 1 && report.finish != nil)
        }

        @Test("without a group a step is found by its session, and what left that by its TMPDIR")
        func looseProcesses() throws {
            let run = try GuardedRun()
            let (output, temporary) = (try Channel(), try Directory())
            // sudo would clear the environment; a daemon makes a session of its own.
            let script = "setsid sleep 1000 & echo $!; exec env -i sleep 1000"
            let step = try TestProcess(
                ["/usr/bin/setsid", "/bin/sh", "-c", script], [1: output.writing],
                environment: ["PATH=/usr/bin:/bin", "TMPDIR=\(temporary.path)"])
            let daemon = try #require(pid_t(try output.read(until: "\n").dropLast()))
            let stranger = try TestProcess(
                ["/bin/sleep", "1000"], environment: ["TMPDIR=\(temporary.path)/other", "X=TMPDIR=\(temporary.path)"])
            try run.tell(.track(.fetch, session: step.id, temporaryDirectory: temporary.path))
            run.updateAllDies()
            #expect(try step.waitForEnd() == .signalled(number: SIGKILL))
            #expect(waitUntilGone(daemon))
            #expect(try run.guardian.waitForEnd() == .exited(code: 0))
            #expect(try run.report().killed == [.fetch])
            #expect(kill(stranger.id, 0) == 0)
            stranger.send(SIGTERM)
            #expect(try stranger.waitForEnd() == .signalled(number: SIGTERM))
        }

        @Test("one that update-all did not live to see started is found by its TMPDIR")
        func unknownSession() throws {
            let run = try GuardedRun()
            let temporary = try Directory()
            let step = try TestProcess(["/bin/sleep", "1000"], environment: ["TMPDIR=\(temporary.path)"])
            try run.tell(.track(.fetch, session: nil, temporaryDirectory: temporary.path))
            run.updateAllDies()
            #expect(try step.waitForEnd() == .signalled(number: SIGKILL))
            #expect(try run.guardian.waitForEnd() == .exited(code: 0))
        }

        @Test("a step that has ended is not looked for")
        func untracked() throws {
            let run = try GuardedRun()
            let temporary = try Directory()
            let other = try TestProcess(["/bin/sleep", "1000"], environment: ["TMPDIR=\(temporary.path)"])
            try run.tell(.track(.fetch, session: 0x7FFF_FFFF, temporaryDirectory: temporary.path))
            try run.tell(.untrack(.fetch))
            run.updateAllDies()
            try run.guardian.waitForEnd()
            other.send(SIGTERM)
            #expect(try other.waitForEnd() == .signalled(number: SIGTERM))
        }

        // MARK: The terminal

        @Test("the terminal is set back as it was and gets its escape sequences")
        func terminal() throws {
            let terminal = try TestTerminal()
            let run = try GuardedRun()
            try run.tell(
                .terminal(terminal.state(foreground: terminal.shell.id)), [terminal.channel.writing])
            terminal.makeRaw()
            run.updateAllDies()
            try terminal.channel.read(until: "\u{1B}[?25h")
            try run.guardian.waitForEnd()
            #expect(terminal.isAsBefore)
        }

        @Test("a terminal that a shell has taken back keeps the shell's settings")
        func terminalOfAShell() throws {
            let terminal = try TestTerminal()
            let run = try GuardedRun()
            try run.tell(
                .terminal(terminal.state(foreground: terminal.shell.id + 1)), [terminal.channel.writing])
            terminal.makeRaw()
            run.updateAllDies()
            try terminal.channel.read(until: "\u{1B}[?25h")
            try run.guardian.waitForEnd()
            #expect(!terminal.isAsBefore)
        }

        @Test("a terminal whose display was gone is left alone")
        func inactiveTerminal() throws {
            let terminal = try TestTerminal()
            let run = try GuardedRun()
            try run.tell(
                .terminal(terminal.state(foreground: terminal.shell.id)), [terminal.channel.writing])
            try run.tell(.terminal(nil))
            terminal.makeRaw()
            run.updateAllDies()
            try run.guardian.waitForEnd()
            #expect(!terminal.isAsBefore)
        }
    }
}

/// Where tests may make groups: cgroup v2 that we may write; without it they are skipped.
private let groupsRoot: String? = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].first {
    access("\($0)/cgroup.procs", W_OK) == 0
}
private let hasGroups = groupsRoot != nil
private let noGroups: Comment = "no cgroup v2 in which we may make groups"

/// A group like a run's, below ours, gone at the end.
private final class TestGroup {
    let path: String

    init() throws {
        let slice = try #require(groupsRoot) + "/updateall.slice"
        try? makeDirectory(slice, mode: 0o755)
        path = "\(slice)/guardian-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try makeDirectory(path, mode: 0o755)
    }

    func makeLeaf(_ name: String) throws -> String {
        var leaf = path
        for part in name.split(separator: "/") {
            leaf += "/\(part)"
            try makeDirectory(leaf, mode: 0o755)
        }
        return leaf
    }

    deinit {
        if access(path, F_OK) == 0 {
            let script = "echo 1 > cgroup.kill; find . -mindepth 1 -depth -type d -exec rmdir {} +; rmdir \(path)"
            _ = try? TestProcess(["/bin/sh", "-c", "cd \(path) && { \(script); }"]).waitForEnd()
        }
    }
}

/// A pseudo-terminal with a session on it, as a shell has it.
private final class TestTerminal {
    let channel: Channel
    let shell: TestProcess
    private var before = termios()

    init() throws {
        channel = try Channel(terminal: ())
        tcgetattr(channel.writing, &before)
        shell = try TestProcess(
            ["/usr/bin/setsid", "--ctty", "/bin/sh", "-c", "echo ready; exec sleep 1000"],
            [0: channel.writing, 1: channel.writing])
        try channel.read(until: "ready\r\n")
    }

    func state(foreground: pid_t) -> GuardianMessage.TerminalState {
        .init(
            attributes: withUnsafeBytes(of: before) { Array($0) }, escapes: Array("\u{1B}[0m\u{1B}[?25h".utf8),
            sessionLeader: shell.id, foregroundGroup: foreground)
    }

    func makeRaw() {
        var raw = before
        cfmakeraw(&raw)
        tcsetattr(channel.writing, TCSANOW, &raw)
    }

    var isAsBefore: Bool {
        var now = termios()
        tcgetattr(channel.writing, &now)
        return now.c_lflag == before.c_lflag && now.c_iflag == before.c_iflag && now.c_oflag == before.c_oflag
    }
}
