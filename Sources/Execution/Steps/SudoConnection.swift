// One call of a step's sudo: its command, the signals for it, its end.

import Glibc
import Launching
import LinuxSystem
import Reactor
import Spawning
import SudoProtocol
import SystemPackage
import UpdateModel

/// Lives on the event loop's thread, until its command has ended.
final class SudoConnection {
    private let socket: OwnedDescriptor
    private unowned let service: SudoService
    private let isOfStep: Bool
    private var watch: EventLoop.Watch?
    private var process: LaunchedProcess?
    private var endWatch: EventLoop.Watch?

    /// - Parameter isOfStep: whether it is a process of the step that called.
    init(_ socket: consuming OwnedDescriptor, isOfStep: Bool, service: SudoService) throws(Errno) {
        self.socket = socket
        self.isOfStep = isOfStep
        self.service = service
        watch = try service.loop.watch(self.socket.raw, for: .readable) { [unowned self] _ in read() }
    }

    func pause() { watch?.pause() }
    func resume() { try? watch?.resume() }

    private func read() {
        guard service.mayAct() else { return }
        let packet: ReceivedPacket
        do throws(Errno) {
            packet = try receivePacket(socket.raw, capacity: SudoRequest.maximumSize)
        } catch {
            if error != .resourceTemporarilyUnavailable { leave() }
            return
        }
        guard case .packet(let bytes, let descriptors) = packet else { return leave() }
        defer { for descriptor in descriptors { close(descriptor) } }
        guard let request = SudoRequest(bytes: bytes), request.descriptorCount == descriptors.count else {
            return leave()
        }
        guard isOfStep else {
            // Only now: what was not read would take the answer with it when the socket is closed.
            send(.refused("it was not called by a process of \(service.step.group.step)"))
            return leave()
        }
        switch request {
        case .run(let program, let arguments) where process == nil:
            start(SudoCommand(program: program, arguments: arguments), descriptors)
        case .validate where process == nil:
            send(.accepted)
            leave()
        case .signal(let number): try? process?.signal(number)
        case .run, .validate: leave()
        }
    }

    private func start(_ command: SudoCommand, _ descriptors: [CInt]) {
        let step = service.step
        do {
            let process = try service.runner.run(
                command, right: step.right, in: step.group, leaf: step.leaf, descriptors: descriptors)
            self.process = process
            send(.accepted, [process.pidfd])
            // The process is known by it alone: without it, it would not be known when it has ended.
            endWatch = try service.loop.watch(process.pidfd, for: .readable) { [unowned self] _ in reap() }
        } catch let refusal as SudoRefusal {
            send(.refused(refusal.reason))
            leave()
        } catch {
            try? process?.signal(SIGKILL)
            send(.refused("the command cannot be watched: \(error)"))
            end()
        }
    }

    private func reap() {
        guard let process else { return }
        let exit: Exit
        do throws(Errno) {
            guard let found = try process.reap() else { return }
            exit = found
        } catch {
            send(.refused("how the command ended is not known: \(error)"))
            return end()
        }
        if let failure = process.failure(exit) {
            send(.refused(failure.description))
        } else {
            switch exit.cause {
            case .code(let code): send(.ended(status: code, isSignal: false))
            case .signal(let number): send(.ended(status: number, isSignal: true))
            }
        }
        end()
    }

    private func send(_ reply: SudoReply, _ descriptors: [CInt] = []) {
        try? sendPacket(socket.raw, reply.encoded, descriptors: descriptors)
    }

    /// Whoever called has gone, or is heard no more. Its command is told to end, as by sudo whose terminal went away; one of a
    /// commit is not.
    func leave() {
        guard let watch else { return }
        watch.cancel()
        self.watch = nil
        guard let process else { return end() }
        if !service.step.group.isProtected { try? process.signal(SIGTERM) }
    }

    private func end() {
        watch?.cancel()
        watch = nil
        endWatch?.cancel()
        endWatch = nil
        process = nil
        service.ended(self)
    }
}
