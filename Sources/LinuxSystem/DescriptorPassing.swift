// Packets over a pair of sockets, with file descriptors in them (unix(7), SCM_RIGHTS).

import CLinux
import Glibc
import SystemPackage

/// As many descriptors as one packet may carry.
public let descriptorsPerPacket = Int(CLX_DESCRIPTORS_AT_MOST)

/// Both ends of a connection that keeps the borders of packets (`SOCK_SEQPACKET`); close-on-exec. The caller owns them.
public func packetSocketPair() throws(Errno) -> (CInt, CInt) {
    var ends: [CInt] = [-1, -1]
    _ = try retrying { clx_packet_socket_pair(&ends) }
    return (ends[0], ends[1])
}

/// Sends one packet, which must not be empty: the receiver would take it for the end. It gets duplicates of
/// `descriptors`.
/// - Throws: `.resourceTemporarilyUnavailable` where the receiver does not keep up, `.brokenPipe` where it is gone.
public func sendPacket(_ socket: CInt, _ bytes: [UInt8], descriptors: [CInt] = []) throws(Errno) {
    precondition(!bytes.isEmpty)
    _ = try retrying { clx_send_packet(socket, bytes, bytes.count, descriptors, CInt(descriptors.count)) }
}

/// What `receivePacket` found.
public enum ReceivedPacket {
    /// The receiver owns the descriptors.
    case packet([UInt8], descriptors: [CInt])
    /// The other end is closed, and everything it had sent is received.
    case end
}

/// Receives one packet of at most `capacity` bytes.
/// - Throws: `.resourceTemporarilyUnavailable` where there is none yet; `.messageTooLong` where it or its descriptors
///   did not fit, for which reason it is gone.
public func receivePacket(_ socket: CInt, capacity: Int) throws(Errno) -> ReceivedPacket {
    // Not an array of zeros: most packets are a thousandth of what one may be.
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 1)
    defer { buffer.deallocate() }
    var descriptors = [CInt](repeating: -1, count: descriptorsPerPacket)
    var descriptorCount: CInt = 0
    let count = try retrying {
        clx_receive_packet(socket, buffer.baseAddress, capacity, &descriptors, &descriptorCount)
    }
    if count == 0 { return .end }
    return .packet(Array(buffer[..<count]), descriptors: Array(descriptors.prefix(Int(descriptorCount))))
}
