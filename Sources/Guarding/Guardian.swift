// update-all's side of the guardian: starts it, tells it what to do should update-all die, and replaces it when it dies.

import CLinux
import Glibc
import GuardianProtocol
import LinuxSystem
import Reactor
import SystemPackage
import UpdateModel

/// The guardian of a run.
///
/// To be made and used on the thread of its event loop. All calls return at once: what the guardian does not take yet
/// waits in a bounded queue. It holds duplicates of the descriptors that it is given, so the caller may close its own.
/// Letting go of it without `finish` is, to the guardian process, the death of update-all.
public final class Guardian {
    /// Starts `update-all-guardian` without arguments, with `socket` as its standard input and nothing else of this
    /// process's but an environment; gives its pidfd.
    public typealias Start = (_ socket: CInt) throws -> OwnedDescriptor

    /// A guardian that does not take so many changes is stopped or stuck; it is killed and replaced.
    private static let longestQueue = 4096
    /// How long `finish` waits for a guardian that does not listen. Milliseconds.
    private static let finishTimeout: CInt = 1000

    private final class Connection {
        let process: OwnedDescriptor
        let socket: OwnedDescriptor
        var exitWatch: EventLoop.Watch?
        var writableWatch: EventLoop.Watch?

        init(process: consuming OwnedDescriptor, socket: consuming OwnedDescriptor) {
            self.process = process
            self.socket = socket
        }

        func cancelWatches() {
            exitWatch?.cancel()
            writableWatch?.cancel()
        }
    }

    private let loop: EventLoop
    private let start: Start
    private let onFailure: (String) -> Void
    private var state: GuardianState
    private var connection: Connection?
    private var queue: [GuardianState.Change] = []
    private var allowance = RestartAllowance()

    /// Starts a guardian for `run`.
    /// - Parameter keptOpen: a descriptor that is to stay open for as long as we or the guardian live.
    /// - Parameter onFailure: told, as a sentence, that the guardian died and what was done about it. Called on the
    ///   loop's thread; for an `error` event.
    /// - Throws: `Errno`, `.invalidArgument` for a path that is relative or longer than `PATH_MAX`; or what `start` throws.
    public init(
        run: GuardianMessage.Run, keepingOpen keptOpen: CInt? = nil, loop: EventLoop, start: @escaping Start,
        onFailure: @escaping (String) -> Void
    ) throws {
        self.loop = loop
        self.start = start
        self.onFailure = onFailure
        state = try GuardianState(run: run, keptOpen: keptOpen)
        guard GuardianMessage.begin(run).encoded() != nil else { throw Errno.invalidArgument }
        _ = allowance.take(at: monotonicTime())
        try connect()
    }

    deinit { connection?.cancelWatches() }

    // MARK: Protected phases

    /// Creates the exit record of a step that is about to be started through a witness. The descriptor is to be handed
    /// over to the witness under the number that `witnessCommand` is told.
    public func createExitRecord(for step: StepID) throws(Errno) -> OwnedDescriptor {
        let record = try openFile(
            exitRecordPath(step), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW, mode: 0o600)
        // The disk may be full by the time there is something to note. Not every file system can reserve.
        _ = clx_reserve(record.raw, 4096)
        return record
    }

    /// Should update-all die, the guardian reads `outputs` to their ends into `log`.
    ///
    /// Best called twice: without a process before it is started, so that its output has a reader whenever update-all
    /// dies, and with it after.
    /// - Parameters:
    ///   - process: pidfd of the step's main process, its witness.
    ///   - outputs: read ends of pipes, or the controlling end of a PTY; at most `GuardianMessage.maximumOutputs`.
    ///   - log: opened for appending.
    public func protect(step: StepID, process: CInt?, outputs: [CInt], log: CInt) throws(Errno) {
        guard outputs.count <= GuardianMessage.maximumOutputs else { throw .invalidArgument }
        try state.protect(step, process: process, outputs: outputs, log: log)
        tell(.commit(step))
    }

    /// update-all has seen the end of the step, or has not started it. Its exit record is removed.
    public func unprotect(step: StepID) {
        guard state.unprotect(step) else { return }
        tell(.commit(step))
        try? removeFile(exitRecordPath(step))
    }

    private func exitRecordPath(_ step: StepID) -> String {
        "\(state.run.stateDirectory)/\(ExitRecord.fileName(run: state.run.id, step: step))"
    }

    // MARK: Everything else

    /// Should update-all die, the guardian kills the processes of `session` and those whose TMPDIR is
    /// `temporaryDirectory`, an absolute path that no other step has. Only for steps outside control groups.
    ///
    /// Best called twice: without a session before the step is started, and with it after.
    public func track(step: StepID, session: pid_t?, temporaryDirectory: String) throws(Errno) {
        guard
            GuardianMessage.track(step, session: session, temporaryDirectory: temporaryDirectory).encoded() != nil
        else { throw .invalidArgument }
        state.track(step, session: session, temporaryDirectory: temporaryDirectory)
        tell(.tracked(step))
    }

