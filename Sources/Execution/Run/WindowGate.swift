// Whether the policy's window is open, by the clocks of this machine, and what that means for a run, a plan and a step.

import LinuxSystem
import Policy
import RunModel
import RunPolicy
import UpdateModel

/// The policy's window and the clock that it is read from.
struct WindowGate: Sendable {
    enum State {
        /// `nil`: it never closes.
        case open(closes: Timestamp?)
        case closed(opens: Timestamp)
    }

    let window: UpdateWindow
    /// Where nobody but the administrator can change it.
    let ceiling: PolicyOrigin?
    let clock: @Sendable () -> Timestamp

    /// - Returns: `nil` where the policy has no window.
    init?(_ policy: MergedPolicy, clock: @escaping @Sendable () -> Timestamp) {
        guard let window = policy.window else { return nil }
        self.window = window
        self.clock = clock
        ceiling = policy.windowCeiling
    }

    var state: State { state(at: clock()) }

    private func state(at now: Timestamp) -> State {
        let moment = localMoment(of: now)
        guard window.windows.contains(moment) else {
            let minutes = window.windows.opening(from: moment)
            return .closed(opens: timestamp(minutes: minutes, afterMidnightBefore: now))
        }
        return .open(
            closes: window.windows.closing(from: moment).map { timestamp(minutes: $0, afterMidnightBefore: now) })
    }

    // MARK: A run

    /// Why nothing may be run now, and when it may; `nil`: something may.
    var refusal: RunError? {
        let now = clock()
        guard case .closed(let opens) = state(at: now) else { return nil }
        let windows = window.windows.texts.joined(separator: ", ")
        return RunError(
            .deferredByPolicy,
            "nothing was run: updates are to run at \(windows); that begins \(localMoment(of: opens)), in "
                + "\((opens - now).sentence). Wait for it, or \(way)")
    }

    /// Why a plan need not be begun: everything in it would be put off; `nil`: something would run.
    func refusal(of plan: Plan) -> RunError? {
        let steps = plan.steps.filter { $0.hook == nil }
        guard let closes = plan.window?.closes, !steps.isEmpty,
            Set(steps.map(\.id)).isSubset(of: plan.window?.putOff ?? [])
        else { return nil }
        return RunError(
            .deferredByPolicy,
            "nothing was run: no step is expected to end before the policy's window closes, \(closes.local). "
                + "Run it when the next one opens, or \(way)")
    }

    /// How the window is got rid of.
    private var way: String {
        ceiling.map { "have \"allow\" changed in \($0)" } ?? "run without it: --set 'window.allow=[]'"
    }

    // MARK: A plan

    /// - Parameter steps: of the plan, with the times at which they are expected to start and end.
    func planned(_ steps: [PlannedStep]) -> PlannedWindow {
        let now = clock()
        var opens: Timestamp?
        let closes: Timestamp?
        switch state(at: now) {
        case .open(let end): closes = end
        case .closed(let start):
            opens = start
            if case .open(let end) = state(at: start) { closes = end } else { closes = nil }
        }
        var planned = PlannedWindow(
            allow: window.windows.texts, finishBy: window.finishBy, opens: opens.map(edge), closes: closes.map(edge))
        guard let closes else { return planned }
        let length = (closes - (opens ?? now)).inSeconds
        // What comes after all steps runs in any case.
        for step in steps where step.hook != .afterRun {
            let endsInside = !step.durationIsKnown || step.startSeconds + step.durationSeconds <= length
            if step.startSeconds >= length || window.finishBy && !endsInside {
                planned.putOff.append(step.id)
            } else if !endsInside {
                planned.overrunning.append(step.id)
            }
        }
        return planned
    }

    private func edge(_ timestamp: Timestamp) -> PlannedWindow.Edge {
        PlannedWindow.Edge(timestamp: timestamp, local: localMoment(of: timestamp).description)
    }

    // MARK: A step

    /// Why a step must not be started now, as a clause; `nil`: it may.
    /// - Parameter duration: `nil`: nobody knows how long it takes.
    func refusal(ofStepTaking duration: Duration?) -> String? {
        let now = clock()
        switch state(at: now) {
        case .closed(let opens):
            return "the policy's window has closed; the next one opens \(localMoment(of: opens))"
        case .open(let closes):
            guard window.finishBy, let closes, let duration, duration > closes - now else { return nil }
            return "it is expected to take \(duration.sentence), and the policy's window closes "
                + "\(localMoment(of: closes)), in \((closes - now).sentence)"
        }
    }
}

extension Timestamp {
    fileprivate static func - (left: Self, right: Self) -> Duration {
        .milliseconds(left.millisecondsSince1970 - right.millisecondsSince1970)
    }
}
