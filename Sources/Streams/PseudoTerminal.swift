// Pseudo-terminals: pty(7).

import CStreams
import LinuxSystem
import SystemPackage

/// A terminal's size in character cells.
public struct TerminalSize: Hashable, Sendable {
    public var rows: UInt16
    public var columns: UInt16

    public init(rows: UInt16, columns: UInt16) {
        self.rows = rows
        self.columns = columns
    }
}

/// A pseudo-terminal: what is written to the peer can be read from the controller, and the other way round.
public struct PseudoTerminal: ~Copyable {
    /// Our end; does not block.
    public let controller: OwnedDescriptor
    /// The child's end. The controller reports a hang-up once nobody has it open.
    public let peer: OwnedDescriptor

    public init(size: TerminalSize) throws(Errno) {
        var (controller, peer): (CInt, CInt) = (-1, -1)
        _ = try retrying { clx_terminal_open(&controller, &peer, size.rows, size.columns) }
        self.controller = OwnedDescriptor(owning: controller)
        self.peer = OwnedDescriptor(owning: peer)
    }

    /// Gives both ends away.
    public consuming func ends() -> (controller: CInt, peer: CInt) { (controller.release(), peer.release()) }
}
