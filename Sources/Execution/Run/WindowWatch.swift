// The policy's window during a run: which steps may still be started, and when the rest is put off.

import LinuxSystem
import Policy
import Reactor
import RunModel
import UpdateModel

/// Lives on the event loop's thread. Without a window everything may be started at any time.
final class WindowWatch {
    private let gate: WindowGate?
    private let loop: EventLoop
    /// Of the steps of which somebody has said it.
    private let durations: [StepID: Duration]
    private var timer: EventLoop.Timer?
    /// Steps that did not run for the sake of the window, and what requires them.
    private(set) var putOff: Set<StepID> = []

    /// Where the clock has just been set back across the window's end, its end is looked for so often.
    private static let pause = Duration.seconds(60)

    init(_ gate: WindowGate?, plan: Plan, loop: EventLoop) {
        self.gate = gate
        self.loop = loop
        durations = Dictionary(
            plan.steps.filter(\.durationIsKnown).map { ($0.id, .seconds($0.durationSeconds)) },
            uniquingKeysWith: { first, _ in first })
    }

    /// Whether it is closed.
    var isClosed: Bool { gate?.refusal(ofStepTaking: nil) != nil }

    /// Why a step must not be started now, as a clause; `nil`: it may. What takes back what ran before all steps always may.
    func refusal(of command: StepCommand) -> String? {
        command.hook == .afterRun ? nil : gate?.refusal(ofStepTaking: durations[command.step])
    }

    /// Why what has not been started by now is put off.
    var closedText: String? { gate?.refusal(ofStepTaking: nil) }

    func put(off step: StepID) { putOff.insert(step) }

    /// Calls `onClose` once, when the window closes.
    func watch(onClose: @escaping () -> Void) {
        guard let gate, case .open(let closes?) = gate.state else { return }
        let left = Duration.milliseconds(closes.millisecondsSince1970 - gate.clock().millisecondsSince1970)
        timer = loop.schedule(at: monotonicTime() + (left > .zero ? left : Self.pause)) { [weak self] in
            guard let self else { return }
            // The calendar's clock may have been set since.
            if isClosed { onClose() } else { watch(onClose: onClose) }
        }
    }

    func stop() { timer?.cancel() }
}
