// One process from its launch to the end of all that it started: pipes, timers, signals, leftovers. Lives on the event
// loop's thread.

import Cgroups
import Glibc
import Launching
import LinuxSystem
import Reactor
import RunModel
import Spawning
import SystemPackage
import UpdateModel

/// Drives a `ProcessLifecycle` with a real process.
final class SupervisedProcess {
    /// Who gets what the process prints.
    protocol Output: AnyObject {
        /// Takes a piece of output as it was read. Returns whether more may be read; if not, `resumeReading` must follow.
        func take(_ bytes: [UInt8], from stream: OutputStream, at now: Duration) -> Bool
        /// No more will come.
        func ended()
    }

    /// What the lifecycle wants known besides the end.
    enum Notice {
        case stopping(StopCause, signal: Int32?, killAfter: Duration?)
        case overdue(Duration)
        /// What it started cannot be ended: why, as a clause.
        case cannotKill(String)
    }

    private let loop: EventLoop
    private let process: LaunchedProcess
    private let group: ProcessGroup
    private let output: any Output
    private let onNotice: (Notice) -> Void
    private let onEnd: (ProcessLifecycle.End) -> Void
    private var lifecycle: ProcessLifecycle
    private var exitWatch: EventLoop.Watch?
    private var streams: [OutputStream: Stream] = [:]
    private var groupWatch: EventLoop.Watch?
    private var timers: [EventLoop.Timer] = []

    /// Read at once at most; a pipe of the default size gives no more.
    private static let chunk = 64 << 10
    /// What prints line by line would wake us for each of them, which costs it more than the line. So one from which little
    /// was read, and little shortly before, is left alone for so long; what it prints meanwhile is read at once.
    private static let rest = Duration.milliseconds(2)
    /// Of a pipe's 64 KiB: what prints more than this in the time of a rest is never made to wait.
    private static let little = 8 << 10

    /// One of its outputs while it is open.
    private final class Stream {
        let descriptor: OwnedDescriptor
        var watch: EventLoop.Watch?
        /// Whoever takes its output has no room.
        var isBlocked = false
        /// The end of a rest.
        var rest: EventLoop.Timer?
        var lastRead = Duration.zero

        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

        func resume() {
            rest?.cancel()
            rest = nil
            // It fails only where the kernel has no memory for it; the output then ends with the lifecycle's grace.
            if !isBlocked { try? watch?.resume() }
        }
    }

    private(set) var exit: Exit?
    /// Why it ended without ever having been the program.
    private(set) var launchError: LaunchError?
    var processID: Int32 { process.pid }
    var processDescriptor: CInt { process.pidfd }
    /// Where its output is read from, as long as it is open.
    var outputDescriptors: [CInt] { streams.values.map { $0.descriptor.raw } }

    /// - Throws: where the event loop cannot watch it (no descriptors left); the process is killed then.
    init(
        _ process: LaunchedProcess, group: ProcessGroup, rules: ProcessLifecycle.Rules, output: any Output,
        loop: EventLoop, onNotice: @escaping (Notice) -> Void, onEnd: @escaping (ProcessLifecycle.End) -> Void
    ) throws(Errno) {
        self.loop = loop
        self.process = process
        self.group = group
        self.output = output
        self.onNotice = onNotice
        self.onEnd = onEnd
        lifecycle = ProcessLifecycle(rules: rules)
        if let stdout = process.takeStdout() { streams[.stdout] = Stream(stdout) }
        if let stderr = process.takeStderr() { streams[.stderr] = Stream(stderr) }
        do throws(Errno) {
            exitWatch = try loop.watch(process.pidfd, for: .readable) { [unowned self] _ in exited() }
            for (name, stream) in streams {
                stream.watch = try loop.watch(stream.descriptor.raw, for: .readable) { [unowned self] ready in
                    // Nobody can write any more, and nothing is left to read.
                    if ready == .hangup { ended(name) } else { read(name) }
                }
            }
        } catch {
            _ = group.killAll()
            tearDown()
            throw error
        }
        // The launch may have taken long.
        perform(lifecycle.started(at: monotonicTime()))
    }

    /// Whoever wants it to end says why; `isUrgent` skips the grace.
    func stop(_ cause: StopCause, isUrgent: Bool) {
        perform(lifecycle.stopRequested(cause, isUrgent: isUrgent, at: loop.now))
    }

    /// It is to stand still, or goes on.
    /// - Returns: whether all its processes do.
    func setFrozen(_ isFrozen: Bool) -> Bool {
        let isDone = group.setFrozen(isFrozen)
        let now = monotonicTime()
        if isFrozen { lifecycle.frozen(at: now) } else { perform(lifecycle.thawed(at: now)) }
        return isDone
    }

    /// Output may be read again after `take` returned `false`.
    func resumeReading() {
        for stream in streams.values where stream.isBlocked {
            stream.isBlocked = false
            stream.resume()
        }
    }

    // MARK: What happens

    private func exited() {
        let exit: Exit
        do throws(Errno) {
            guard let ended = try process.reap(keepingID: group.needsMainProcess) else { return }
            exit = ended
        } catch {
            // Somebody else has taken note of its end: how it ended is lost, that it has is not.
            exit = Exit(cause: .code(-1), cpuUser: .zero, cpuSystem: .zero, peakResident: ByteCount(0))
        }
        exitWatch?.cancel()
        exitWatch = nil
        self.exit = exit
        launchError = process.failure(exit)
        for stream in streams.values { stream.resume() }
        perform(lifecycle.mainExited(ProcessExit(exit), at: loop.now))
    }

