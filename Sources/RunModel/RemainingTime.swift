// How long a run will go on: the plan's steps put behind each other again, from what has happened so far.

import UpdateModel

/// How far a step of a plan has come. Times are since the run's begin.
public struct StepPace: Sendable {
    public enum Stage: Sendable {
        case waiting
        case running(since: Duration)
        case ended
    }

    public var stage: Stage
    /// How much of it is done, 0…1, by its own word, and when it said so.
    public var reported: (fraction: Double, at: Duration)?
    /// `nil`: nobody said how long it takes.
    public var expected: Duration?

    public init(_ stage: Stage, reported: (fraction: Double, at: Duration)? = nil, expected: Duration?) {
        self.stage = stage
        self.reported = reported
        self.expected = expected
    }
}

/// Projects the end of a run under way. Made once a plan; a projection is linear in its steps and edges.
public struct RemainingTime: Sendable {
    /// For each step of the plan the steps whose end its start waits for: requirements, and the one step that, as
    /// planned, ended when it begins and so gave it its slot.
    private let predecessors: [[Int]]
    /// For each step the mutexes it holds, as small numbers.
    private let mutexes: [[Int]]
    private let mutexCount: Int

    public init(steps: [PlannedStep]) {
        var indices: [StepID: Int] = [:]
        var lastToEnd: [Duration: Int] = [:]
        var mutexNumbers: [String: Int] = [:]
        var predecessors: [[Int]] = []
        var mutexes: [[Int]] = []
        for (index, step) in steps.enumerated() {
            var before = step.after.compactMap { indices[$0] }
            let start = Self.instant(step.startSeconds)
            if step.waitsFor != nil, let enabler = lastToEnd[start] { before.append(enabler) }
            predecessors.append(before)
            mutexes.append(
                step.mutexes.map { name in
                    let number = mutexNumbers[name] ?? mutexNumbers.count
                    mutexNumbers[name] = number
                    return number
                })
            indices[step.id] = index
            lastToEnd[Self.instant(step.startSeconds + step.durationSeconds)] = index
        }
        self.predecessors = predecessors
        self.mutexes = mutexes
        mutexCount = mutexNumbers.count
    }

    /// In whole milliseconds, so that sums of floating-point numbers meet.
    private static func instant(_ seconds: Double) -> Duration {
        .milliseconds(Int64((Duration(boundedSeconds: seconds).inSeconds * 1000).rounded()))
    }

    /// From `now` to the end of the last step; `nil` where a step's length is not known.
    /// - Parameter states: those of the plan's steps in its order.
    public func projection(_ states: [StepPace], at now: Duration) -> Duration? {
        guard !predecessors.isEmpty, states.count == predecessors.count else { return nil }
        var ends = [Duration](repeating: now, count: states.count)
        var free = [Duration](repeating: now, count: mutexCount)
        for (index, state) in states.enumerated() {
            switch state.stage {
            case .ended: continue
            case .running(let since):
                if let (fraction, told) = state.reported, fraction >= 0.05 {
                    // From the moment it said so: until it says more the end stays where it is.
                    ends[index] = max(now, since + .seconds((told - since).inSeconds / fraction))
                } else if let expected = state.expected {
                    ends[index] = max(now, since + expected)
                } else {
                    return nil
                }
            case .waiting:
                guard let expected = state.expected else { return nil }
                var start = now
                for predecessor in predecessors[index] { start = max(start, ends[predecessor]) }
                for mutex in mutexes[index] { start = max(start, free[mutex]) }
                ends[index] = start + expected
            }
            for mutex in mutexes[index] { free[mutex] = max(free[mutex], ends[index]) }
        }
        return (ends.max() ?? now) - now
    }
}
