// Sockets with a name in the file system.

import CReactor
import Glibc
import LinuxSystem
import SystemPackage

/// Makes the socket `name` in an open directory and listens; it does not block, and only its owner may connect.
///
/// The name is looked up below the descriptor, so that a path of any length fits into an address.
/// - Parameter backlog: connections that wait to be accepted.
/// - Throws: `.addressInUse` where something of that name is there; else the system's error.
public func listenLocally(_ name: String, in directory: CInt, backlog: Int) throws(Errno) -> OwnedDescriptor {
    let socket = OwnedDescriptor(owning: try retrying { clx_local_listen(directory, name, CInt(backlog)) })
    _ = try retrying { fchmodat(directory, name, 0o600, 0) }
    return socket
}

/// Connects to the socket `name` in an open directory.
/// - Parameter limit: for connecting and for each read and write; beyond it they throw `.resourceTemporarilyUnavailable`.
/// - Throws: `.connectionRefused` where nobody listens any more.
public func connectLocally(_ name: String, in directory: CInt, limit: Duration) throws(Errno) -> OwnedDescriptor {
    let milliseconds = CInt(clamping: Int64(limit.inSeconds * 1000))
    return OwnedDescriptor(owning: try retrying { clx_local_connect(directory, name, milliseconds) })
}

/// The next connection, which does not block.
/// - Throws: `.resourceTemporarilyUnavailable` where there is none.
public func acceptConnection(_ listener: CInt) throws(Errno) -> OwnedDescriptor {
    OwnedDescriptor(owning: try retrying { clx_local_accept(listener) })
}
