// Promises of what is read between update-all, its guardian and the next run.

import GuardianProtocol
import UpdateModel

func checkGuardian(_ input: [UInt8]) throws(BrokenPromise) {
    if let message = GuardianMessage(bytes: input) {
        try promiseSame(input, message.encoded(), "a message to the guardian")
        try promise((0...6).contains(message.descriptorCount), "descriptors are bounded")
    }

    if let record = ExitRecord(lastIn: input) {
        try promiseSame(record, ExitRecord(lastIn: Array(record.line.utf8)), "an exit record")
    }

    let run = RunID("20261121-073012-4711")!
    let report = RunReport(run: run, content: input)
    let lines = input.count { $0 == 0x0A } + 1
    try promise(
        report.killed.count + report.commits.count + report.problems.count <= lines, "nothing is noted but what is said"
    )
    try promise(Set(report.commits.map(\.step)).count == report.commits.count, "a commit is told once")
    // What ends a line for people is left out of problems when they are written.
    var (wordless, again) = (report, RunReport(run: run, content: text(of: report)))
    try promise(again.problems.count == report.problems.count, "a problem is one line")
    (wordless.problems, again.problems) = ([], [])
    try promiseSame(wordless, again, "a report")

    let name = String(decoding: input, as: UTF8.self)
    if let (run, step) = ExitRecord.identity(fileName: name) {
        try promiseSame(name, ExitRecord.fileName(run: run, step: step), "the name of an exit record")
    }
    if let run = RunReport.run(fileName: name) {
        try promiseSame(name, RunReport.fileName(run: run), "the name of a report")
    }
}

/// The lines that a guardian would write of it.
private func text(of report: RunReport) -> [UInt8] {
    var entries: [RunReport.Entry] = [.run(report.run)]
    if let death = report.death { entries.append(.death(death)) }
    entries += report.killed.map { .killed($0) }
    for commit in report.commits {
        entries.append(.commit(commit.step))
        guard commit.hasEnded else { continue }
        entries.append(
            .commitEnded(commit.step, isLogCut: commit.isLogCut, isOutputAbandoned: commit.isOutputAbandoned))
    }
    entries += report.problems.map { .problem($0) }
    if let finish = report.finish { entries.append(.finish(finish)) }
    return entries.flatMap { Array($0.line.utf8) }
}
