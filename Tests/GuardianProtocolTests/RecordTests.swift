import GuardianProtocol
import TestSupport
import Testing
import UpdateModel

@Suite("What is left for the next run")
struct RecordTests {
    let run = RunID("20261121-073012-4711")!
    let apt = StepID(PluginName("apt")!, .execute)
    let npm = StepID(PluginName("npm.v2")!, .download)

    @Test(
        "an exit record is read back as it was written",
        arguments: [ExitRecord.Status.exited(code: 0), .exited(code: 255), .signalled(number: 9)])
    func exitRecord(status: ExitRecord.Status) {
        let record = ExitRecord(
            status: status, wallMilliseconds: 1520, end: Timestamp(millisecondsSince1970: 1_795_246_212_345))
        #expect(ExitRecord(lastIn: Array(record.line.utf8)) == record)
    }

    @Test("of a step that was tried again the last whole record counts")
    func lastRecord() {
        let content = "exit=1 wall_ms=2 ended_ms=3\nsignal=15 wall_ms=5 ended_ms=6\nexit=0 wall_m"
        #expect(ExitRecord(lastIn: Array(content.utf8))?.status == .signalled(number: 15))
    }

    @Test(
        "what is no exit record is none",
        arguments: ["", "exit=1 wall_ms=2 ended_ms=3", "\n\n", "exit=x wall_ms=2 ended_ms=3\n", "exit=1 wall_ms=2\n"])
    func noExitRecord(content: String) {
        #expect(ExitRecord(lastIn: Array(content.utf8)) == nil)
    }

    @Test("the name of an exit record says whose it is, also of a plugin with dots in its name")
    func exitRecordNames() throws {
        for step in [apt, npm] {
            let found = try #require(ExitRecord.identity(fileName: ExitRecord.fileName(run: run, step: step)))
            #expect(found.run == run && found.step == step)
        }
        let foreign = ["x.exit", "20261121-073012-4711.apt.exit", "20261121-073012-4711.apt.commit.exit", "a.b.c.d"]
        for name in foreign { #expect(ExitRecord.identity(fileName: name) == nil) }
    }

    @Test("the name of a report says of which run it is")
    func reportNames() {
        #expect(RunReport.run(fileName: RunReport.fileName(run: run)) == run)
        #expect(RunReport.run(fileName: "events.report") == nil)
        #expect(RunReport.run(fileName: "20261121-073012-4711") == nil)
    }

    @Test("a report tells everything that was noted")
    func report() {
        let entries: [RunReport.Entry] = [
            .run(run), .death(Timestamp(millisecondsSince1970: 7)), .killed(npm), .killed(npm), .commit(apt),
            .commitEnded(apt, isLogCut: true, isOutputAbandoned: false), .problem("two\nlines a=b"),
            .finish(Timestamp(millisecondsSince1970: 9)),
        ]
        let content = entries.map(\.line).joined()
        let report = RunReport(run: run, content: Array(content.utf8))
        #expect(report.death?.millisecondsSince1970 == 7)
        #expect(report.killed == [npm])
        var commit = RunReport.Commit(step: apt)
        commit.hasEnded = true
        commit.isLogCut = true
        #expect(report.commits == [commit])
        #expect(report.problems == ["two lines a=b"])
        #expect(report.finish?.millisecondsSince1970 == 9)
    }

    @Test("lines that a newer guardian may write are passed over, and so is what was cut")
    func unknownLines() {
        let content = "run=\(run)\nweather=fine\nnonsense\nkilled=../etc\ncommit_ended=apt/execute output=aban"
        let report = RunReport(run: run, content: Array(content.utf8))
        #expect(report.killed.isEmpty && report.problems.isEmpty && report.death == nil)
        #expect(report.commits.map(\.hasEnded) == [true])
    }

    @Test("the time to read a report grows with its length and no faster", .timeLimit(.minutes(1)))
    func longReport() {
        let content = (0..<100_000).map { "killed=p\($0)/download\ncommit=p\($0)/execute\n" }.joined()
        let report = RunReport(run: run, content: Array(content.utf8))
        #expect(report.killed.count == 100_000 && report.commits.count == 100_000)
    }

    @Test("random content never traps")
    func randomContent() {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array("run=killedcommit_exitsignal wall_ms /.-0123456789\n\u{FF}".utf8)
        for _ in 0..<5_000 {
            let length = Int.random(in: 0...200, using: &generator)
            let content = (0..<length).map { _ in alphabet.randomElement(using: &generator)! }
            _ = RunReport(run: run, content: content)
            _ = ExitRecord(lastIn: content)
            _ = ExitRecord.identity(fileName: String(decoding: content, as: UTF8.self))
        }
    }
}
