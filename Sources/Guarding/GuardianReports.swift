// What runs that did not end by themselves have left, for the next run to tell.

import Glibc
import GuardianProtocol
import LinuxSystem
import SystemPackage
import UpdateModel

/// What became of a run that died.
public struct PredecessorReport: Equatable, Sendable {
    /// What its guardian noted.
    public var report: RunReport
    /// How protected phases ended, as their witnesses noted; also of some that the guardian did not live to see end.
    public var exits: [StepID: ExitRecord]
    /// Its guardian still reads the output of a protected phase, so the report is not yet whole.
    public var isGuardianAtWork: Bool

    public var run: RunID { report.run }
}

/// The reports in `stateDirectory`, the oldest run first; none of `current`.
/// - Throws: where the directory cannot be read; one that is not there has no reports.
public func readPredecessorReports(
    in stateDirectory: String, current: RunID
) throws(Errno) -> [PredecessorReport] {
    let names: [String]
    do { names = try directoryEntries(stateDirectory) } catch .noSuchFileOrDirectory { return [] }
    var reports: [RunID: PredecessorReport] = [:]
    for name in names {
        guard let run = RunReport.run(fileName: name), run != current,
            // Not readable: of another user's run, or gone meanwhile.
            let file = try? openFile("\(stateDirectory)/\(name)", O_RDONLY | O_NOFOLLOW)
        else { continue }
        // Asked before it is read: one that ends in between is then read whole and said to be at work, which the
        // next reading puts right; the other way round it would be taken for whole when it is not.
        let isLocked = flock(file.raw, LOCK_SH | LOCK_NB) != 0
        let report = RunReport(run: run, content: (try? readToEnd(file.raw)) ?? [])
        reports[run] = PredecessorReport(report: report, exits: [:], isGuardianAtWork: isLocked)
    }
    for name in names {
        guard let (run, step) = ExitRecord.identity(fileName: name), reports[run] != nil,
            let content = try? readFile("\(stateDirectory)/\(name)", flags: O_NOFOLLOW),
            let record = ExitRecord(lastIn: content)
        else { continue }
        reports[run]?.exits[step] = record
    }
    return reports.values.sorted { $0.run < $1.run }
}

/// Whether the guardian of a run that died still reads what a commit of it prints.
public func isGuardianAtWork(for run: RunID, in stateDirectory: String) -> Bool {
    guard let file = try? openFile("\(stateDirectory)/\(RunReport.fileName(run: run))", O_RDONLY | O_NOFOLLOW) else {
        return false
    }
    return flock(file.raw, LOCK_SH | LOCK_NB) != 0
}

/// Removes what `report` was read from, once it has been told. What a guardian still writes is left.
public func removePredecessorReport(_ report: PredecessorReport, in stateDirectory: String) throws(Errno) {
    if report.isGuardianAtWork { return }
    for name in try directoryEntries(stateDirectory) {
        guard let (run, _) = ExitRecord.identity(fileName: name), run == report.run else { continue }
        try removeFile("\(stateDirectory)/\(name)")
    }
    // The report last: without it nobody would look for the records.
    try removeFile("\(stateDirectory)/\(RunReport.fileName(run: report.run))")
}
