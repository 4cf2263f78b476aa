// Files without a name, which nobody but whoever holds their descriptor can open.

import CLinux
import Glibc
import SystemPackage

/// A file in memory with this content, which can be read and executed, and which nobody can change any more (memfd_create(2)
/// with seals). Close-on-exec, at its beginning.
/// - Parameter name: shown in `/proc/PID/fd` and nowhere else.
public func sealedFile(_ name: String, containing content: [UInt8]) throws(Errno) -> OwnedDescriptor {
    let file = OwnedDescriptor(owning: try retrying { clx_memory_file(name) })
    try writeAll(file.raw, content)
    _ = try retrying { clx_seal(file.raw) }
    _ = try retrying { lseek(file.raw, 0, SEEK_SET) }
    return file
}
