// One command, from the request to its end: signals go there, its end comes back.

import CLinux
import CReactor
import Glibc
import LinuxSystem
import Reactor
import SudoProtocol
import SystemPackage

struct Conversation: ~Copyable {
    private let socket: OwnedDescriptor

    /// Those that sudo passes on, and that this process has not been told to ignore.
    private static let signals = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, SIGCONT]

    /// - Parameter path: of the socket. Waits while as many commands as may be are under way.
    init(with path: String) {
        do throws(Errno) {
            let slash = path.lastIndex(of: "/") ?? path.startIndex
            let directory = try openPlace(String(path[..<slash]) + "/")
            socket = try connectLocally(
                String(path[slash...].dropFirst()), in: directory.raw, limit: nil, keepsPackets: true)
        } catch {
            refuse("update-all cannot be reached at \(path): \(error). The step that this is for has ended")
        }
    }

    /// Has the request done, and ends as it has ended.
    consuming func run(_ request: SudoRequest) -> Never {
        guard let bytes = request.encoded else {
            refuse("the command is too long: at most 1,023 arguments and 64 KiB; have the plugin make several of it")
        }
        let arrivals: CInt
        do throws(Errno) {
            try SignalSource.block(Self.signals)
            arrivals = try signalDescriptor(Self.signals)
            try sendPacket(socket.raw, bytes, descriptors: request.descriptorCount == 0 ? [] : try streams())
        } catch {
            refuse("update-all cannot be asked: \(error)")
        }
        // Readable when the command has ended; −1: it is not known yet whether it runs. Signals that come before that is known
        // wait: whoever sends them may have heard from the command itself.
        var command: CInt = -1
        var early: [CInt] = []
        var waiting = [
            pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0),
            pollfd(fd: arrivals, events: Int16(POLLIN), revents: 0),
        ]
        while true {
            _ = poll(&waiting, 2, -1)
            if waiting[1].revents != 0 {
                var sender: pid_t = 0
                let number = clx_signalfd_read(arrivals, &sender)
                switch number {
                case ...0: break
                case _ where command >= 0: pass(number)
                default: if !early.contains(number) { early.append(number) }
                }
            }
            guard waiting[0].revents != 0, let (reply, descriptors) = receive(command) else { continue }
            switch reply {
            case .accepted where request == .validate: exit(0)
            case .accepted:
                command = descriptors.first ?? -1
                for number in early { pass(number) }
            case .refused(let reason): refuse(reason)
            case .ended(let status, isSignal: false): exit(status)
            case .ended(let status, isSignal: true): clx_end_by_signal(status)
            }
        }
    }

    /// Descriptors of the command: what of the streams is closed is empty.
    private borrowing func streams() throws(Errno) -> [CInt] {
        var handed: [CInt] = []
        for stream: CInt in 0...2 {
            handed.append(fcntl(stream, F_GETFD) < 0 ? try openFile("/dev/null", O_RDWR).release() : stream)
        }
        return handed + [try openPlace(".").release()]
    }

    private borrowing func pass(_ number: CInt) {
        // Nobody is left who could be stopped by its terminal: the command has none.
        let told = number == SIGTSTP ? SIGSTOP : number
        if let bytes = SudoRequest.signal(told).encoded { try? sendPacket(socket.raw, bytes) }
        if told == SIGSTOP { raise(SIGSTOP) }
    }

    /// - Returns: `nil` where nothing has come yet.
    private borrowing func receive(_ command: CInt) -> (SudoReply, [CInt])? {
        do throws(Errno) {
            let packet = try receivePacket(socket.raw, capacity: SudoReply.maximumSize)
            guard case .packet(let bytes, let descriptors) = packet else {
                // Commits go on without update-all: who waits for this one waits on.
                var end = pollfd(fd: command, events: Int16(POLLIN), revents: 0)
                while command >= 0, poll(&end, 1, -1) < 1 {}
                refuse("update-all has ended: how the command ended is not known")
            }
            guard let reply = SudoReply(bytes: bytes) else { refuse("update-all is of another build") }
            return (reply, descriptors)
        } catch {
            if error == .resourceTemporarilyUnavailable { return nil }
            refuse("update-all cannot be heard: \(error)")
        }
    }
}

private func signalDescriptor(_ signals: [CInt]) throws(Errno) -> CInt {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    let descriptor = clx_signalfd(&set)
    if descriptor < 0 { throw Errno(rawValue: errno) }
    return descriptor
}
