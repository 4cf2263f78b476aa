// The sudo of one step: takes commands from its processes and has them run as root in its group.

import Cgroups
import Glibc
import Launching
import LinuxSystem
import Reactor
import Spawning
import SudoProtocol
import SystemPackage
import UpdateModel

/// Listens for one step. Lives on the event loop's thread.
///
/// At the bounds: connections beyond `SudoCommand.mostAtOnce` wait in the kernel's queue, and who does not find room there
/// waits to connect; what comes faster than `rate` is read later.
final class SudoService {
    /// Whom it works for.
    struct Step {
        let account: uid_t
        let right: SudoRight
        let group: StepGroup
        let leaf: Leaf
    }

    static let backlog = 8
    /// Commands and signals of a step, at once and then for each second: each costs root a process or a line of the audit log.
    static let rate = RateLimit(burst: 40, perSecond: 20)

    let path: String
    let step: Step
    let runner: any SudoRunner
    private unowned let desk: SudoDesk
    private let listener: OwnedDescriptor
    private var rate = SudoService.rate
    private var watch: EventLoop.Watch?
    private var timer: EventLoop.Timer?
    private var connections: [ObjectIdentifier: SudoConnection] = [:]

    init(
        _ listener: consuming OwnedDescriptor, path: String, runner: any SudoRunner, step: Step, desk: SudoDesk
    ) throws(Errno) {
        self.listener = listener
        self.path = path
        self.runner = runner
        self.step = step
        self.desk = desk
        watch = try desk.loop.watch(self.listener.raw, for: .readable) { [unowned self] _ in accept() }
    }

    /// The step has ended: nobody is heard any more. What still runs is waited for, so that nothing is left of it.
    func close() {
        guard let watch else { return }
        watch.cancel()
        self.watch = nil
        timer?.cancel()
        unlink(path)
        for connection in connections.values { connection.leave() }
        if connections.isEmpty { desk.isDone(self) }
    }

    var loop: EventLoop { desk.loop }

    /// Whether something may be done for the step now; else it is heard again when that is so.
    func mayAct() -> Bool {
        if isHeld {
            stopListening()
            return false
        }
        guard let wait = rate.take(at: loop.now) else { return true }
        stopListening()
        timer?.cancel()
        timer = loop.schedule(at: loop.now + wait) { [weak self] in self?.goOn() }
        return false
    }

    /// Commits are never frozen.
    private var isHeld: Bool { desk.isHeld && !step.group.isProtected }

    private func stopListening() {
        watch?.pause()
        for connection in connections.values { connection.pause() }
    }

    func goOn() {
        guard watch != nil, !isHeld else { return }
        if connections.count < SudoCommand.mostAtOnce { try? watch?.resume() }
        for connection in connections.values { connection.resume() }
    }

    private func accept() {
        guard mayAct() else { return }
        do throws(Errno) {
            let socket = try acceptConnection(listener.raw)
            let peer = try Peer(of: socket.raw)
            let connection = try SudoConnection(socket, isOfStep: isOfStep(peer), service: self)
            connections[ObjectIdentifier(connection)] = connection
            if connections.count >= SudoCommand.mostAtOnce { watch?.pause() }
        } catch  where error == .resourceTemporarilyUnavailable || error == .connectionAbort {
            return
        } catch {
            // No descriptors are left, say: it would be reported again at once and for ever.
            watch?.pause()
            timer = loop.schedule(at: loop.now + .seconds(1)) { [weak self] in self?.goOn() }
        }
    }

    /// The kernel noted who connected. A number that was given anew since then is one of the step's own, too.
    private func isOfStep(_ peer: Peer) -> Bool {
        peer.user == step.account && ((try? step.leaf.processes()) ?? []).contains(peer.process)
    }

    func ended(_ connection: SudoConnection) {
        connections[ObjectIdentifier(connection)] = nil
        if watch == nil {
            if connections.isEmpty { desk.isDone(self) }
        } else {
            goOn()
        }
    }
}

/// So many at once, and then so many a second.
struct RateLimit {
    private let burst: Double
    private let perSecond: Double
    private var left: Double
    private var last: Duration?

    init(burst: Int, perSecond: Int) {
        self.burst = Double(burst)
        self.perSecond = Double(perSecond)
        left = Double(burst)
    }

    /// - Parameter now: of a clock that never goes back.
    /// - Returns: `nil` where one more is within the limit, and counted; else how long to wait.
    mutating func take(at now: Duration) -> Duration? {
        if let last { left = min(burst, left + (now - last).inSeconds * perSecond) }
        last = now
        if left < 1 { return .seconds((1 - left) / perSecond) }
        left -= 1
        return nil
    }
}
