// Writing to a file descriptor until all is written.

import Glibc

/// Output cannot be delivered any more.
public struct OutputError: Error, Hashable, CustomStringConvertible {
    /// `errno` of the call that failed.
    public let code: Int32
    public let descriptor: Int32

    /// Whoever read the pipe has gone, or the terminal was closed: nobody is left to be told of it.
    public var isReaderGone: Bool { code == EPIPE || code == EIO }

    public var description: String {
        let name =
            switch descriptor {
            case STDOUT_FILENO: "standard output"
            case STDERR_FILENO: "standard error"
            default: "file descriptor \(descriptor)"
            }
        return "cannot write to \(name): \(String(cString: strerror(code)))"
    }
}

/// Writes whole pieces of output to a descriptor that somebody else owns and keeps open.
struct OutputDescriptor {
    let descriptor: Int32

    /// Writes all of `bytes`, and waits where the reader is slow, also on a descriptor that does not block.
    func write(_ bytes: [UInt8]) throws(OutputError) {
        if bytes.isEmpty { return }
        let code = withoutBrokenPipeSignal { bytes.withUnsafeBytes { writeAll($0) } }
        if code != 0 { throw OutputError(code: code, descriptor: descriptor) }
    }

    /// - Returns: 0 or the `errno`.
    private func writeAll(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count >= 0 {
                rest = rest.dropFirst(count)
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                // Another program that shares the terminal made it non-blocking: that is no reason to lose a frame.
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                if poll(&entry, 1, -1) < 0, errno != EINTR { return errno }
            default: return errno
            }
        }
        return 0
    }

    /// SIGPIPE ends a process that does not expect it, and its disposition belongs to the whole process. So it is
    /// blocked in this thread while `body` writes, and taken back where the write raised it (it goes to this thread).
    private func withoutBrokenPipeSignal(_ body: () -> Int32) -> Int32 {
        var pipeSignal = sigset_t()
        sigemptyset(&pipeSignal)
        sigaddset(&pipeSignal, SIGPIPE)
        var pending = sigset_t()
        sigpending(&pending)
        // One that already waits is somebody else's.
        if sigismember(&pending, SIGPIPE) == 1 { return body() }
        var saved = sigset_t()
        pthread_sigmask(SIG_BLOCK, &pipeSignal, &saved)
        let code = body()
        if code == EPIPE {
            var atOnce = timespec()
            while sigtimedwait(&pipeSignal, nil, &atOnce) < 0, errno == EINTR {}
        }
        pthread_sigmask(SIG_SETMASK, &saved, nil)
        return code
    }
}
