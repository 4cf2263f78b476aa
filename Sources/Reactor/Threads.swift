// Threads for what blocks, and how they are woken. Everything else runs on the event loop.

import CReactor
import Glibc
import LinuxSystem
import SystemPackage

/// Starts a detached thread named `name` (15 bytes of it) that runs `body` and ends.
public func startThread(name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
    final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    let retained = Unmanaged.passRetained(Body(body))
    var handle = pthread_t()
    let start: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        // The argument is the retained body below, and never nil.
        if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
    }
    let failure = pthread_create(&handle, nil, start, retained.toOpaque())
    if failure != 0 {
        retained.release()
        throw Errno(rawValue: failure)
    }
    clx_name_thread(handle, name)
    pthread_detach(handle)
}

/// Wakes one thread, or an event loop, from another: signals that came before the wait are not lost, and several count
/// as one (`eventfd(2)`).
public final class WakeUp: Sendable {
    private let counter: OwnedDescriptor

    public init() throws(Errno) {
        counter = OwnedDescriptor(owning: try retrying { clx_eventfd() })
    }

    /// For an `EventLoop` to watch; readable while a signal waits.
    public var descriptor: CInt { counter.raw }

    public func signal() {
        var one: UInt64 = 1
        _ = write(counter.raw, &one, 8)  // fails only where it is signalled already
    }

    /// Takes back what was signalled.
    public func clear() {
        var count: UInt64 = 0
        _ = read(counter.raw, &count, 8)
    }

    /// Waits for a signal, at most `limit` (`nil`: for ever), and takes it back.
    /// - Returns: whether there was one.
    @discardableResult
    public func wait(limit: Duration?) -> Bool {
        var ready = pollfd(fd: counter.raw, events: Int16(POLLIN), revents: 0)
        let (seconds, attoseconds) = (limit ?? .zero).components
        let milliseconds = seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        var count: CInt
        repeat {
            count = poll(&ready, 1, limit == nil ? -1 : CInt(clamping: max(0, milliseconds)))
        } while count < 0 && errno == EINTR && limit == nil  // a wait with a limit may end early
        clear()
        return count > 0
    }
}
