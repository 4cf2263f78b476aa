// Signals on the event loop, like everything else.

import Glibc
import LinuxSystem
import SystemPackage

/// Delivers signals to the actor of an event loop. To be made, used and released on the loop's thread.
public final class SignalSource {
    private let descriptor: OwnedDescriptor
    private var watch: EventLoop.Watch?

    /// Keeps the signals from having their usual effect in this thread and all that it starts from now on. To be called
    /// first thing in the program: a thread that does not block them would still be ended by them.
    public static func block(_ signals: [Int32]) throws(Errno) { try blockSignals(signals) }

    /// - Parameter signals: blocked ones, see `block`.
    public init(
        _ signals: [Int32], on loop: EventLoop, handler: @escaping (ReceivedSignal) -> Void
    ) throws(Errno) {
        descriptor = try openSignals(signals)
        let raw = descriptor.raw
        watch = try loop.watch(raw, for: .readable) { _ in
            // At most as many as there are signals, since equal ones are merged (realtime ones are not used here).
            for _ in 0..<64 {
                guard let signal = nextSignal(raw) else { return }
                handler(signal)
            }
        }
    }

    deinit { watch?.cancel() }
}
