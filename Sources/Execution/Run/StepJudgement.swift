// What a step's end means: its outcome, and the sentence that says what went wrong and what to do.

import RunModel
import Spawning
import SystemPackage
import UpdateModel

/// Judges the end of one try of a step. Pure: everything it looks at is given.
struct StepJudgement {
    let command: StepCommand
    let end: ProcessLifecycle.End
    /// Processes of the group that the kernel killed for memory.
    let oomKills: Int64
    /// The step's own limit, where that is what killed them.
    let killingLimit: ByteCount?
    let memoryPeak: ByteCount?
    var logFailure: Errno?
    /// Why it never was the program.
    let launchError: LaunchError?
    let lastLine: String?

    var phaseEnd: PhaseEnd {
        let outcome = outcome
        return PhaseEnd(
            phase: command.step.phase, outcome: outcome, exitCode: exitCode(outcome),
            signal: end.exit.isSignal && launchError == nil ? end.exit.status : nil, error: error(outcome))
    }

    var outcome: Outcome {
        let hasSucceeded = launchError == nil && !end.exit.isSignal && end.exit.status == 0
        // A commit is only ever waited for: its own exit counts, whatever was asked of it.
        if !command.isProtected, let cause = end.cause {
            switch cause {
            case .timedOut: return .timedOut
            case .cancelled: return .cancelled
            case .logFailed: return .failed
            }
        }
        // Its last bytes may have been refused when it had ended already.
        if !command.isProtected, logFailure != nil { return .failed }
        if hasSucceeded { return .succeeded }
        // The kernel may have ended it for memory before it was the program.
        if launchError != nil, oomKills == 0 { return .failed }
        if oomKills > 0 { return .oomKilled }
        if command.isProtected, case .cancelled = end.cause { return .cancelled }
        return end.exit.isSignal ? .killed : .failed
    }

    private func exitCode(_ outcome: Outcome) -> Int32? {
        if outcome == .timedOut { return -1 }
        return end.exit.isSignal || launchError != nil ? nil : end.exit.status
    }

    private func error(_ outcome: Outcome) -> String? {
        switch outcome {
        case .timedOut:
            guard case .timedOut(let limit) = end.cause else { return nil }
            return "Command timed out after \(limit.components.seconds)s"
        case .oomKilled:
            return memoryError
        case .failed:
            if let logFailure, !command.isProtected {
                return "its log cannot be written: \(logFailure). Make room, or choose another place with --state-dir"
            }
            // The exit code, the signal and the time are told beside it.
            return launchError?.description ?? lastLine
        case .killed:
            return lastLine
        default:
            return nil
        }
    }

    private var memoryError: String {
        let plugin = command.step.plugin
        guard let allowed = killingLimit else {
            // Not for a limit of its own: the run's, or the whole machine.
            return "the kernel killed it since memory ran out, of the whole run or of the machine"
                + " (its peak was \(memoryPeak.map(\.description) ?? "not measured")). Run fewer steps at a time: --jobs 1"
        }
        let used = memoryPeak.map { "\($0) used" } ?? "all used"
        let proposal = Self.setting(ByteCount(allowed.bytes * 2))
        return "\(plugin) was killed at its memory limit: \(allowed) allowed, \(used)."
            + " Raise [plugin.\(plugin)] memory_max, or --set plugin.\(plugin).memory_max=\(proposal)"
    }

    /// As a policy writes it.
    private static func setting(_ size: ByteCount) -> String {
        let mebibytes = max(1, size.bytes >> 20)
        return mebibytes % 1024 == 0 ? "\(mebibytes / 1024)G" : "\(mebibytes)M"
    }
}
