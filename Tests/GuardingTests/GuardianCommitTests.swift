import CLinux
import Glibc
import GuardianProtocol
import LinuxSystem
import Spawning
import SystemPackage
import Testing
import UpdateModel

@testable import Guarding

extension GuardianSuites {
    @Suite("A commit whose update-all dies")
    struct CommitTests {
        /// Prints 8,000 lines, 0.5 MB, which no pipe holds, half of them before update-all's death.
        static let script = """
            i=0; while [ $i -lt 4000 ]; do echo "Setting up package number $i of very many (1.0) ..."; i=$((i+1)); done
            echo half; read x
            while [ $i -lt 8000 ]; do echo "Setting up package number $i of very many (1.0) ..."; i=$((i+1)); done
            exit 7
            """

        @Test("its output goes whole into the log, and its exit is known to the next run", arguments: [false, true])
        func readToTheEnd(onTerminal: Bool) throws {
            let run = try GuardedRun()
            let (output, go) = (onTerminal ? try Channel(terminal: ()) : try Channel(), try Channel())
            let log = try run.state.log()
            let commit = try Witnessed(Self.script, in: run.state, [0: go.reading, 1: output.writing])
            output.closeWriting()
            // While update-all lives it reads itself, and the guardian does not: not a byte is missing here.
            try run.tell(
                .protect(.commit, outputs: 1, hasProcess: true),
                [log.raw, output.reading, commit.process.descriptor.raw])
            let first = try output.read(until: "half")
            try writeAll(log.raw, Array(first.utf8))
            run.updateAllDies()
            output.closeReading()
            try writeAll(go.writing, Array("go\n".utf8))
            #expect(try commit.process.waitForEnd() == .exited(code: 7))
            #expect(try run.guardian.waitForEnd() == .exited(code: 0))

            let lines = try run.state.text("log").filter { $0 != "\r" && $0 != "\r\n" || $0.isNewline }
                .split(whereSeparator: \.isNewline).filter { $0 != "half" }
            #expect(lines.count == 8_000)
            #expect(lines.last == "Setting up package number 7999 of very many (1.0) ...")

            let reports = try readPredecessorReports(in: run.state.path, current: Self.nextRun)
            let report = try #require(reports.first)
            #expect(reports.count == 1 && report.run == GuardedRun.run && !report.isGuardianAtWork)
            #expect(report.exits[.commit]?.status == .exited(code: 7))
            var expected = RunReport.Commit(step: .commit)
            expected.hasEnded = true
            #expect(report.report.commits == [expected])
            try removePredecessorReport(report, in: run.state.path)
            #expect(try directoryEntries(run.state.path) == ["log"])
        }

        static let nextRun = RunID("20261121-080000-5000")!

        @Test("two outputs are read side by side, and a commit killed by a signal is noted as that")
        func twoOutputs() throws {
            let run = try GuardedRun()
            let (output, errors, go) = (try Channel(), try Channel(), try Channel())
            let log = try run.state.log()
            let script = "read x; echo out; echo err >&2; kill -9 $$"
            let commit = try Witnessed(
                script, in: run.state, [0: go.reading, 1: output.writing, 2: errors.writing])
            for channel in [output, errors] { channel.closeWriting() }
            try run.tell(
                .protect(.commit, outputs: 2, hasProcess: true),
                [log.raw, output.reading, errors.reading, commit.process.descriptor.raw])
            run.updateAllDies()
            try writeAll(go.writing, Array("go\n".utf8))
            #expect(try commit.process.waitForEnd() == .signalled(number: SIGKILL))
            try run.guardian.waitForEnd()
            #expect(try run.state.text("log").split(separator: "\n").sorted() == ["err", "out"])
            let report = try readPredecessorReports(in: run.state.path, current: Self.nextRun).first
            #expect(report?.exits[.commit]?.status == .signalled(number: SIGKILL))
        }

