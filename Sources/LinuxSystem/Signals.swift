// Signals as something to read.

import CLinux
import Glibc
import SystemPackage

/// A signal that arrived. The kernel merges equal ones that come close together.
public struct ReceivedSignal: Hashable, Sendable {
    public let number: Int32
    /// The process that sent it; `nil`: the kernel did, such as for Ctrl-C, or one that cannot be seen from here.
    public let sender: pid_t?
}

/// Keeps signals from having their usual effect in this thread and all that it starts from now on; they
/// wait to be read. SIGCONT makes a stopped process go on all the same.
public func blockSignals(_ signals: [Int32]) throws(Errno) {
    var set = signalSet(signals)
    let failure = pthread_sigmask(SIG_BLOCK, &set, nil)
    if failure != 0 { throw Errno(rawValue: failure) }
}

/// A descriptor that is readable when a signal has come, for `nextSignal` (signalfd(2)).
/// - Parameter signals: blocked ones.
public func openSignals(_ signals: [Int32]) throws(Errno) -> OwnedDescriptor {
    var set = signalSet(signals)
    return OwnedDescriptor(owning: try retrying { clx_signalfd(&set) })
}

/// The next signal, without waiting; `nil` where there is none.
/// - Parameter descriptor: of `openSignals`.
public func nextSignal(_ descriptor: CInt) -> ReceivedSignal? {
    var sender: pid_t = 0
    let number = clx_signalfd_read(descriptor, &sender)
    return number < 0 ? nil : ReceivedSignal(number: number, sender: sender == 0 ? nil : sender)
}

private func signalSet(_ signals: [Int32]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    return set
}
