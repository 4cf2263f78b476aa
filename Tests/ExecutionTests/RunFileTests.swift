import Glibc
import GuardianProtocol
import Interchange
import LinuxSystem
import RunModel
import SystemPackage
import Testing
import UpdateModel

@testable import Execution

private let dead = RunID("20261121-073012-2147483646")!
private let alive = RunID("20261121-073012-\(getpid())")!

@Suite("The files of runs") struct RunFileTests {
    private let directory: TemporaryDirectory
    private let places: Places

    init() throws {
        directory = try TemporaryDirectory()
        places = Places(
            environment: [:], executable: "/usr/bin/update-all", userID: geteuid(), home: "/",
            stateDirectory: directory.path,
            pluginDirectories: [])
    }

    @Test("A person's run is private; root's can be listed", arguments: [false, true])
    func modes(isSystemWide: Bool) throws {
        let path = "\(directory.path)/logs/runs/x"
        let run = try RunDirectory.create(path, isSystemWide: isSystemWide)
        _ = try RunDirectory.create(path, isSystemWide: isSystemWide)
        let journal = try run.openJournal()
        try writeAll(journal.raw, Array("{}\n".utf8))
        for line in ["one\n", "two\n"] { try append(line, to: "apt", in: run) }
        #expect(try text("\(path)/apt.execute.log") == "one\ntwo\n", "a log goes on where it was")
        #expect(try text(run.journal) == "{}\n")
        #expect(try status(path).st_mode & 0o777 == (isSystemWide ? 0o755 : 0o700))
        #expect(try status(run.journal).st_mode & 0o777 == (isSystemWide ? 0o640 : 0o600))
    }

    @Test("Root's logs are for the group adm, whatever root's umask takes", .enabled(if: isRoot, "gives files away"))
    func administrators() throws {
        let adm = try #require(groupNumber(named: "adm"))
        let run = try RunDirectory.create("\(directory.path)/logs/runs/x", isSystemWide: true)
        // As a umask of 077 would leave it, which is the whole process's.
        try directory.write("logs/runs/x/events.jsonl", "", mode: 0o600)
        _ = try run.openJournal()
        try append("line\n", to: "apt", in: run)
        for file in [run.journal, "\(run.path)/apt.execute.log"] {
            let found = try status(file)
            #expect(found.st_gid == adm)
            #expect(found.st_mode & 0o777 == 0o640)
        }
        #expect(groupNumber(named: "no-such-group") == nil)
    }

    @Test("A state directory of a newer program is refused, one without a version or of this one is not")
    func stateVersion() throws {
        let state = directory.path
        try StateVersion.check("\(state)/not/there")
        try StateVersion.check(state)
        for _ in 0..<2 {
            _ = try RunLock.acquire(state: state, isSystemWide: false, user: "alice", clockText: "now")
            #expect(try text("\(state)/version") == "1\n")
        }
        try directory.write("version", "2\n")
        for attempt in [{ try StateVersion.check(state) }, { _ = try lock(state) }] {
            let error = runError(attempt)
            #expect(error?.exitCode == .usage)
            #expect(error?.description.contains("newer update-all (version 2; this one knows 1)") == true)
            #expect(error?.description.contains("--state-dir") == true)
        }
        try directory.write("version", "one\n")
        #expect(runError { try StateVersion.check(state) }?.exitCode == .usage)
        #expect(try text("\(state)/version") == "one\n", "nothing of it was touched")
    }

    private func lock(_ state: String) throws -> RunLock {
        try RunLock.acquire(state: state, isSystemWide: false, user: "alice", clockText: "now")
    }

    private func append(_ text: String, to plugin: String, in run: RunDirectory) throws {
        let log = try run.openLog(of: step(plugin))
        try writeAll(log.raw, Array(text.utf8))
    }

    @Test("A log or journal that cannot be opened says what to do, and a link is not followed")
    func links() throws {
        let run = try RunDirectory.create("\(directory.path)/run", isSystemWide: false)
        directory.link("run/apt.execute.log", to: "/dev/null")
        #expect(throws: Errno.tooManySymbolicLinkLevels) { _ = try run.openLog(of: step("apt")) }
        directory.link("run/events.jsonl", to: "/dev/null")
        #expect(runError { _ = try run.openJournal() }?.description.contains("--state-dir") == true)
    }