        @Test("one whose process was not known yet is read to the end of its output")
        func withoutProcess() throws {
            let run = try GuardedRun()
            let (output, go) = (try Channel(), try Channel())
            let log = try run.state.log()
            try run.tell(.protect(.commit, outputs: 1, hasProcess: false), [log.raw, output.reading])
            let commit = try TestProcess(
                ["/bin/sh", "-c", "read x; echo out"], [0: go.reading, 1: output.writing])
            output.closeWriting()
            run.updateAllDies()
            output.closeReading()
            try writeAll(go.writing, Array("go\n".utf8))
            #expect(try commit.waitForEnd() == .exited(code: 0))
            #expect(try run.guardian.waitForEnd() == .exited(code: 0))
            #expect(try run.state.text("log") == "out\n")
            #expect(try run.report().commits.map(\.hasEnded) == [true])
        }

        @Test("one without any output is waited for")
        func withoutOutput() throws {
            let run = try GuardedRun()
            let go = try Channel()
            let log = try run.state.log()
            let commit = try Witnessed("read x; exit 2", in: run.state, [0: go.reading])
            try run.tell(
                .protect(.commit, outputs: 0, hasProcess: true), [log.raw, commit.process.descriptor.raw])
            run.updateAllDies()
            try writeAll(go.writing, Array("go\n".utf8))
            #expect(try commit.process.waitForEnd() == .exited(code: 2))
            #expect(try run.guardian.waitForEnd() == .exited(code: 0))
            #expect(try run.report().commits.map(\.hasEnded) == [true])
        }

        @Test("one whose witness was killed is read on to the end of its output")
        func killedWitness() throws {
            let run = try GuardedRun()
            let (output, go) = (try Channel(), try Channel())
            let log = try run.state.log()
            let commit = try Witnessed(
                "echo begun; read x; sleep 3; echo out", in: run.state, [0: go.reading, 1: output.writing])
            output.closeWriting()
            try output.read(until: "begun\n")
            try run.tell(
                .protect(.commit, outputs: 1, hasProcess: true),
                [log.raw, output.reading, commit.process.descriptor.raw])
            run.updateAllDies()
            commit.process.send(SIGKILL)
            try commit.process.waitForEnd()
            try writeAll(go.writing, Array("go\n".utf8))
            #expect(try run.guardian.waitForEnd() == .exited(code: 0))
            #expect(try run.state.text("log") == "out\n")
            let report = try #require(try readPredecessorReports(in: run.state.path, current: Self.nextRun).first)
            #expect(report.exits.isEmpty && report.report.commits.map(\.hasEnded) == [true])
        }

