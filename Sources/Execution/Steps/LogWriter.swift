// The bytes of a step go to its log before anything else: lossless on disk, lossy on screen.

import DequeModule
import LinuxSystem
import Reactor
import Synchronization
import SystemPackage
import UpdateModel

/// Writes the logs of all steps on a thread of its own, so that a hung disk holds neither the event loop nor the steps
/// whose logs still have room.
// @unchecked: all that changes is behind the mutex.
final class LogWriter: @unchecked Sendable {
    /// Bytes that wait for one log at most; at the bound that step's output is not read until there is room.
    static let bound = 4 << 20

    struct LogID: Hashable, Sendable { fileprivate let number: Int }

    /// What became of a log since it was asked last.
    enum Notice: Sendable {
        /// There is room again.
        case drained(LogID)
        /// The disk refused it; what comes now is thrown away.
        case failed(LogID, Errno)
        /// All that was handed over before `close` is written, or was refused, which is told before.
        case closed(LogID)
    }

    /// What `close` found.
    enum Closing: Equatable {
        /// Nothing waits any more; with what the disk refused, if it did.
        case closed(Errno?)
        /// A `closed` notice follows.
        case pending
    }

    fileprivate struct Log {
        let file: LogFile
        var chunks: Deque<[UInt8]> = []
        var pending = 0
        var failure: Errno?
        var isFull = false
        var isClosing = false
        var isQueued = false
        /// The thread has chunks of it in hand.
        var isBeingWritten = false

        /// The thread has nothing to do with it.
        var isIdle: Bool { chunks.isEmpty && !isQueued && !isBeingWritten }
    }

    fileprivate struct State {
        var logs: [LogID: Log] = [:]
        /// Logs with something to write, in turn.
        var ready: Deque<LogID> = []
        var nextNumber = 0
        var notices: [Notice] = []
        /// When the thread began the write that it is at, as `monotonicTime()`.
        var writingSince: Duration?
        var isStopping = false
    }

    private let state = Mutex(State())
    /// Of each log, in bytes.
    private let limit: Int64
    private let work: WakeUp
    private let ended: WakeUp
    /// Signalled where `takeNotices` has something; for the event loop to watch.
    let notice: WakeUp

    /// - Parameter limit: one log has so many bytes at most; beyond that its middle is cut, see `LogFile`.
    init(limit: Int64 = 4 << 30) throws(Errno) {
        self.limit = limit
        work = try WakeUp()
        notice = try WakeUp()
        ended = try WakeUp()
        try startThread(name: "log-writer") { [self] in
            while writeWhatIsReady() { work.wait(limit: nil) }
            ended.signal()
        }
    }

    /// - Parameter file: opened for appending.
    func open(_ file: consuming OwnedDescriptor) -> LogID {
        let file = LogFile(file, limit: limit)
        return state.withLock { state in
            state.nextNumber += 1
            let log = LogID(number: state.nextNumber)
            state.logs[log] = Log(file: file)
            return log
        }
    }

    /// Hands bytes over. Returns whether the log has room for more; if not, a `drained` notice follows.
    func append(_ bytes: [UInt8], to log: LogID) -> Bool {
        let (mustWake, hasRoom) = state.withLock { state -> (Bool, Bool) in
            guard state.logs[log] != nil, state.logs[log]?.failure == nil else { return (false, true) }
            state.logs[log]!.chunks.append(bytes)
            state.logs[log]!.pending += bytes.count
            let hasRoom = state.logs[log]!.pending < Self.bound
            // Only the writer takes this back: whoever was refused must be told, though another stream found room meanwhile.
            if !hasRoom { state.logs[log]!.isFull = true }
            return (state.enqueue(log), hasRoom)
        }
        if mustWake { work.signal() }
        return hasRoom
    }

    /// Writes bytes on this thread, right after what was handed over before; like `append` where that is still waiting.
    /// For commits: their output is on disk before anybody is told of it, and is not lost with us. A disk that hangs holds
    /// the caller then; a commit on it would hang as well.
    func write(_ bytes: [UInt8], to log: LogID) -> Bool {
        let idle = state.withLock { state -> LogFile? in
            guard let log = state.logs[log], log.isIdle, log.failure == nil else { return nil }
            return log.file
        }
        // A cut takes a while: it is for the thread.
        guard let file = idle, file.hasRoom(for: bytes.count) else { return append(bytes, to: log) }
        do throws(Errno) {
            try file.write(bytes)
        } catch {
            state.withLock { state in
                state.logs[log]?.failure = error
                state.notices.append(.failed(log, error))
            }
            notice.signal()
        }
        return true
    }