    @Test("Relative paths are made, too, and a file in the way is named")
    func directories() throws {
        try directory.write("file", "")
        let error = runError { try makeDirectories("\(directory.path)/file/a", mode: 0o700) }
        #expect(error?.description.hasPrefix("cannot create \(directory.path)/file/a") == true)
        try makeDirectories(".", mode: 0o700)
    }

    // MARK: Logs

    private func logs(_ run: RunID, plugin: String? = nil, following: Bool = false) throws -> [String] {
        var lines: [String] = []
        try RunLogs(places: places).print(run, plugin: plugin.map { name($0) }, following: following) { step, bytes in
            lines.append("\(step): \(String(decoding: bytes, as: UTF8.self))")
        }
        return lines
    }

    @Test("The newest run is meant unless one is named; an unknown one is wrong usage")
    func runNames() throws {
        let logs = RunLogs(places: places)
        #expect(runError { _ = try logs.run(named: nil) }?.exitCode == .usage)
        for name in [dead.rawValue, "20261122-000000-1", "foreign"] { try directory.write("runs/\(name)/a", "") }
        #expect(try logs.run(named: nil) == RunID("20261122-000000-1"))
        #expect(try logs.run(named: dead) == dead)
        let error = runError { _ = try logs.run(named: RunID("20200101-000000-1")!) }
        #expect(error?.description.contains("the newest is 20261122-000000-1") == true)
    }

