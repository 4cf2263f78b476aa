// One thread that waits for descriptors, timers and the jobs of an actor. An actor whose executor is this loop gets its
// callbacks on its own isolation, so that its state needs no lock and nothing is handed from thread to thread.

import CReactor
import Glibc
import LinuxSystem
import Synchronization
import SystemPackage
import UpdateModel

/// An epoll loop on a thread of its own, which is also an actor's executor.
///
/// `watch`, `schedule` and what they return may only be used on the loop's thread, by the actor that runs there (checked
/// in debug builds). Watches are level-triggered: a handler that does not read is called again.
// @unchecked: `shared` is behind a mutex; everything else is set before the thread starts or touched on that thread alone.
public final class EventLoop: SerialExecutor, @unchecked Sendable {
    public struct Interest: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public static let readable = Interest(rawValue: UInt32(CLX_READABLE))
        public static let writable = Interest(rawValue: UInt32(CLX_WRITABLE))
        public static let priority = Interest(rawValue: UInt32(CLX_PRIORITY))
        /// Reported whether asked for or not.
        public static let hangup = Interest(rawValue: UInt32(CLX_HANGUP))
    }

    private struct Shared {
        var jobs: [UnownedJob] = []
        var isWoken = false
        var isStopping = false
    }

    private let epoll: OwnedDescriptor
    private let wakeUp: WakeUp
    private let shared = Mutex(Shared())
    private let thread = Atomic<UInt>(0)

    private static let wakeUpToken = UInt64.max
    private var watches: [Watch?] = []
    private var freeSlots: [Int] = []
    private var generation: UInt32 = 0
    private var timers = TimerQueue()
    private var lastWake = monotonicTime()
    private var lastCalendarTime: Timestamp?

    /// - Throws: where the process has no descriptors left.
    public init(name: String) throws(Errno) {
        epoll = OwnedDescriptor(owning: try retrying { clx_epoll_create() })
        wakeUp = try WakeUp()
        _ = try retrying { clx_epoll_add(epoll.raw, wakeUp.descriptor, UInt32(CLX_READABLE), Self.wakeUpToken) }
        try startThread(name: name) { [self] in
            thread.store(UInt(pthread_self()), ordering: .releasing)
            run()
        }
    }

    /// Ends the thread after the jobs that are already queued. Nothing may be enqueued afterwards.
    public func stop() {
        shared.withLock { $0.isStopping = true }
        wakeUp.signal()
    }

    // MARK: Executor

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let mustWake = shared.withLock { state in
            state.jobs.append(job)
            defer { state.isWoken = true }
            return !state.isWoken
        }
        if mustWake { wakeUp.signal() }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    public func checkIsolated() {
        precondition(isOnThread, "not on the event loop's thread")
    }

    private var isOnThread: Bool { thread.load(ordering: .acquiring) == UInt(pthread_self()) }

    // MARK: Time

    /// When the thread woke up last, as `monotonicTime()`: what is handled since then is taken for simultaneous. On the
    /// loop's thread only, as `calendarNow`. The clocks are read once a wake-up, since that can be a system call each.
    public var now: Duration {
        assert(isOnThread)
        return lastWake
    }

    /// The calendar's time when it was asked for first since the thread woke up.
    public var calendarNow: Timestamp {
        assert(isOnThread)
        if let lastCalendarTime { return lastCalendarTime }
        let time = calendarTime()
        lastCalendarTime = time
        return time
    }

    // MARK: Watches and timers

    /// Calls `handler` on this thread whenever `descriptor` is ready. The descriptor must outlive the watch.
    public func watch(
        _ descriptor: CInt, for interest: Interest, _ handler: @escaping (Interest) -> Void
    ) throws(Errno) -> Watch {
        assert(isOnThread)
        let slot = freeSlots.popLast() ?? watches.count
        if slot == watches.count { watches.append(nil) }
        generation &+= 1
        let watch = Watch(
            loop: self, descriptor: descriptor, interest: interest, slot: slot, generation: generation, handler: handler
        )
        watches[slot] = watch
        do {
            try watch.resume()
        } catch {
            watch.cancel()
            throw error
        }
        return watch
    }

    /// Calls `action` once on this thread at `deadline` of `monotonicTime()`, or soon after.
    @discardableResult
    public func schedule(at deadline: Duration, _ action: @escaping () -> Void) -> Timer {
        assert(isOnThread)
        let timer = Timer(deadline: deadline, action: action)
        timers.insert(timer)
        return timer
    }

    fileprivate func add(_ watch: Watch) throws(Errno) {
        _ = try retrying {
            clx_epoll_add(epoll.raw, watch.descriptor, watch.interest.rawValue, watch.token)
        }
    }

    fileprivate func remove(_ watch: Watch) {
        _ = clx_epoll_remove(epoll.raw, watch.descriptor)
    }

    fileprivate func free(slot: Int) {
        assert(isOnThread)
        watches[slot] = nil
        freeSlots.append(slot)
    }

    // MARK: The thread

    private func run() {
        var ready = [clx_ready](repeating: clx_ready(), count: 64)
        while true {
            let timeout = timers.timeout()
            let count = clx_epoll_wait(epoll.raw, &ready, CInt(ready.count), timeout)
            lastWake = monotonicTime()
            lastCalendarTime = nil
            for event in ready.prefix(Int(max(0, count))) {
                if event.token == Self.wakeUpToken {
                    if runJobs() { return }
                    continue
                }
                let slot = Int(event.token & 0xFFFF_FFFF)
                // The slot may have been freed, and taken again, by an earlier handler of this round.
                guard let watch = watches[slot], watch.token == event.token, !watch.isPaused else { continue }
                watch.handler(Interest(rawValue: event.events))
            }
            // Outside of the queue: an action may schedule the next timer.
            while let action = timers.nextDue(at: lastWake) { action() }
        }
    }

    /// - Returns: whether the loop is to end.
    private func runJobs() -> Bool {
        wakeUp.clear()
        let (jobs, isStopping) = shared.withLock { state in
            defer {
                state.jobs.removeAll(keepingCapacity: true)
                state.isWoken = false
            }
            return (state.jobs, state.isStopping)
        }
        for job in jobs { job.runSynchronously(on: asUnownedSerialExecutor()) }
        return isStopping && jobs.isEmpty
    }
}