    /// Closes a log when all that was handed over is written, or the disk refused it. Its end is not known before.
    @discardableResult
    func close(_ log: LogID) -> Closing {
        let (mustWake, closing) = state.withLock { state -> (Bool, Closing) in
            guard let found = state.logs[log] else { return (false, .closed(nil)) }
            if found.isIdle || found.failure != nil {
                state.logs[log] = nil
                return (false, .closed(found.failure))
            }
            state.logs[log]!.isClosing = true
            return (state.enqueue(log), .pending)
        }
        if mustWake { work.signal() }
        return closing
    }

    func takeNotices() -> [Notice] {
        notice.clear()
        return state.withLock { state in
            defer { state.notices = [] }
            return state.notices
        }
    }

    /// For how long what waits for this log has waited for a single write, its own or another log's on the same disk;
    /// `nil`: nothing waits, or the thread is between two writes.
    func stalled(_ log: LogID, at now: Duration) -> Duration? {
        state.withLock { state in
            guard let log = state.logs[log], !log.isIdle else { return nil }
            return state.writingSince.map { now - $0 }
        }
    }

    /// Gives a log up: nothing more is kept for it, and no notice of it follows. The thread may still be in its last write.
    func abandon(_ log: LogID) {
        state.withLock { state in
            guard state.logs[log]?.isClosing == false else { return state.logs[log] = nil }
            state.logs[log]?.failure = .timedOut
            state.logs[log]?.chunks = []
            state.logs[log]?.pending = 0
        }
    }

    /// Ends the thread when everything is written, and returns then, or after `limit` where the disk does not answer.
    func stop(limit: Duration) {
        state.withLock { $0.isStopping = true }
        work.signal()
        ended.wait(limit: limit)
    }

    // MARK: The thread

    /// - Returns: whether there will be more to do.
    private func writeWhatIsReady() -> Bool {
        while let (log, file, chunks) = nextTurn() {
            var failure: Errno?
            for chunk in chunks {
                beginWrite()
                do throws(Errno) {
                    try file.write(chunk, willCopy: beginWrite)
                } catch {
                    failure = error
                    break
                }
            }
            finishTurn(log, failure: failure)
        }
        return state.withLock { !$0.isStopping }
    }

    private func nextTurn() -> (LogID, LogFile, Deque<[UInt8]>)? {
        state.withLock { state in
            while let id = state.ready.popFirst() {
                // One that was closed while it was written may be gone already, and others still wait behind it.
                guard let log = state.logs[id] else { continue }
                state.logs[id]!.isQueued = false
                state.logs[id]!.chunks = []
                state.logs[id]!.isBeingWritten = true
                return (id, log.file, log.chunks)
            }
            return nil
        }
    }

    /// A disk that is slow is not one that hangs: each write counts for itself.
    private func beginWrite() {
        let now = monotonicTime()
        state.withLock { $0.writingSince = now }
    }

    private func finishTurn(_ id: LogID, failure: Errno?) {
        let mustNotify = state.withLock { state in
            state.writingSince = nil
            guard var log = state.logs[id] else { return false }
            var mustNotify = false
            log.isBeingWritten = false
            log.pending = log.chunks.reduce(0) { $0 + $1.count }
            if let failure, log.failure == nil {
                log.failure = failure
                log.chunks = []
                log.pending = 0
                state.notices.append(.failed(id, failure))
                mustNotify = true
            }
            if log.isFull, log.pending < Self.bound / 2 {
                log.isFull = false
                state.notices.append(.drained(id))
                mustNotify = true
            }
            if log.isClosing, log.chunks.isEmpty {
                state.logs[id] = nil
                state.notices.append(.closed(id))
                mustNotify = true
            } else {
                state.logs[id] = log
            }
            return mustNotify
        }
        if mustNotify { notice.signal() }
    }
}

extension LogWriter.State {
    /// Puts a log in turn. Returns whether the thread must be woken.
    fileprivate mutating func enqueue(_ log: LogWriter.LogID) -> Bool {
        guard logs[log]?.isQueued == false else { return false }
        logs[log]!.isQueued = true
        ready.append(log)
        return ready.count == 1
    }
}
