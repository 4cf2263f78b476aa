import Glibc
import GuardianProtocol
import LinuxSystem
import Testing
import UpdateModel

extension GuardianSuites {
    @Suite("The witness of a protected phase")
    struct WitnessTests {
        let state: Directory

        init() throws { state = try Directory() }

        func record() throws -> ExitRecord? {
            let name = ExitRecord.fileName(run: GuardedRun.run, step: .commit)
            return ExitRecord(lastIn: Array(try state.text(name).utf8))
        }

        @Test("it ends with the exit code of its child and notes it", arguments: [0, 7, 255] as [CInt])
        func exitCode(code: CInt) throws {
            let witnessed = try Witnessed("exit \(code)", in: state, [:])
            #expect(try witnessed.process.waitForEnd() == .exited(code: code))
            #expect(try record()?.status == .exited(code: code))
        }

        @Test(
            "it ends by the signal that ended its child, without a core file",
            arguments: [SIGKILL, SIGTERM, SIGSEGV])
        func signalled(number: CInt) throws {
            let witnessed = try Witnessed("cd \(state.path); ulimit -c 0; kill -\(number) $$", in: state, [:])
            #expect(try witnessed.process.waitForEnd() == .signalled(number: number))
            #expect(try record()?.status == .signalled(number: number))
            #expect(try directoryEntries(state.path).count == 1)
        }

        @Test("the record says how long it took and when it ended")
        func times() throws {
            let before = calendarTime()
            let (output, go) = (try Channel(), try Channel())
            let witnessed = try Witnessed("echo; read x", in: state, [0: go.reading, 1: output.writing])
            try output.read(until: "\n")
            let wait = monotonicTime()
            while monotonicTime() - wait < .milliseconds(20) { sched_yield() }
            go.closeWriting()
            go.closeReading()
            try witnessed.process.waitForEnd()
            let record = try #require(try record())
            #expect((20...Int64(TestProcess.patience)).contains(record.wallMilliseconds))
            #expect(record.end >= before && record.end <= calendarTime())
        }

        static let untilTerminated = """
            trap 'echo interrupted' INT; trap 'kill -9 $!; exit 5' TERM
            sleep 1000 & echo ready; while :; do wait; done
            """

        @Test("a signal reaches the child once, and the witness outlives it")
        func forwardsOnce() throws {
            let output = try Channel()
            let witnessed = try Witnessed(Self.untilTerminated, in: state, [1: output.writing])
            output.closeWriting()
            try output.read(until: "ready\n")
            witnessed.process.send(SIGINT)
            try output.read(until: "interrupted\n")
            witnessed.process.send(SIGTERM)
            #expect(try witnessed.process.waitForEnd() == .exited(code: 5))
            #expect(try output.readToEnd() == "")
        }