extension EventLoop {
    /// A descriptor that is waited for.
    public final class Watch {
        fileprivate unowned let loop: EventLoop
        fileprivate let descriptor: CInt
        fileprivate let interest: Interest
        fileprivate let slot: Int
        fileprivate let generation: UInt32
        fileprivate var handler: (Interest) -> Void
        public private(set) var isPaused = true
        private var isCancelled = false

        fileprivate init(
            loop: EventLoop, descriptor: CInt, interest: Interest, slot: Int, generation: UInt32,
            handler: @escaping (Interest) -> Void
        ) {
            self.loop = loop
            self.descriptor = descriptor
            self.interest = interest
            self.slot = slot
            self.generation = generation
            self.handler = handler
        }

        fileprivate var token: UInt64 { UInt64(generation) << 32 | UInt64(slot) }

        /// Stops waiting for a while. The descriptor leaves the epoll set, since a hang-up would be reported
        /// even without interest in anything.
        public func pause() {
            guard !isPaused else { return }
            isPaused = true
            loop.remove(self)
        }

        public func resume() throws(Errno) {
            guard isPaused, !isCancelled else { return }
            try loop.add(self)
            isPaused = false
        }

        /// Ends the watch; to be called before the descriptor is closed.
        public func cancel() {
            guard !isCancelled else { return }
            pause()
            isCancelled = true
            handler = { _ in }
            loop.free(slot: slot)
        }
    }

    /// A call in the future.
    public final class Timer {
        fileprivate let deadline: Duration
        fileprivate var action: (() -> Void)?

        fileprivate init(deadline: Duration, action: @escaping () -> Void) {
            self.deadline = deadline
            self.action = action
        }

        /// The call does not happen, unless it has.
        public func cancel() { action = nil }
    }
}

/// Timers in the order of their deadlines: a binary heap, since most are cancelled before they fire.
private struct TimerQueue {
    private var heap: [EventLoop.Timer] = []

    mutating func insert(_ timer: EventLoop.Timer) {
        heap.append(timer)
        var child = heap.count - 1
        while child > 0, heap[child].deadline < heap[(child - 1) / 2].deadline {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func removeFirst() -> EventLoop.Timer {
        heap.swapAt(0, heap.count - 1)
        let first = heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].deadline < heap[least].deadline {
                least = child
            }
            if least == parent { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }

    /// Nanoseconds until the next deadline; −1 where there is none.
    mutating func timeout() -> Int64 {
        while let first = heap.first, first.action == nil { _ = removeFirst() }
        guard let first = heap.first else { return -1 }
        // Read anew: a launch among what was handled may have taken long.
        let (seconds, attoseconds) = (first.deadline - monotonicTime()).components
        return max(0, seconds * 1_000_000_000 + (attoseconds + 999_999_999) / 1_000_000_000)
    }

    /// Takes out the first timer that is due, and gives what it does.
    mutating func nextDue(at now: Duration) -> (() -> Void)? {
        while let first = heap.first, first.action == nil || first.deadline <= now {
            let action = removeFirst().action
            first.action = nil
            if let action { return action }
        }
        return nil
    }
}