    @Test("Logs are given whole, each with its step; those of one plugin alone where it is named")
    func printing() throws {
        try directory.write("runs/\(dead)/apt.download.log", "fetched\n")
        try directory.write("runs/\(dead)/apt.execute.log", "installed\n")
        try directory.write("runs/\(dead)/apt.extra.execute.log", "another plugin\n")
        try directory.write("runs/\(dead)/events.jsonl", "{}\n")
        #expect(
            Set(try logs(dead)) == [
                "apt.download: fetched\n", "apt.execute: installed\n", "apt.extra.execute: another plugin\n",
            ])
        #expect(Set(try logs(dead, plugin: "apt")) == ["apt.download: fetched\n", "apt.execute: installed\n"])
        #expect(try logs(dead, plugin: "apt.extra") == ["apt.extra.execute: another plugin\n"])
        #expect(try logs(dead, plugin: "apt", following: true).count == 2, "a run that is over is not waited for")
        #expect(runError { _ = try logs(dead, plugin: "npm") }?.description.contains("it did not run then") == true)
        #expect(runError { _ = try logs(RunID("20200101-000000-1")!) }?.exitCode == .failure)
    }

    @Test("Logs come in the order in which their steps began, whichever was written last")
    func order() throws {
        let run = try RunDirectory.create("\(directory.path)/runs/\(dead)", isSystemWide: false)
        var source = EventSource()
        var journal: [UInt8] = []
        for plugin in ["z", "a"] {
            let start = PhaseStart(
                phase: .execute, cgroup: nil, limits: [], runAs: "alice", capabilities: [], isProtected: false)
            appendLines(of: source.event(.phaseStart(start), of: plugin), run: dead, to: &journal)
        }
        let file = try run.openJournal()
        // Its last line is not whole yet.
        try writeAll(file.raw, journal + Array("{\"type\":".utf8))
        for plugin in ["a", "z", "b"] { try append("1", to: plugin, in: run) }
        #expect(try logs(dead) == ["z.execute: 1", "a.execute: 1", "b.execute: 1"])
    }

    // MARK: Private directories

    @Test("Private directories of dead runs are swept, those of living ones are not")
    func sweep() throws {
        try directory.write("tmp/\(dead)/apt.execute.1/file", "")
        try directory.write("tmp/\(alive)/apt.execute.1/file", "")
        try directory.write("tmp/foreign/file", "")
        let run = RunID("20261121-080000-\(getpid())")!
        let path = try PrivateDirectory.create(for: run, in: directory.path)
        #expect(path == "\(directory.path)/tmp/\(run)")
        #expect(try status(path).st_mode & 0o777 == 0o711)
        #expect(try Set(directoryEntries("\(directory.path)/tmp")) == [alive.rawValue, "foreign", run.rawValue])
    }

    @Test("A private directory in which a commit goes on is swept when its guardian has gone")
    func sweepAfterCommit() throws {
        let file = try directory.write("tmp/\(dead)/apt.execute.1/file", "")
        let report = try openFile(
            try directory.write("\(RunReport.fileName(run: dead))", "run=\(dead)\n"), O_RDWR)
        #expect(flock(report.raw, LOCK_EX | LOCK_NB) == 0)
        let run = RunID("20261121-080000-\(getpid())")!
        _ = try PrivateDirectory.create(for: run, in: directory.path)
        #expect(fileExists(file))
        flock(report.raw, LOCK_UN)
        try removeTree("\(directory.path)/tmp/\(run)")
        _ = try PrivateDirectory.create(for: run, in: directory.path)
        #expect(!fileExists("\(directory.path)/tmp/\(dead)"))
    }

    @Test("Where the state directory cannot be written it is made elsewhere")
    func elsewhere() throws {
        try directory.write("tmp", "a file in the way")
        let path = try PrivateDirectory.create(for: alive, in: directory.path)
        defer { try? removeTree(path) }
        #expect(path.hasPrefix("/tmp/update-all-\(alive)-"))
        #expect(try status(path).st_mode & 0o777 == 0o711)
    }

    // MARK: Runs that died

    @Test("What a dead run left is told once: how it ended, what was ended with it, and what became of its commits")
    func predecessors() throws {
        let report = """
            run=\(dead)
            died_ms=1795246211000
            killed=npm/download
            commit=apt/execute
            commit_ended=apt/execute log=cut output=ended
            commit=dnf/execute
            commit=snap/execute
            commit=zypper/execute
            problem=cannot kill something
            finished_ms=1795246213000

            """
        try directory.write("\(dead).report", report)
        try directory.write("\(dead).apt.execute.exit", "exit=0 wall_ms=1 ended_ms=1795246212345\n")
        try directory.write("\(dead).dnf.execute.exit", "exit=3 wall_ms=1 ended_ms=1795246212345\n")
        try directory.write("\(dead).snap.execute.exit", "signal=9 wall_ms=1 ended_ms=1795246212345\n")
        let logs = "(update-all logs \(dead)"
        #expect(
            tellPredecessors(places, current: alive) == [
                "the run \(dead) was killed, and with it npm/download",
                "apt/execute of that run went on and succeeded; its log is cut \(logs) apt)",
                "dnf/execute of that run went on and failed with exit code 3 \(logs) dnf)",
                "snap/execute of that run was ended by signal 9",
                "zypper/execute of that run went on, and how it ended is not known",
                "cannot kill something",
            ])
        #expect(tellPredecessors(places, current: alive) == [])
        #expect(try directoryEntries(directory.path) == [])
    }

    @Test("A run that is still there is none that died; a machine that went down is told as that")
    func otherReports() throws {
        try directory.write("\(alive).report", "run=\(alive)\n")
        try directory.write("\(dead).report", "run=\(dead)\n")
        #expect(
            tellPredecessors(places, current: RunID("20261122-000000-1")!) == [
                "the run \(dead) did not end by itself; the machine may have gone down"
            ])
    }

    @Test("While its guardian is at work a commit still goes on, and the report stays")
    func guardianAtWork() throws {
        let path = try directory.write("\(dead).report", "run=\(dead)\ndied_ms=1\ncommit=apt/execute\n")
        let file = try openFile(path, O_RDWR)
        #expect(flock(file.raw, LOCK_EX | LOCK_NB) == 0)
        for _ in 0..<2 {
            #expect(
                tellPredecessors(places, current: alive).last
                    == "apt/execute of that run still goes on (update-all logs \(dead) apt shows it)")
        }
    }
}