        @Test("Ctrl-C of a terminal, which has its whole foreground group, reaches the child once too")
        func terminalSignals() throws {
            let terminal = try Channel(terminal: ())
            let name = ExitRecord.fileName(run: GuardedRun.run, step: .commit)
            let record = try openFile("\(state.path)/\(name)", O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            let process = try TestProcess(
                [
                    "/usr/bin/setsid", "--ctty", TestProcess.guardian, "witness", "3", "--", "/bin/sh", "-c",
                    Self.untilTerminated,
                ],
                [0: terminal.writing, 1: terminal.writing, 3: record.raw])
            try terminal.read(until: "ready\r\n")
            try writeAll(terminal.reading, [3])
            try terminal.read(until: "interrupted\r\n")
            process.send(SIGTERM)
            #expect(try process.waitForEnd() == .exited(code: 5))
            terminal.closeWriting()
            #expect(try terminal.readToEnd() == "")
        }

        @Test("stopped while its child ends, and continued, it still tells the end")
        func stopped() throws {
            let (output, go) = (try Channel(), try Channel())
            let witnessed = try Witnessed("echo $$; read x; exit 4", in: state, [0: go.reading, 1: output.writing])
            let child = try #require(pid_t(try output.read(until: "\n").dropLast()))
            witnessed.process.send(SIGSTOP)
            try writeAll(go.writing, Array("go\n".utf8))
            #expect(waitUntilGone(child))
            witnessed.process.send(SIGCONT)
            #expect(try witnessed.process.waitForEnd() == .exited(code: 4))
            #expect(try record()?.status == .exited(code: 4))
        }

        @Test("a child that is stopped is not at its end")
        func stoppedChild() throws {
            let (output, go) = (try Channel(), try Channel())
            let witnessed = try Witnessed("echo $$; read x; exit 4", in: state, [0: go.reading, 1: output.writing])
            let child = try #require(pid_t(try output.read(until: "\n").dropLast()))
            kill(child, SIGSTOP)
            kill(child, SIGCONT)
            try writeAll(go.writing, Array("go\n".utf8))
            #expect(try witnessed.process.waitForEnd() == .exited(code: 4))
        }

        @Test("the child has its arguments byte by byte, its environment, and not the record's descriptor")
        func childsView() throws {
            let output = try Channel()
            let record = try openFile("\(state.path)/record", O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            let script = "printf '%s|' \"$@\" | od -An -c; echo $MARK; ls /proc/$$/fd; grep SigBlk /proc/self/status"
            let process = try TestProcess(
                [TestProcess.guardian, "witness", "3", "--", "/bin/sh", "-c", script, "sh", "a b", "", "ä"],
                [1: output.writing, 3: record.raw], environment: ["PATH=/usr/bin:/bin", "MARK=here"])
            output.closeWriting()
            let lines = try output.readToEnd().split(separator: "\n")
            try process.waitForEnd()
            #expect(lines.first.map { $0.split(separator: " ") } == ["a", "b", "|", "|", "303", "244", "|"])
            #expect(lines.contains("here"))
            #expect(!lines.contains("3"))
            #expect(lines.last?.hasSuffix("0000000000000000") == true)
        }

        @Test("a program that cannot be started is exit code 127, with the reason")
        func cannotStart() throws {
            let errors = try Channel()
            let record = try openFile("\(state.path)/record", O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            let process = try TestProcess(
                [TestProcess.guardian, "witness", "3", "--", "/nonexistent/apt"], [2: errors.writing, 3: record.raw])
            errors.closeWriting()
            #expect(
                try errors.readToEnd()
                    == "update-all-guardian: cannot start /nonexistent/apt: No such file or directory\n")
            #expect(try process.waitForEnd() == .exited(code: 127))
            #expect(ExitRecord(lastIn: Array(try state.text("record").utf8))?.status == .exited(code: 127))
        }

        @Test(
            "wrong arguments are told, exit code 2",
            arguments: [
                ["3"], ["x", "--", "/bin/true"], ["2", "--", "/bin/true"], ["199", "--", "/bin/true"],
                ["3", "/bin/true"],
            ])
        func usage(arguments: [String]) throws {
            let errors = try Channel()
            let process = try TestProcess([TestProcess.guardian, "witness"] + arguments, [2: errors.writing])
            errors.closeWriting()
            #expect(try errors.readToEnd().contains("witness"))
            #expect(try process.waitForEnd() == .exited(code: 2))
        }

        @Test("where the record cannot be written it says so and ends like its child")
        func unwritableRecord() throws {
            let errors = try Channel()
            let full = try openFile("/dev/full", O_WRONLY)
            let process = try TestProcess(
                [TestProcess.guardian, "witness", "3", "--", "/bin/sh", "-c", "exit 7"],
                [2: errors.writing, 3: full.raw])
            errors.closeWriting()
            #expect(try errors.readToEnd().contains("cannot write the exit record"))
            #expect(try process.waitForEnd() == .exited(code: 7))
        }
    }
}
