// Reading and writing at a place of a file, whatever its descriptor's own place is.

import Glibc
import LinuxSystem
import SystemPackage

/// `pread(2)` until `count` bytes are read, or the file ends.
public func readBytes(at offset: Int64, count: Int, in file: CInt) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var found = 0
    while found < count {
        let read = try retrying {
            bytes.withUnsafeMutableBytes {
                pread(file, $0.baseAddress! + found, count - found, off_t(offset) + off_t(found))
            }
        }
        if read == 0 { break }
        found += read
    }
    return Array(bytes.prefix(found))
}

/// `pwrite(2)` of all of `bytes`. On a descriptor that was opened for appending it appends (pwrite(2), Bugs).
public func writeAll(_ bytes: [UInt8], at offset: Int64, in file: CInt) throws(Errno) {
    var written = 0
    while written < bytes.count {
        written += try retrying {
            bytes.withUnsafeBytes {
                pwrite(file, $0.baseAddress! + written, bytes.count - written, off_t(offset) + off_t(written))
            }
        }
    }
}

/// `ftruncate(2)`.
public func truncate(_ file: CInt, to length: Int64) throws(Errno) {
    _ = try retrying { ftruncate(file, off_t(length)) }
}