    private func read(_ name: OutputStream) {
        guard let stream = streams[name] else { return }
        var failure: Errno?
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, count in
            do throws(Errno) {
                count = try readBytes(stream.descriptor.raw, into: UnsafeMutableRawBufferPointer(buffer))
            } catch {
                failure = error
            }
        }
        if failure == .wouldBlock { return }
        // EIO is how a terminal says that its last user has gone.
        guard failure == nil, !bytes.isEmpty else { return ended(name) }
        let now = loop.now
        lifecycle.outputArrived(at: now)
        if !output.take(bytes, from: name, at: now) {
            // The log is behind: this step's output waits in its pipes, nobody else's.
            stream.isBlocked = true
            stream.watch?.pause()
        } else if bytes.count < Self.little, now - stream.lastRead < Self.rest, exit == nil {
            stream.watch?.pause()
            stream.rest = loop.schedule(at: now + Self.rest) { stream.resume() }
        }
        stream.lastRead = now
    }

    /// At most as much as a pipe holds; who goes on writing is not waited for.
    private func readWhatIsThere(_ name: OutputStream) {
        for _ in 0..<16 {
            guard let stream = streams[name] else { return }
            var ready = pollfd(fd: stream.descriptor.raw, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, 0) > 0 else { return }
            let bytes = [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, count in
                count = (try? readBytes(stream.descriptor.raw, into: UnsafeMutableRawBufferPointer(buffer))) ?? 0
            }
            if bytes.isEmpty { return }
            _ = output.take(bytes, from: name, at: loop.now)
        }
    }

    private func ended(_ stream: OutputStream) {
        streams[stream]?.rest?.cancel()
        streams[stream]?.watch?.cancel()
        streams[stream] = nil
        if streams.isEmpty {
            output.ended()
            perform(lifecycle.outputsEnded(at: loop.now))
        }
    }

    private func groupChanged() {
        guard groupWatch != nil else { return }
        perform(lifecycle.leftoversSeen(group.processes(), at: loop.now))
    }

    // MARK: What is done

    private func perform(_ actions: [ProcessLifecycle.Action]) {
        for action in actions { perform(action) }
    }

    private func perform(_ action: ProcessLifecycle.Action) {
        switch action {
        case .signalMain(let signal):
            // It may have ended already.
            try? process.signal(signal)
        case .signalAll(let signal):
            group.signalAll(signal)
        case .killAll:
            if let reason = group.killAll() { onNotice(.cannotKill(reason)) }
        case .announce(let cause, let signal, let killAfter):
            onNotice(.stopping(cause, signal: signal, killAfter: killAfter))
        case .reportOverdue(let timeout):
            onNotice(.overdue(timeout))
        case .wake(let deadline):
            let timer = loop.schedule(at: deadline) { [weak self] in
                guard let self else { return }
                let now = loop.now
                // What waits in a pipe for a slow disk has been printed and must not be cut off.
                if streams.values.contains(where: \.isBlocked) { lifecycle.outputArrived(at: now) }
                perform(lifecycle.timePassed(at: now))
            }
            timers.append(timer)
        case .inspectLeftovers:
            perform(lifecycle.leftoversSeen(group.processes(), at: loop.now))
        case .watchLeftovers:
            watchLeftovers()
        case .closeOutput:
            // What is in the pipes by now is still the step's.
            for name in streams.keys { readWhatIsThere(name) }
            closeStreams()
            output.ended()
        case .finish(let end):
            tearDown()
            onEnd(end)
        }
    }

    private func watchLeftovers() {
        if let descriptor = group.emptinessDescriptor,
            let watch = try? loop.watch(descriptor, for: .priority, { [weak self] _ in self?.groupChanged() })
        {
            groupWatch = watch
            // It may have become empty between the look and the watch.
            groupChanged()
        } else {
            lookAgainSoon()
        }
    }

    /// Without a control group nothing tells of the last process's end.
    private func lookAgainSoon() {
        let timer = loop.schedule(at: loop.now + .milliseconds(50)) { [weak self] in
            guard let self, !lifecycle.hasEnded else { return }
            perform(lifecycle.leftoversSeen(group.processes(), at: loop.now))
            if !lifecycle.hasEnded { lookAgainSoon() }
        }
        timers.append(timer)
    }

    private func tearDown() {
        exitWatch?.cancel()
        exitWatch = nil
        groupWatch?.cancel()
        groupWatch = nil
        closeStreams()
        for timer in timers { timer.cancel() }
        timers = []
        if group.needsMainProcess { _ = try? process.reap() }
    }

    private func closeStreams() {
        for stream in streams.values {
            stream.rest?.cancel()
            stream.watch?.cancel()
        }
        streams = [:]
    }
}

extension ProcessExit {
    init(_ exit: Exit) {
        switch exit.cause {
        case .code(let code): self.init(status: code, isSignal: false)
        case .signal(let number): self.init(status: number, isSignal: true)
        }
    }
}
