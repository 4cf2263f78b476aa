import Interchange
import JSONDocument
import Scheduling
import TestSupport
import Testing
import UpdateModel

@Suite struct PeakDocumentTests {
    private let run = RunID("20261121-073012-4711")!

    private func text(_ record: PeakRecord) -> [UInt8] {
        var bytes: [UInt8] = []
        appendLine(of: record, to: &bytes)
        return bytes
    }

    @Test("A record is one line, without what is unknown")
    func document() {
        let record = PeakRecord([
            StepID(PluginName("pip")!, .execute): PeakRecord.Entry(
                lastRun: run, peaks: [ByteCount(5), ByteCount(7)],
                lesson: PeakRecord.Lesson(killedAt: ByteCount(6), share: ByteCount(12))),
            StepID(PluginName("apt")!, .download): PeakRecord.Entry(lastRun: run, peaks: []),
        ])
        #expect(
            String(decoding: text(record), as: UTF8.self)
                == #"{"version":1,"steps":[{"step":"apt/download","last_run":"20261121-073012-4711","#
                + #""memory_peak_bytes":[]},{"step":"pip/execute","last_run":"20261121-073012-4711","#
                + #""memory_peak_bytes":[5,7],"killed_at_bytes":6,"share_bytes":12}]}"# + "\n")
    }

    @Test("What was written is read back the same")
    func roundTrip() throws {
        for seed in UInt64(0)..<300 {
            var random = SeededGenerator(seed: seed)
            var entries: [StepID: PeakRecord.Entry] = [:]
            func bytes() -> ByteCount { ByteCount(.random(in: 0...Int64.max, using: &random)) }
            for number in 0..<Int.random(in: 0...8, using: &random) {
                let lesson = PeakRecord.Lesson(killedAt: bytes(), share: bytes())
                entries[StepID(PluginName("p.\(number)")!, Phase.allCases.randomElement(using: &random)!)] =
                    PeakRecord.Entry(
                        lastRun: run, peaks: (0..<Int.random(in: 0...5, using: &random)).map { _ in bytes() },
                        lesson: Bool.random(using: &random) ? lesson : nil)
            }
            let record = PeakRecord(entries)
            #expect(try readPeakRecord(text(record)) == record, "seed \(seed)")
        }
    }

    @Test(
        "What is no record is refused with its place",
        arguments: [
            ("", "1:1: "), ("[]", "1:1: expected an object, found an array"),
            (#"{"steps":[]}"#, #"1:1: "version" is missing"#),
            (#"{"version":2,"steps":[]}"#, #"1:12: "version" is 2, which this version does not know"#),
            (#"{"version":1,"steps":[{"step":"apt"}]}"#, #""step" must be a step such as apt/execute, not "apt""#),
            (
                #"{"version":1,"steps":[{"step":"apt/execute","last_run":"now"}]}"#,
                #""last_run" must be a run such as 20261121-073012-4711, not "now""#
            ),
            (
                #"{"version":1,"steps":[{"step":"apt/execute","last_run":"20261121-073012-1","memory_peak_bytes":[-1]}]}"#,
                #""memory_peak_bytes" must be a number of bytes from 0 on, not -1"#
            ),
            (
                #"{"version":1,"steps":[{"step":"apt/execute","last_run":"20261121-073012-1","killed_at_bytes":1}]}"#,
                #""share_bytes" is missing"#
            ),
        ])
    func refused(text: String, message: String) {
        let error = #expect(throws: JSONError.self) { try readPeakRecord(Array(text.utf8)) }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test("No prefix of a record, and no byte of it changed, does more than be refused")
    func damaged() throws {
        let whole = text(
            PeakRecord([
                StepID(PluginName("pip")!, .execute): PeakRecord.Entry(
                    lastRun: run, peaks: [ByteCount(5), ByteCount(7)],
                    lesson: PeakRecord.Lesson(killedAt: ByteCount(6), share: ByteCount(12)))
            ]))
        for count in 0..<(whole.count - 1) {
            #expect(throws: JSONError.self) { try readPeakRecord(Array(whole[..<count])) }
        }
        var random = SeededGenerator(seed: 7)
        for index in whole.indices {
            var changed = whole
            changed[index] = .random(in: 0...255, using: &random)
            _ = try? readPeakRecord(changed)
        }
    }
}
