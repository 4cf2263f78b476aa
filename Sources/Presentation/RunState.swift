// Events → what is known of the run. Every display reads this one state.

import RunModel
import UpdateModel

/// The state of a run after the events taken so far.
struct RunState: Sendable {
    /// Something that is to be told once, when it happens.
    enum Notice: Sendable {
        /// Index into `steps`.
        case ended(Int)
        case deviation(LimitDeviation, PluginName?)
        case error(String)
    }

    struct PluginState: Sendable {
        var result: UpdateResult?
        var completion: Completion?
    }

    /// Errors and deviations that are kept for the summary; more only repeat themselves.
    static let maximumNotices = 64

    private(set) var start: RunStart?
    /// In start order of the plan; steps that it does not have behind.
    private(set) var steps: [StepState] = []
    private(set) var plugins: [PluginName: PluginState] = [:]
    /// The plan's and those found while running, each once.
    private(set) var deviations: [LimitDeviation] = []
    private(set) var errors: [String] = []
    private(set) var end: RunEnd?
    /// What was last said of it, and since when the run has not been as before.
    private(set) var throttle: (last: Throttle, since: Duration)?
    /// How long that was, of the times that are over.
    private var throttledBefore = Duration.zero
    /// Somebody has paused it, and when.
    private(set) var pause: (by: Intervention, since: Duration)?
    private var pausedBefore = Duration.zero
    private var hasPlan = false
    private(set) var remaining = RemainingTime(steps: [])
    /// In cells.
    private(set) var widestName = 0
    private var indices: [StepID: Int] = [:]

    init() {}

    func index(of id: StepID) -> Int? { indices[id] }

    var endedCount: Int { steps.count(where: \.isEnded) }

    /// How much of the run is done, 0…1: by expected durations where all are known, else by steps.
    func fraction(at now: Duration) -> Double {
        let usesTime = steps.allSatisfy { $0.expected != nil }
        var done = 0.0
        var total = 0.0
        for step in steps {
            let weight = usesTime ? max(0.1, step.expected?.inSeconds ?? 0) : 1
            total += weight
            done += weight * step.fraction(at: now)
        }
        return total > 0 ? done / total : 0
    }

    /// - Parameter now: time since the run's begin.
    mutating func apply(_ event: Event, at now: Duration) -> Notice? {
        switch event.body {
        case .runStart(let start):
            self.start = start
        case .plan(let plan):
            take(plan)
        case .phaseStart(let start):
            change(event, start.phase) { step in
                guard !step.isEnded else { return }
                step.stage = .running(since: now)
                step.isProtected = start.isProtected
            }
        case .output(let output):
            change(event, output.phase) { step in
                guard !step.isEnded else { return }
                step.tail.take(output)
                step.lastLine = step.tail.lines.last ?? step.lastLine
            }
        case .progress(let progress):
            change(event, progress.phase) { $0.take(progress, at: now) }
        case .waiting(let phase, let reason, let limit):
            // One that ran and waits is to be tried once more.
            change(event, phase) { if !$0.isEnded { $0.wait(for: reason, givesUpAfter: limit, at: now) } }
        case .throttle(let throttle):
            take(throttle, at: now)
        case .control(let intervention):
            take(intervention, at: now)
        case .stopping(let stopping):
            change(event, stopping.phase) { $0.stopping = $0.isEnded ? nil : (stopping, now) }
        case .phaseEnd(let end):
            guard let plugin = event.plugin else { return nil }
            let index = indexOfStep(StepID(plugin, end.phase))
            if steps[index].isEnded { return nil }
            steps[index].end(end, at: now)
            return .ended(index)
        case .result(let result):
            if let plugin = event.plugin { plugins[plugin, default: PluginState()].result = result }
        case .completion(let completion):
            if let plugin = event.plugin { plugins[plugin, default: PluginState()].completion = completion }
        case .limit(let deviation):
            guard deviations.count < Self.maximumNotices, !deviations.contains(deviation) else { return nil }
            deviations.append(deviation)
            return .deviation(deviation, event.plugin)
        case .error(let text):
            // What comes before the plan is about earlier runs, and was told before this one began.
            guard hasPlan, errors.count < Self.maximumNotices, !errors.contains(text) else { return nil }
            // A plugin's own troubles end with its outcome.
            if event.plugin == nil { errors.append(text) }
            return .error(text)
        case .runEnd(let end):
            self.end = end
        case .dropped:
            break
        }
        return nil
    }

    mutating func apply(_ usage: [StepID: Usage]) {
        for (id, usage) in usage {
            // Figures may arrive behind the step's end.
            guard let index = indices[id], steps[index].runningSince != nil else { continue }
            steps[index].usage = usage
        }
    }

    private mutating func take(_ new: Throttle, at now: Duration) {
        let since = isThrottled ? throttle?.since ?? now : now
        if new.state == .normal, isThrottled { throttledBefore += now - since }
        throttle = (new, since)
    }

    private mutating func take(_ new: Intervention, at now: Duration) {
        switch new.action {
        case .pause:
            pause = pause ?? (new, now)
        case .resume, .cancel:
            pausedBefore = pausedTime(at: now)
            pause = nil
        case .set:
            break
        }
    }

    /// For how long the run was paused, all in all.
    func pausedTime(at now: Duration) -> Duration { pausedBefore + (pause.map { now - $0.since } ?? .zero) }

    /// Steps that may be frozen are.
    var isFrozen: Bool { pause != nil || throttle?.last.state == .frozen }

    var isThrottled: Bool { throttle.map { $0.last.state != .normal } ?? false }

    /// For how long the run has stepped back, all in all.
    func throttledTime(at now: Duration) -> Duration {
        throttledBefore + (isThrottled ? throttle.map { now - $0.since } ?? .zero : .zero)
    }

    private mutating func take(_ plan: Plan) {
        hasPlan = true
        let known = steps
        steps = plan.steps.map { StepState(id: $0.id, plan: $0) }
        indices = [:]
        for (index, step) in steps.enumerated() {
            indices[step.id] = index
            widestName = max(widestName, step.name.utf8.count)
        }
        for step in known {
            let index = indexOfStep(step.id)
            steps[index].stage = step.stage
        }
        remaining = RemainingTime(steps: plan.steps)
        deviations = plan.deviations
    }

    private mutating func change(_ event: Event, _ phase: Phase, _ body: (inout StepState) -> Void) {
        guard let plugin = event.plugin else { return }
        body(&steps[indexOfStep(StepID(plugin, phase))])
    }

    private mutating func indexOfStep(_ id: StepID) -> Int {
        if let index = indices[id] { return index }
        steps.append(StepState(id: id, plan: nil))
        indices[id] = steps.count - 1
        widestName = max(widestName, steps[steps.count - 1].name.utf8.count)
        return steps.count - 1
    }
}