    public func untrack(step: StepID) {
        if state.untrack(step) { tell(.tracked(step)) }
    }

    /// The display has the terminal. Should update-all die, the guardian sets it back as it was.
    /// - Parameters:
    ///   - attributes: from before the display.
    ///   - escapes: what makes it sane, at most `GuardianMessage.maximumTerminalSize` bytes.
    public func terminalIsActive(_ terminal: CInt, restoring attributes: termios, escapes: [UInt8]) throws(Errno) {
        guard escapes.count <= GuardianMessage.maximumTerminalSize else { throw .invalidArgument }
        let bytes = withUnsafeBytes(of: attributes) { Array($0) }
        try state.setTerminal(
            terminal,
            .init(attributes: bytes, escapes: escapes, sessionLeader: getsid(0), foregroundGroup: getpgrp()))
        tell(.terminal)
    }

    /// The display is gone, or update-all is about to be stopped: the terminal is left alone from now on.
    public func terminalIsInactive() {
        state.clearTerminal()
        tell(.terminal)
    }

    /// The run is over: the guardian has nothing left to do and ends. Waits for a second at most, and only for a
    /// guardian that does not listen. Nothing may be told it afterwards.
    public func finish() {
        queue.append(.finish)
        guard let connection else {
            // There is none to remove what the last one has begun.
            try? removeFile("\(state.run.stateDirectory)/\(RunReport.fileName(run: state.run.id))")
            return
        }
        connection.cancelWatches()
        var writable = pollfd(fd: connection.socket.raw, events: Int16(POLLOUT), revents: 0)
        while !send(to: connection.socket.raw), poll(&writable, 1, Self.finishTimeout) > 0 {}
        self.connection = nil
    }

    // MARK: Telling

    private func tell(_ change: GuardianState.Change) {
        guard let connection else { return }
        queue.append(change)
        if queue.count > Self.longestQueue {
            // Its death is noticed as any other, and everything told again.
            queue.removeAll()
            try? signalProcess(connection.process.raw, SIGKILL)
            return
        }
        // While some wait, the watch sends, in order.
        if queue.count == 1 { sendOrWait(over: connection) }
    }

    private func sendOrWait(over connection: Connection) {
        if send(to: connection.socket.raw) {
            connection.writableWatch?.pause()
        } else {
            try? connection.writableWatch?.resume()
        }
    }

    /// - Returns: whether nothing is left to send.
    private func send(to socket: CInt) -> Bool {
        var sent = 0
        defer { queue.removeFirst(sent) }
        for change in queue {
            let (message, descriptors) = state.message(for: change)
            guard let bytes = message.encoded() else {
                preconditionFailure("not checked when it was taken: \(message)")
            }
            do {
                try sendPacket(socket, bytes, descriptors: descriptors?.all ?? [])
            } catch .resourceTemporarilyUnavailable {
                return false
            } catch {
                // It is dead, which its pidfd tells next, and the next one is told everything.
                sent = queue.count
                return true
            }
            sent += 1
        }
        return true
    }

    // MARK: Life and death

    private func connect() throws {
        let (ours, theirs) = try packetSocketPair()
        let socket = OwnedDescriptor(owning: ours)
        let handedOver = OwnedDescriptor(owning: theirs)
        // Before it lives, so that it knows all of it from its first moment, should that be our last.
        queue = state.allChanges
        _ = send(to: socket.raw)
        let process = try start(handedOver.raw)
        let connection = Connection(process: process, socket: socket)
        do {
            connection.exitWatch = try loop.watch(connection.process.raw, for: .readable) { [unowned self] _ in
                died(connection)
            }
            let watch = try loop.watch(connection.socket.raw, for: .writable) { [unowned self] _ in
                sendOrWait(over: connection)
            }
            watch.pause()
            connection.writableWatch = watch
        } catch {
            connection.cancelWatches()
            throw error
        }
        self.connection = connection
        sendOrWait(over: connection)
    }

    private func died(_ connection: Connection) {
        let exit: Exit?
        do {
            exit = try reapProcess(connection.process.raw)
            if exit == nil { return }
        } catch {
            // Somebody else has taken note of its end, and kept it.
            exit = nil
        }
        connection.cancelWatches()
        self.connection = nil
        queue.removeAll()
        let how =
            switch exit?.cause {
            case .code(let code): "ended with exit code \(code)"
            case .signal(let number): "was killed by signal \(number)"
            case nil: "ended"
            }
        replace(because: "the guardian \(how)")
    }

    private func replace(because cause: String) {
        var failure = cause
        while allowance.take(at: monotonicTime()) {
            do {
                try connect()
                return onFailure("\(failure); another was started")
            } catch {
                failure = "\(cause), and another could not be started: \(error)"
            }
        }
        onFailure(
            "\(failure); after \(RestartAllowance.startsPerMinute) starts within a minute no other is tried. "
                + "Should update-all be killed now, its steps go on")
    }
}
