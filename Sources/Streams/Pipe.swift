// Pipes: pipe(7).

import CStreams
import LinuxSystem
import SystemPackage

/// A pipe. The read end does not block, the write end does; both close on exec.
public struct Pipe: ~Copyable {
    public let readEnd: OwnedDescriptor
    public let writeEnd: OwnedDescriptor

    public init() throws(Errno) {
        var (read, write): (CInt, CInt) = (-1, -1)
        _ = try retrying { clx_pipe(&read, &write) }
        readEnd = OwnedDescriptor(owning: read)
        writeEnd = OwnedDescriptor(owning: write)
    }

    /// Gives both ends away.
    public consuming func ends() -> (read: CInt, write: CInt) { (readEnd.release(), writeEnd.release()) }
}
