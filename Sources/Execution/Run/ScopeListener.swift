// What systemd says to a run that is in a scope of its own: it asks us, and nobody else, when that is to stop.

import Reactor
import SystemPackage
import Systemd

/// Listens on an event loop; to be made, used and released on its thread.
final class ScopeListener {
    private let scope: TransientScope
    private let onStop: () -> Void
    private let report: (String) -> Void
    private var watch: EventLoop.Watch?

    /// - Parameters:
    ///   - onStop: the scope was stopped by name, the machine goes down, or the person has logged out.
    ///   - report: told, as a sentence, where nothing will be heard any more; for an `error` event.
    init(
        _ scope: TransientScope, on loop: EventLoop, onStop: @escaping () -> Void, report: @escaping (String) -> Void
    ) {
        self.scope = scope
        self.onStop = onStop
        self.report = report
        do throws(Errno) {
            watch = try loop.watch(scope.descriptor, for: .readable) { [unowned self] _ in hear() }
        } catch {
            report("systemd cannot be listened to: \(error). To stop \(scope.unit) will wait for the run's end")
        }
    }

    deinit { watch?.cancel() }

    /// Takes what has come. Also to be called after systemd was asked for something: what came meanwhile is no longer to be
    /// seen at the descriptor.
    func hear() {
        switch scope.takeNews() {
        case nil: break
        case .stopRequested: onStop()
        case .disconnected:
            watch?.cancel()
            report("the message bus has gone: to stop \(scope.unit) will wait for the run's end and not cancel it")
        }
    }
}
