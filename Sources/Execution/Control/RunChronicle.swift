// What has happened in a run so far, from its events, for whoever asks how it is doing.

import RunModel
import UpdateModel

/// Follows a run. It knows no clock: times are arguments, on one that never goes back.
struct RunChronicle {
    fileprivate struct Step {
        let plan: PlannedStep
        var stage = StepPace.Stage.waiting
        var waitsFor: WaitReason?
        var progress: Progress?
        var told = Duration.zero
        var isStopping = false
        var end: PhaseEnd?
    }

    private let start: Duration
    private var steps: [Step] = []
    private var indices: [StepID: Int] = [:]
    private var remaining = RemainingTime(steps: [])
    private var throttle: Throttle?

    init(start: Duration) { self.start = start }

    /// Takes an event; to be told of all but output.
    mutating func take(_ body: Event.Body, of plugin: PluginName?, at now: Duration) {
        let time = now - start
        switch body {
        case .plan(let plan):
            steps = plan.steps.map { Step(plan: $0) }
            indices = Dictionary(uniqueKeysWithValues: plan.steps.enumerated().map { ($1.id, $0) })
            remaining = RemainingTime(steps: plan.steps)
        case .throttle(let throttle):
            self.throttle = throttle
        case .waiting(let phase, let reason, _):
            change(plugin, phase) { $0.waitsFor = reason }
        case .phaseStart(let begun):
            change(plugin, begun.phase) { step in
                step.stage = .running(since: time)
                step.progress = nil
            }
        case .progress(let progress):
            change(plugin, progress.phase) { step in
                step.progress?.merge(progress)
                step.progress = step.progress ?? progress
                step.told = time
            }
        case .stopping(let stopping):
            change(plugin, stopping.phase) { $0.isStopping = true }
        case .phaseEnd(let end):
            change(plugin, end.phase) { step in
                step.stage = .ended
                step.end = end
            }
        case .runStart, .output, .dropped, .result, .limit, .control, .completion, .runEnd, .error:
            break
        }
    }

    private mutating func change(_ plugin: PluginName?, _ phase: Phase, _ body: (inout Step) -> Void) {
        guard let plugin, let index = indices[StepID(plugin, phase)], steps[index].end == nil else { return }
        body(&steps[index])
    }

    var hasPlan: Bool { !steps.isEmpty }

    var hasEnded: Bool { hasPlan && steps.allSatisfy { $0.end != nil } }

    /// Adds what it knows to `status`.
    /// - Parameter isFrozen: steps that may be frozen are.
    func complete(_ status: inout RunStatus, isFrozen: Bool, at now: Duration) {
        let time = now - start
        status.throttle = throttle
        status.remaining = remaining.projection(steps.map(\.pace), at: time)
        status.steps = steps.map { self.status(of: $0, isFrozen: isFrozen, at: time) }
    }

    private func status(of step: Step, isFrozen: Bool, at time: Duration) -> StepStatus {
        var status = StepStatus(step.plan.id, .waiting, isProtected: step.plan.isProtected)
        switch step.stage {
        case .waiting:
            status.after = step.plan.after.first { id in indices[id].map { steps[$0].end == nil } ?? false }
            if status.after == nil { status.waitsFor = step.waitsFor }
        case .running(let since):
            status.state = step.isStopping ? .stopping : isFrozen && !step.plan.isProtected ? .frozen : .running
            status.duration = time - since
            status.percent = step.progress?.fraction.map { $0 * 100 }
        case .ended:
            status.state = .ended
            status.duration = step.end?.metrics.map { Duration(boundedSeconds: $0.wallSeconds) }
            status.outcome = step.end?.outcome
        }
        return status
    }
}

extension RunChronicle.Step {
    fileprivate var pace: StepPace {
        let expected = plan.durationIsKnown ? Duration(boundedSeconds: plan.durationSeconds) : nil
        let reported = progress?.fraction.map { (fraction: $0, at: told) }
        return StepPace(stage, reported: reported, expected: expected)
    }
}
