// A run as people see it: what is said once and scrolls away, what stands below it while it lasts, and the summary.

import RunModel
import UpdateModel

/// Reduces the events of a run to what a display shows. It knows neither terminal nor clock; times are since the run's
/// begin.
public struct RunView: Sendable {
    private(set) var state = RunState()

    public init() {}

    /// Takes events in order of `seq`.
    /// - Returns: the lines that are to be shown for good: one for each step that ended, and each limit, error and
    ///   notice once. None is wider than `columns`.
    public mutating func take(_ events: some Sequence<Event>, at now: Duration, columns: Int) -> [StyledLine] {
        var lines: [StyledLine] = []
        for event in events {
            guard let notice = state.apply(event, at: now) else { continue }
            lines += PermanentLines.lines(notice, state: state, columns: columns)
        }
        return lines
    }

    /// Takes what running steps use at the moment.
    public mutating func take(_ usage: [StepID: Usage]) { state.apply(usage) }

    /// As `take`, for a display that tells events otherwise and only wants the summary.
    public mutating func observe(_ events: some Sequence<Event>, at now: Duration) {
        for event in events { _ = state.apply(event, at: now) }
    }

    /// What stands below those lines: the bar of the whole run, the running steps, the waiting ones. At most `rows`
    /// lines, none wider than `columns`; none before the plan is known.
    public func live(columns: Int, rows: Int, at now: Duration) -> [StyledLine] {
        LiveRegion(state: state, columns: columns, now: now).lines(rows: rows)
    }

    /// The summary for when the run is over.
    public func summary(columns: Int, at now: Duration) -> [StyledLine] {
        Summary(state: state, columns: columns).lines(elapsed: now)
    }

    /// The summary's part about what went wrong; empty where nothing did.
    public func failures(columns: Int) -> [StyledLine] {
        Summary(state: state, columns: columns).failures()
    }

    /// Whether the live lines change with the time alone, more often than once a second.
    public var isAnimated: Bool {
        state.steps.contains {
            $0.runningSince != nil && $0.reportedFraction == nil && (!state.isFrozen || $0.isProtected)
        }
    }
}
