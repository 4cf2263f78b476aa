// File descriptors have one owner, which closes them once.

import Glibc
import SystemPackage

/// A file descriptor that is closed when its owner goes away. `close` errors are not reported: on Linux the descriptor
/// is gone whatever `close` returns, and what must be known to be on disk is synced before.
public struct OwnedDescriptor: ~Copyable, Sendable {
    public let raw: CInt

    /// Takes over `raw`, which nobody else may close from now on.
    public init(owning raw: CInt) { self.raw = raw }

    deinit { close(raw) }

    /// Gives the descriptor away: the caller closes it.
    public consuming func release() -> CInt {
        let raw = self.raw
        discard self
        return raw
    }
}

/// Calls until the call was not interrupted by a signal.
@inline(__always)
package func retrying<Result: SignedInteger>(_ call: () -> Result) throws(Errno) -> Result {
    while true {
        let result = call()
        if result >= 0 { return result }
        let failure = Errno(rawValue: errno)
        if failure != .interrupted { throw failure }
    }
}
