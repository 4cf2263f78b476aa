// One request, one reply: the client's side of the conversation with the helper.

import Glibc
import HelperProtocol
import LinuxSystem
import Synchronization
import SystemPackage
import UpdateModel

/// Why the helper did not do what it was asked.
public enum HelperError: Error, Hashable, CustomStringConvertible {
    /// The administrator's files do not allow it: a sentence without a full stop.
    case refused(String)
    /// The system did not let it: what was attempted, as a clause.
    case failed(String, Errno)
    /// It cannot be asked any more: why, as a clause.
    case lost(String)

    public var description: String {
        switch self {
        case .refused(let reason): "update-all-helper refused it: \(reason)"
        case .failed(let attempt, let errno): "update-all-helper could not \(attempt): \(errno)"
        case .lost(let reason): "update-all-helper cannot be asked any more: \(reason)"
        }
    }

    var errno: Errno {
        switch self {
        case .refused: .notPermitted
        case .failed(_, let errno): errno
        case .lost: .brokenPipe
        }
    }
}

/// A conversation with the helper. May be used from several threads: one asks at a time.
public final class HelperConnection: Sendable {
    private let socket: OwnedDescriptor
    private let turn = Mutex(())

    /// A helper that has not answered by then is stopped or stuck.
    private static let limit = Duration.seconds(30)

    init(_ socket: consuming OwnedDescriptor) { self.socket = socket }

    /// - Parameter descriptors: they stay the caller's.
    /// - Returns: the reply, never `refused` or `failed`, with the descriptors that came with it.
    func ask(
        _ request: HelperRequest, descriptors: [CInt] = []
    ) throws(HelperError) -> (reply: HelperReply, descriptors: [CInt]) {
        guard let bytes = request.encoded() else {
            throw .failed("take a request with so long an argument, variable or path", .argListTooLong)
        }
        let received = turn.withLock { _ in
            Result { () throws(Errno) in
                try sendPacket(socket.raw, bytes, descriptors: descriptors)
                return try receive()
            }
        }
        let packet: ReceivedPacket
        do {
            packet = try received.get()
        } catch {
            throw .lost(error == .timedOut ? "it has not answered for 30 seconds" : "\(error)")
        }
        guard case .packet(let content, let found) = packet else { throw .lost("it has ended") }
        guard let reply = HelperReply(bytes: content), reply.descriptorCount == found.count else {
            for descriptor in found { close(descriptor) }
            throw .lost("its answer cannot be read: it is of another build")
        }
        switch reply {
        case .refused(let reason): throw .refused(reason)
        case .failed(let attempt, let errno): throw .failed(attempt, Errno(rawValue: errno))
        default: return (reply, found)
        }
    }

    private func receive() throws(Errno) -> ReceivedPacket {
        let deadline = monotonicTime() + Self.limit
        while true {
            do throws(Errno) {
                return try receivePacket(socket.raw, capacity: HelperReply.maximumSize)
            } catch {
                if error != .resourceTemporarilyUnavailable { throw error }
            }
            let rest = deadline - monotonicTime()
            guard rest > .zero else { throw .timedOut }
            var waiting = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
            _ = poll(&waiting, 1, CInt(clamping: Int(rest.inSeconds * 1000) + 1))
        }
    }
}
