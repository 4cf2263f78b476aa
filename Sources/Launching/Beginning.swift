// A child between its clone and its program.

import CLinux
import Glibc

/// What a child reads until it is the program, and what came of it.
final class Beginning {
    private let request: LaunchRequest
    private let launch: OpaquePointer

    /// - Parameter launch: as `clx_begin` gave it.
    init(_ request: LaunchRequest, _ launch: OpaquePointer) {
        self.request = request
        self.launch = launch
    }

    deinit { clx_release(launch) }

    /// Why it ended before it was the program; `nil` where it was, or this is not known yet.
    /// - Parameter signal: the one that ended it, or 0.
    func failure(signal: Int32) -> LaunchError? {
        var result = clx_spawned()
        guard clx_has_failed(launch, &result) != 0 else { return nil }
        result.signal = signal
        return LaunchError(request, result)
    }

    /// Sleeps until it is the program.
    /// - Throws: where it failed to be; it is reaped then.
    func wait(for process: pid_t) throws(LaunchError) {
        var result = clx_spawned()
        result.pid = process
        if clx_wait(launch, &result) != 0 { throw LaunchError(request, result) }
    }
}
