// What runs that did not end by themselves have left, in sentences for the next one.

import Glibc
import GuardianProtocol
import Guarding
import LinuxSystem
import SystemPackage
import UpdateModel

/// Tells of every earlier run in this state directory that died, once: what is told is removed, unless its guardian
/// is still at work.
public func tellPredecessors(_ places: Places, current: RunID) -> [String] {
    let reports = (try? readPredecessorReports(in: places.state, current: current)) ?? []
    return reports.filter { $0.run.processID.map { !processExists($0) } ?? true }.flatMap { report in
        try? removePredecessorReport(report, in: places.state)
        return report.sentences
    }
}

/// What is known of a run that died; it stays untold for the next one.
func predecessorSentences(of run: RunID, in places: Places) -> [String] {
    let asker = RunID(start: calendarTime(), processID: getpid())
    let reports = (try? readPredecessorReports(in: places.state, current: asker)) ?? []
    return reports.filter { $0.run == run }.flatMap(\.sentences)
}

extension PredecessorReport {
    /// One sentence about the run, and one about each commit that outlived it.
    fileprivate var sentences: [String] {
        var killed = ""
        if !report.killed.isEmpty {
            killed = ", and with it \(report.killed.map(\.description).joined(separator: ", "))"
        }
        let end = report.death == nil ? "did not end by itself; the machine may have gone down" : "was killed"
        return ["the run \(run) \(end)\(killed)"] + report.commits.map(sentence) + report.problems
    }

    private func sentence(_ commit: RunReport.Commit) -> String {
        let step = commit.step
        let log = commit.isLogCut ? "; its log is cut" : ""
        switch exits[step]?.status {
        case .exited(code: 0)?:
            return "\(step) of that run went on and succeeded\(log) (update-all logs \(run) \(step.plugin))"
        case .exited(let code)?:
            return
                "\(step) of that run went on and failed with exit code \(code)\(log) (update-all logs \(run) \(step.plugin))"
        case .signalled(let number)?: return "\(step) of that run was ended by signal \(number)\(log)"
        case nil:
            return isGuardianAtWork
                ? "\(step) of that run still goes on (update-all logs \(run) \(step.plugin) shows it)"
                : "\(step) of that run went on, and how it ended is not known\(log)"
        }
    }
}
