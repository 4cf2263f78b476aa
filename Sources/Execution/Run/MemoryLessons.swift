// What a run does about steps that the kernel kills for memory, and what it learns of all steps for the next run.

import RunModel
import Scheduling
import UpdateModel

/// Lives on the event loop's thread.
final class MemoryLessons {
    private(set) var record: PeakRecord
    /// Whether there is anything new in it.
    private(set) var hasLearned = false
    private let run: RunID
    private let planner: Planner

    init(_ planner: Planner, run: RunID) {
        self.planner = planner
        self.run = run
        record = planner.record
    }

    /// Takes note of how a try ended. Of one that went wrong for another reason nothing can be said: who knows how far it
    /// came.
    func note(_ step: StepCommand, _ memory: StepMemory, _ outcome: Outcome) {
        if step.isDryRun || step.hook != nil { return }
        switch outcome {
        case .succeeded:
            guard let needed = memory.needed else { return }
            record.noteSuccess(of: step.step, needing: needed, under: memory.limit, in: run)
        case .oomKilled:
            guard let limit = memory.killingLimit, !step.isProtected else { return }
            record.noteKill(of: step.step, at: limit, in: run)
        default:
            return
        }
        hasLearned = true
    }

    /// Another try of a step that was killed for memory.
    struct Retry {
        var command: StepCommand
        /// What it is to take at least when its turn comes.
        var amounts: [NamedAmount]
        /// What is tried.
        var deviation: LimitDeviation
    }

    /// - Throws: why there is no other try.
    func retry(_ step: StepCommand, _ memory: StepMemory) throws(MemoryKill.Refusal) -> Retry {
        guard !step.isProtected else { throw .notWanted }
        let allowed = step.settings.oomRetries
        let kill = MemoryKill(
            limit: memory.killingLimit, runLimit: planner.runSettings.limits.memoryMax,
            largest: step.settings.largestMemory ?? planner.machine.memory, wasAlone: step.isAlone,
            retries: step.memoryRetries, allowed: allowed)
        let retry = try kill.retry.get()
        var command = step
        let requested: String
        let effective: String
        let reason: String
        switch retry {
        case .larger(let share):
            command = planner.command(step, with: share)
            (requested, effective) = ("\(memory.killingLimit?.bytes ?? 0)", "\(share.bytes)")
            reason = "\(step.step) was killed at its memory limit"
        case .alone:
            command.isAlone = true
            (requested, effective) = ("beside others", "alone")
            reason = "\(step.step) was killed at the memory limit of the whole run"
        }
        command.attempt += 1
        command.memoryRetries += 1
        return Retry(
            command: command, amounts: StepGraph.amounts(for: retry),
            deviation: LimitDeviation(
                control: "memory.max", requested: requested, effective: effective,
                reason: "\(reason), and is tried again, \(command.memoryRetries) of \(allowed)"))
    }
}

extension MemoryKill.Refusal {
    /// Why, as a sentence without a full stop; `nil` where nobody asked for another try.
    var sentence: String? {
        switch self {
        case .notWanted: nil
        case .spent(let tries):
            "It was tried again with more (oom_retry, \(tries) of \(tries)), and that was not enough"
        case .noLargerShare(let most):
            "It was not tried again: it had \(most), and may not have more"
        case .wasAlone:
            "It was not tried again: no other step ran beside it"
        case .machine:
            "It was not tried again: no limit of the policy killed it, so there is none to raise"
        }
    }
}