        @Test(
            "with a full disk it is not held up; its log is marked as cut, its exit noted",
            .enabled(if: getuid() == 0, "a file system of its own needs root"))
        func fullDisk() throws {
            let disk = try SmallDisk()
            let run = try GuardedRun(stateDirectory: disk.path)
            let (output, go) = (try Channel(), try Channel())
            let log = try openFile("\(disk.path)/log", O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
            let commit = try Witnessed(Self.script, in: disk.path, [0: go.reading, 1: output.writing])
            output.closeWriting()
            try run.tell(
                .protect(.commit, outputs: 1, hasProcess: true),
                [log.raw, output.reading, commit.process.descriptor.raw])
            run.updateAllDies()
            try writeAll(go.writing, Array("go\n".utf8))
            #expect(try commit.process.waitForEnd() == .exited(code: 7))
            #expect(try run.guardian.waitForEnd() == .exited(code: 0))
            let report = try #require(try readPredecessorReports(in: disk.path, current: Self.nextRun).first)
            #expect(report.report.commits.map(\.isLogCut) == [true])
            #expect(report.report.finish != nil)
            #expect(report.exits[.commit]?.status == .exited(code: 7))
            // What there was room for is there, from its beginning.
            let kept = try readFile("\(disk.path)/log")
            #expect(kept.count > 65_536)
            #expect(kept.starts(with: "Setting up package number 0 of".utf8))
        }

        @Test("a process that it leaves behind, which keeps the output open, is waited for two seconds and no longer")
        func leftover() throws {
            let run = try GuardedRun()
            let output = try Channel()
            let log = try run.state.log()
            let commit = try Witnessed(
                "sleep 1000 & echo $!; exit 0", in: run.state, [1: output.writing])
            output.closeWriting()
            try run.tell(
                .protect(.commit, outputs: 1, hasProcess: true),
                [log.raw, output.reading, commit.process.descriptor.raw])
            run.updateAllDies()
            let before = monotonicTime()
            #expect(try run.guardian.waitForEnd() == .exited(code: 0))
            #expect(monotonicTime() - before > .seconds(1))
            #expect(try run.report().commits.map(\.isOutputAbandoned) == [true])
            let leftover = try #require(pid_t(try run.state.text("log").dropLast()))
            #expect(kill(leftover, SIGKILL) == 0)
        }

        @Test("a guardian that takes the place of a killed one, and is told the same, does the same")
        func secondGuardian() throws {
            let first = try GuardedRun()
            first.guardian.send(SIGKILL)
            try first.guardian.waitForEnd()
            let second = try GuardedRun(state: first.state)
            second.updateAllDies()
            try second.guardian.waitForEnd()
            let report = try second.report()
            #expect(report.death != nil && report.finish != nil)
            #expect(try second.state.text(second.reportName).split(separator: "\n").count == 3)
        }

        @Test("while the guardian still reads, the next run sees that, and does not remove the report")
        func guardianAtWork() throws {
            let run = try GuardedRun()
            let output = try Channel()
            let log = try run.state.log()
            let commit = try Witnessed("echo begun; exec sleep 1000", in: run.state, [1: output.writing])
            try output.read(until: "begun\n")
            try run.tell(
                .protect(.commit, outputs: 1, hasProcess: true),
                [log.raw, output.reading, commit.process.descriptor.raw])
            output.closeWriting()
            run.updateAllDies()
            // The guardian's side of the pipe is the only sign from outside that it has begun to read.
            var reports: [PredecessorReport] = []
            while reports.first?.report.commits.isEmpty ?? true {
                reports = try readPredecessorReports(in: run.state.path, current: Self.nextRun)
                sched_yield()
            }
            let report = try #require(reports.first)
            #expect(report.isGuardianAtWork && report.report.finish == nil)
            try removePredecessorReport(report, in: run.state.path)
            commit.process.send(SIGTERM)
            #expect(try commit.process.waitForEnd() == .signalled(number: SIGTERM))
            try run.guardian.waitForEnd()
            #expect(try run.report().commits.map(\.hasEnded) == [true])
        }

        @Test("a directory that is not there has no reports, and the current run's is not among them")
        func noReports() throws {
            #expect(try readPredecessorReports(in: "/nonexistent", current: Self.nextRun).isEmpty)
            let run = try GuardedRun()
            run.updateAllDies()
            try run.guardian.waitForEnd()
            #expect(try readPredecessorReports(in: run.state.path, current: GuardedRun.run).isEmpty)
        }
    }
}

/// A shell script under a witness, with its exit record where the guardian looks for it.
struct Witnessed {
    let process: TestProcess

    init(_ script: String, in state: Directory, _ descriptors: [CInt: CInt]) throws {
        try self.init(script, in: state.path, descriptors)
    }

    init(_ script: String, in directory: String, _ descriptors: [CInt: CInt]) throws {
        let name = ExitRecord.fileName(run: GuardedRun.run, step: .commit)
        let record = try openFile("\(directory)/\(name)", O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
        _ = clx_reserve(record.raw, 4096)
        let command = witnessCommand(["/bin/sh", "-c", script], executable: TestProcess.guardian, record: 3)
        process = try TestProcess(command, descriptors.merging([3: record.raw]) { $1 })
    }
}

/// A file system of 256 KiB in a mount namespace of its own, seen through /proc.
private final class SmallDisk {
    let path: String
    private let holder: TestProcess
    private let mountPoint: Directory

    init() throws {
        mountPoint = try Directory()
        let output = try Channel()
        let script = "mount -t tmpfs -o size=256k none \(mountPoint.path) && echo ready && exec sleep 1000"
        holder = try TestProcess(["/usr/bin/unshare", "-m", "/bin/sh", "-c", script], [1: output.writing])
        output.closeWriting()
        try output.read(until: "ready\n")
        path = "/proc/\(holder.id)/root\(mountPoint.path)"
    }
}
