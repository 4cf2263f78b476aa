// After update-all's death: end what may be ended, let commits end, note what happened, clean up, go.

import Glibc
import GuardianProtocol
import LinuxSystem
import SystemPackage
import UpdateModel

struct Aftermath {
    private let session: Session

    init(_ session: Session) { self.session = session }

    func run() {
        // The kill comes before everything else, even before it is noted.
        let stepsGroup = session.stepsGroup ?? session.run?.stepsGroup.flatMap { try? GroupDirectory($0) }
        var problems: [String] = []
        if let stepsGroup {
            do {
                try stepsGroup.kill()
            } catch {
                problems.append("cannot kill \(session.run?.stepsGroup ?? ""): \(error); its processes may still run")
            }
        }
        if !LooseProcesses(steps: Array(session.trackedSteps.values)).kill() {
            problems.append("processes of steps outside any control group are still there after SIGKILL")
        }
        note(.death(calendarTime()))
        session.terminal?.restore()
        for step in Set(session.trackedSteps.keys).union(stepsGroup?.steps() ?? []).sorted() { note(.killed(step)) }
        for problem in problems { note(.problem(problem)) }

        let commits = session.commits.values.sorted { $0.step < $1.step }
        for commit in commits { note(.commit(commit.step)) }
        read(commits)

        if let group = session.run?.runGroup ?? session.run?.stepsGroup {
            do {
                try GroupDirectory.remove(group)
                SupervisorGroup.leave(above: group)
            } catch {
                note(.problem("cannot remove \(group): \(error); the next run tries again"))
            }
        }
        note(.finish(calendarTime()))
    }

    private func note(_ entry: RunReport.Entry) { session.report?.note(entry) }

    /// Reads the output of all `commits` until the last is over.
    private func read(_ commits: [Commit]) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { buffer.deallocate() }
        var open = commits
        for commit in open { commit.begin(at: monotonicTime()) }
        while true {
            let now = monotonicTime()
            for commit in open where commit.isOver(at: now) {
                commit.finish()
                note(
                    .commitEnded(
                        commit.step, isLogCut: commit.isLogCut, isOutputAbandoned: !commit.openOutputs.isEmpty))
            }
            open.removeAll { $0.isOver(at: now) }
            if open.isEmpty { return }
            readOnce(open, through: buffer)
        }
    }

    private func readOnce(_ commits: [Commit], through buffer: UnsafeMutableRawBufferPointer) {
        var waiting: [pollfd] = []
        var actions: [(Duration) -> Void] = []
        func wait(for descriptor: CInt, then action: @escaping (Duration) -> Void) {
            waiting.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
            actions.append(action)
        }
        for commit in commits {
            for output in commit.openOutputs {
                wait(for: output) { commit.forward(output, through: buffer, at: $0) }
            }
            if let process = commit.process {
                wait(for: process) { commit.processEnded(hasRecord: hasRecord(of: commit.step), at: $0) }
            }
        }
        // Rounded up, since a poll that ends before the deadline would be repeated at once.
        let milliseconds = commits.compactMap(\.deadline).min().map { deadline in
            CInt(clamping: Int(max(0, (deadline - monotonicTime()).inSeconds) * 1000) + 1)
        }
        guard poll(&waiting, nfds_t(waiting.count), milliseconds ?? -1) > 0 else { return }
        let now = monotonicTime()
        for (index, entry) in waiting.enumerated() where entry.revents != 0 { actions[index](now) }
    }

    /// Whether the witness of `step` has noted its end.
    private func hasRecord(of step: StepID) -> Bool {
        guard let run = session.run,
            let content = try? readFile("\(run.stateDirectory)/\(ExitRecord.fileName(run: run.id, step: step))")
        else { return false }
        return ExitRecord(lastIn: content) != nil
    }
}
