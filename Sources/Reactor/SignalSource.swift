// Signals as something to read, on the event loop like everything else.

import CReactor
import Glibc
import LinuxSystem
import SystemPackage

/// A signal that arrived. The kernel merges equal ones that come close together.
public struct ReceivedSignal: Hashable, Sendable {
    public let number: Int32
    /// The process that sent it; `nil`: the kernel did, such as for Ctrl-C.
    public let sender: pid_t?
}

/// Delivers signals to the actor of an event loop. To be made, used and released on the loop's thread.
public final class SignalSource {
    private let descriptor: OwnedDescriptor
    private var watch: EventLoop.Watch?

    /// Keeps the signals from having their usual effect in this thread and all that it starts from now on. To be called
    /// first thing in the program: a thread that does not block them would still be ended by them.
    public static func block(_ signals: [Int32]) throws(Errno) {
        var set = signalSet(signals)
        let failure = pthread_sigmask(SIG_BLOCK, &set, nil)
        if failure != 0 { throw Errno(rawValue: failure) }
    }

    /// - Parameter signals: blocked ones, see `block`.
    public init(
        _ signals: [Int32], on loop: EventLoop, handler: @escaping (ReceivedSignal) -> Void
    ) throws(Errno) {
        var set = signalSet(signals)
        descriptor = OwnedDescriptor(owning: try retrying { clx_signalfd(&set) })
        let raw = descriptor.raw
        watch = try loop.watch(raw, for: .readable) { _ in
            var sender: pid_t = 0
            // At most as many as there are signals, since equal ones are merged (realtime ones are not used here).
            for _ in 0..<64 {
                let number = clx_signalfd_read(raw, &sender)
                if number < 0 { return }
                handler(ReceivedSignal(number: number, sender: sender == 0 ? nil : sender))
            }
        }
    }

    deinit { watch?.cancel() }
}

private func signalSet(_ signals: [Int32]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    return set
}
