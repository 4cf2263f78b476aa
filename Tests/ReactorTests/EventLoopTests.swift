import Glibc
import LinuxSystem
import Streams
import SystemPackage
import Testing
import UpdateModel

@testable import Reactor

/// An actor that lives on an event loop, as Execution does.
private actor Resident {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private var watches: [EventLoop.Watch] = []
    private var source: SignalSource?
    private var log: [String] = []
    private var waiters: [(count: Int, continuation: CheckedContinuation<[String], Never>)] = []

    init() throws { loop = try EventLoop(name: "test-loop") }

    private func note(_ text: String) {
        log.append(text)
        for waiter in waiters where waiter.count <= log.count { waiter.continuation.resume(returning: log) }
        waiters.removeAll { $0.count <= log.count }
    }

    /// The log once it has `count` entries.
    func entries(_ count: Int) async -> [String] {
        if log.count >= count { return log }
        return await withCheckedContinuation { waiters.append((count, $0)) }
    }

    func read(_ descriptor: CInt, pausing: Bool = false) throws {
        let index = watches.count
        watches.append(
            try loop.watch(descriptor, for: .readable) { [unowned self] interest in
                self.assumeIsolated { resident in
                    var byte: UInt8 = 0
                    let count = Glibc.read(descriptor, &byte, 1)
                    if count == 1 {
                        resident.note("byte \(byte)")
                        if pausing { resident.watches[index].pause() }
                    } else {
                        resident.note(interest.contains(.hangup) ? "hang-up" : "end")
                        resident.watches[index].cancel()
                    }
                }
            })
    }

    func resume(_ index: Int) throws { try watches[index].resume() }

    /// One timer for each delay, all counted from now; a negative one is cancelled at once.
    func schedule(_ delays: Duration...) {
        let now = monotonicTime()
        for delay in delays {
            let timer = loop.schedule(at: now + delay) { [unowned self] in
                self.assumeIsolated { $0.note("\(delay)") }
            }
            if delay < .zero { timer.cancel() }
        }
    }

    func receive(_ signals: [Int32]) throws {
        source = try SignalSource(signals, on: loop) { [unowned self] signal in
            self.assumeIsolated { $0.note("signal \(signal.number) from \(signal.sender == getpid())") }
        }
    }

    /// Sends a signal to the loop's thread.
    func raise(_ signal: Int32) { pthread_kill(pthread_self(), signal) }

    func stopReceiving() { source = nil }
}

@Suite("The event loop")
struct EventLoopTests {
    @Test("Bytes are told as they come, one handler call at a time, and the end is told too")
    func watch() async throws {
        let resident = try Resident()
        let (readEnd, writeEnd) = try Pipe().ends()
        try await resident.read(readEnd)
        try writeAll(writeEnd, [1, 2, 3])
        #expect(await resident.entries(3) == ["byte 1", "byte 2", "byte 3"])
        close(writeEnd)
        #expect(await resident.entries(4).last == "hang-up")
        close(readEnd)
        resident.loop.stop()
    }

    @Test("A paused watch is not told anything until it is resumed")
    func pause() async throws {
        let resident = try Resident()
        let (readEnd, writeEnd) = try Pipe().ends()
        try await resident.read(readEnd, pausing: true)
        try writeAll(writeEnd, [1, 2])
        #expect(await resident.entries(1) == ["byte 1"])
        // The timer's round comes after one in which the second byte would have been told.
        await resident.schedule(.milliseconds(5))
        #expect(await resident.entries(2) == ["byte 1", "0.005 seconds"])
        try await resident.resume(0)
        #expect(await resident.entries(3).last == "byte 2")
        close(writeEnd)
        close(readEnd)
        resident.loop.stop()
    }

    @Test("Timers fire in the order of their deadlines, whatever the order of asking, and cancelled ones never")
    func timers() async throws {
        let resident = try Resident()
        await resident.schedule(
            .milliseconds(9), .milliseconds(3), .milliseconds(-1), .milliseconds(7), .milliseconds(1), .milliseconds(5))
        let expected = [1, 3, 5, 7, 9].map { "\(Duration.milliseconds($0))" }
        #expect(await resident.entries(5) == expected)
        resident.loop.stop()
    }

    @Test("Signals that are blocked arrive as values, with their sender")
    func signals() async throws {
        var (mask, before) = (sigset_t(), sigset_t())
        sigemptyset(&mask)
        pthread_sigmask(SIG_SETMASK, nil, &before)
        // The loop's thread inherits what is blocked here.
        try SignalSource.block([SIGUSR1])
        let resident = try Resident()
        pthread_sigmask(SIG_SETMASK, &before, nil)
        try await resident.receive([SIGUSR1])
        await resident.raise(SIGUSR1)
        #expect(await resident.entries(1) == ["signal \(SIGUSR1) from true"])
        await resident.stopReceiving()
        resident.loop.stop()
    }

    @Test("A watch of a descriptor that is not open is an error, not a silence")
    func closed() async throws {
        let resident = try Resident()
        await #expect(throws: Errno.badFileDescriptor) { try await resident.read(-1) }
        resident.loop.stop()
    }
}
