// The socket at which a helper finds us whose standard input is not ours.

import Glibc
import HelperProtocol
import LinuxSystem
import SystemPackage

/// Listens until the helper that we had started has come.
final class CallbackListener {
    let address: HelperCallback
    private let socket: OwnedDescriptor

    /// - Parameter path: a directory that only we can write.
    init(in path: String) throws(Errno) {
        let directory = try openPlace(path)
        // Of an attempt before this one.
        unlinkat(directory.raw, HelperCallback.socket, 0)
        socket = try listenLocally(HelperCallback.socket, in: directory.raw, backlog: 1, keepsPackets: true)
        var random = SystemRandomNumberGenerator()
        let nonce = (0..<HelperCallback.nonceSize).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        address = HelperCallback(directory: path, nonce: nonce)
    }

    var descriptor: CInt { socket.raw }

    /// Root's process that knows the nonce, and nobody else; one that connects and says nothing is left after a second.
    func accept() -> OwnedDescriptor? {
        guard let connection = try? acceptConnection(socket.raw) else { return nil }
        var waiting = pollfd(fd: connection.raw, events: Int16(POLLIN), revents: 0)
        guard let peer = try? Peer(of: connection.raw), peer.user == 0, poll(&waiting, 1, 1000) > 0,
            case .packet(let bytes, let descriptors)? = try? receivePacket(
                connection.raw, capacity: HelperReply.maximumSize)
        else { return nil }
        for descriptor in descriptors { close(descriptor) }
        guard bytes == address.nonce else { return nil }
        return connection
    }
}
