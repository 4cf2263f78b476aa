// The files of a control group: small, written and read whole, each with one call.

import CLinux
import Glibc
import SystemPackage
import UpdateModel

/// The text of a control file, without the white space at its end, with as few calls as can be: the kernel gives such a file
/// whole where the buffer is large enough.
/// - Throws: `.fileTooLarge` for more than 64 KiB; else the system's error.
public func readControlFile(_ path: String, in directory: CInt) throws(Errno) -> String {
    let file = try openFile(path, in: directory, O_RDONLY | O_NOFOLLOW)
    return try readControlText(file.raw)
}

/// The text of an open control file from its beginning; answers what a wait for a priority event has reported.
/// - Throws: `.fileTooLarge` for more than 64 KiB; else the system's error.
public func readControlText(_ descriptor: CInt) throws(Errno) -> String {
    for size in [2048, 65_536] {
        var count = 0
        var failure: Errno?
        let text = String(unsafeUninitializedCapacity: size) { buffer in
            do throws(Errno) {
                count = try retrying { pread(descriptor, buffer.baseAddress, size, 0) }
            } catch {
                failure = error
                return 0
            }
            var end = count
            while end > 0, buffer[end - 1] == 0x0A || buffer[end - 1] == 0x20 { end -= 1 }
            return end
        }
        if let failure { throw failure }
        if count < size { return text }
    }
    throw .fileTooLarge
}

/// Writes a control file and reads what it says then.
/// - Throws: `.ioError` where not all was taken; else the system's error.
public func exchangeControlFile(_ path: String, in directory: CInt, _ text: String) throws(Errno) -> String {
    let file = try openFile(path, in: directory, O_RDWR | O_NOFOLLOW)
    try writeControlText(file.raw, text)
    return try readControlText(file.raw)
}

private func writeControlText(_ descriptor: CInt, _ text: String) throws(Errno) {
    var text = text
    var failure: Errno?
    text.withUTF8 { utf8 in
        do throws(Errno) {
            let written = try retrying { write(descriptor, utf8.baseAddress, utf8.count) }
            if written != utf8.count { failure = .ioError }
        } catch {
            failure = error
        }
    }
    if let failure { throw failure }
}

/// A directory to work in.
public func openDirectory(_ path: String, in directory: CInt = currentDirectory) throws(Errno) -> OwnedDescriptor {
    try openFile(path, in: directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
}

/// Waits for a priority event of a control file.
/// - Returns: whether there was one within `limit`.
public func waitForPriority(_ descriptor: CInt, limit: Duration) throws(Errno) -> Bool {
    try retrying { clx_wait_priority(descriptor, CInt(clamping: Int64(limit.inSeconds * 1000))) } > 0
}
