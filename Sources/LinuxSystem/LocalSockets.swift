// Sockets with a name in the file system, and who is at their other end.

import CLinux
import Glibc
import SystemPackage

/// The process at the other end of a connection.
public struct Peer: Hashable, Sendable {
    public let process: pid_t
    public let user: uid_t

    /// - Parameter socket: a connection; the kernel noted its other end when it was made (`SO_PEERCRED`, unix(7)).
    public init(of socket: CInt) throws(Errno) {
        var (process, user): (pid_t, uid_t) = (0, 0)
        _ = try retrying { clx_local_peer(socket, &process, &user) }
        (self.process, self.user) = (process, user)
    }
}

/// Makes the socket `name` in an open directory and listens; it does not block, and only its owner may connect.
///
/// The name is looked up below the descriptor, so that a path of any length fits into an address.
/// - Parameters:
///   - backlog: connections that wait to be accepted.
///   - keepsPackets: whether it keeps the borders of what is sent, for `sendPacket` and `receivePacket`.
/// - Throws: `.addressInUse` where something of that name is there; else the system's error.
public func listenLocally(
    _ name: String, in directory: CInt, backlog: Int, keepsPackets: Bool = false
) throws(Errno) -> OwnedDescriptor {
    let socket = OwnedDescriptor(
        owning: try retrying { clx_local_listen(directory, name, CInt(backlog), keepsPackets ? 1 : 0) })
    _ = try retrying { fchmodat(directory, name, 0o600, 0) }
    return socket
}

/// Connects to the socket `name` in an open directory.
/// - Parameters:
///   - limit: for connecting and for each read and write; beyond it they throw `.resourceTemporarilyUnavailable`. `nil`:
///     they wait.
///   - keepsPackets: as whoever listens has it.
/// - Throws: `.connectionRefused` where nobody listens any more.
public func connectLocally(
    _ name: String, in directory: CInt, limit: Duration?, keepsPackets: Bool = false
) throws(Errno) -> OwnedDescriptor {
    let milliseconds = limit.map { max(1, CInt(clamping: Int64($0.inSeconds * 1000))) } ?? 0
    return OwnedDescriptor(
        owning: try retrying { clx_local_connect(directory, name, milliseconds, keepsPackets ? 1 : 0) })
}

/// The next connection, which does not block.
/// - Throws: `.resourceTemporarilyUnavailable` where there is none.
public func acceptConnection(_ listener: CInt) throws(Errno) -> OwnedDescriptor {
    OwnedDescriptor(owning: try retrying { clx_local_accept(listener) })
}
