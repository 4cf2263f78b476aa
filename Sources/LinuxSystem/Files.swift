// Files and directories: one system call, one function. Paths are relative to an open directory where one is given, so
// that a directory which was renamed or replaced meanwhile is not taken for the one that was checked.

import CLinux
import Glibc
import SystemPackage

/// The directory that relative paths start from: the process's working directory.
public let currentDirectory: CInt = AT_FDCWD

/// `openat(2)`, always close-on-exec.
public func openFile(
    _ path: String, in directory: CInt = currentDirectory, _ flags: CInt, mode: mode_t = 0
) throws(Errno) -> OwnedDescriptor {
    let raw = try retrying { openat(directory, path, flags | O_CLOEXEC, mode) }
    return OwnedDescriptor(owning: raw)
}

/// Opens a directory as a place from which paths lead on, without the right to list it; close-on-exec.
public func openPlace(_ path: String) throws(Errno) -> OwnedDescriptor {
    OwnedDescriptor(owning: try retrying { clx_open_place(path) })
}

/// `read(2)` into `buffer`; 0 at the end of the file.
public func readBytes(_ descriptor: CInt, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
    try retrying { read(descriptor, buffer.baseAddress, buffer.count) }
}

/// One `write(2)`; may write less than all.
public func writeSome(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
    try retrying { write(descriptor, bytes.baseAddress, bytes.count) }
}

/// Writes all of `bytes` to a blocking descriptor.
public func writeAll(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) throws(Errno) {
    var rest = bytes
    while !rest.isEmpty {
        let written = try writeSome(descriptor, rest)
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
}

public func writeAll(_ descriptor: CInt, _ bytes: [UInt8]) throws(Errno) {
    try bytes.withUnsafeBytes { buffer in Result { () throws(Errno) in try writeAll(descriptor, buffer) } }.get()
}

/// Writes `text` by one `write(2)`, as control files want it.
public func writeControlFile(_ path: String, in directory: CInt, _ text: String) throws(Errno) {
    let file = try openFile(path, in: directory, O_WRONLY | O_NOFOLLOW)
    var text = text
    let count = text.utf8.count
    let written = try text.withUTF8 { utf8 in
        Result { () throws(Errno) in try writeSome(file.raw, UnsafeRawBufferPointer(utf8)) }
    }.get()
    if written != count { throw .ioError }
}

/// The whole content of a file.
/// - Throws: `.fileTooLarge` where it has more than `limit` bytes; else the system's error.
public func readFile(
    _ path: String, in directory: CInt = currentDirectory, limit: Int = 1 << 20, flags: CInt = 0
) throws(Errno) -> [UInt8] {
    let file = try openFile(path, in: directory, O_RDONLY | flags)
    return try readToEnd(file.raw, limit: limit)
}

/// What is left of an open file.
/// - Throws: `.fileTooLarge` where that is more than `limit` bytes; else the system's error.
public func readToEnd(_ descriptor: CInt, limit: Int = 1 << 20) throws(Errno) -> [UInt8] {
    var content: [UInt8] = []
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)
    defer { chunk.deallocate() }
    while true {
        let count = try readBytes(descriptor, into: chunk)
        if count == 0 { return content }
        if content.count + count > limit { throw .fileTooLarge }
        content.append(contentsOf: chunk[..<count])
    }
}

/// The content of a small text file, such as a control file, without the white space at its end.
public func readText(_ path: String, in directory: CInt = currentDirectory) throws(Errno) -> String {
    var bytes = try readFile(path, in: directory)
    while let last = bytes.last, last == 0x0A || last == 0x20 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
}

public func makeDirectory(_ path: String, in directory: CInt = currentDirectory, mode: mode_t) throws(Errno) {
    _ = try retrying { mkdirat(directory, path, mode) }
}

public func removeDirectory(_ path: String, in directory: CInt = currentDirectory) throws(Errno) {
    _ = try retrying { unlinkat(directory, path, AT_REMOVEDIR) }
}

public func removeFile(_ path: String, in directory: CInt = currentDirectory) throws(Errno) {
    _ = try retrying { unlinkat(directory, path, 0) }
}

/// `fstatat(2)`; does not follow a symbolic link at the end of `path` unless `following`.
public func status(
    _ path: String, in directory: CInt = currentDirectory, following: Bool = true
) throws(Errno) -> stat {
    var result = stat()
    _ = try retrying { fstatat(directory, path, &result, following ? 0 : AT_SYMLINK_NOFOLLOW) }
    return result
}

/// What the symbolic link at `path` leads to, as it is written there.
public func linkTarget(_ path: String) throws(Errno) -> String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = try retrying { readlink(path, &buffer, buffer.count) }
    return String(decoding: buffer.prefix(count), as: UTF8.self)
}

/// A directory's entries without `.` and `..`, in no order.
public func directoryEntries(_ path: String, in directory: CInt = currentDirectory) throws(Errno) -> [String] {
    let opened = try openFile(path, in: directory, O_RDONLY | O_DIRECTORY)
    guard let stream = fdopendir(opened.raw) else { throw Errno(rawValue: errno) }
    _ = opened.release()  // the stream owns it now
    defer { closedir(stream) }
    var names: [String] = []
    while true {
        errno = 0
        guard let entry = readdir(stream) else {
            if errno != 0 { throw Errno(rawValue: errno) }
            return names
        }
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { names.append(name) }
    }
}

/// `fchownat(2)`, of a symbolic link itself.
public func changeOwner(
    _ path: String, in directory: CInt = currentDirectory, user: uid_t, group: gid_t
) throws(Errno) {
    _ = try retrying { fchownat(directory, path, user, group, AT_SYMLINK_NOFOLLOW) }
}

/// Removes a directory with all that is in it, never following a symbolic link: what is in it may be a stranger's work.
/// Directories whose owner may not write or enter them, as some caches have, are no obstacle to their owner.
/// - Throws: `.fileNameTooLong` where it is deeper than 128 directories; else the system's error.
public func removeTree(
    _ path: String, in directory: CInt = currentDirectory, depth: Int = 0
) throws(Errno) {
    if depth > 128 { throw .fileNameTooLong }
    do throws(Errno) {
        let opened = try openToEmpty(path, in: directory)
        for name in try directoryEntries(".", in: opened.raw) {
            try removeTree(name, in: opened.raw, depth: depth + 1)
        }
    } catch  where error == .notDirectory {
        return try removeFile(path, in: directory)
    }
    try removeDirectory(path, in: directory)
}

/// Opens a directory whose entries are to be removed.
private func openToEmpty(_ path: String, in directory: CInt) throws(Errno) -> OwnedDescriptor {
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
    do throws(Errno) {
        let opened = try openFile(path, in: directory, flags)
        if geteuid() != 0 { fchmod(opened.raw, 0o700) }
        return opened
    } catch  where error == .permissionDenied {
        guard try status(path, in: directory, following: false).st_mode & S_IFMT == S_IFDIR else { throw error }
        _ = try retrying { fchmodat(directory, path, 0o700, 0) }
        return try openFile(path, in: directory, flags)
    }
}

/// Another descriptor of the same open file, from 3 up and close-on-exec.
public func duplicate(_ descriptor: CInt) throws(Errno) -> OwnedDescriptor {
    OwnedDescriptor(owning: try retrying { fcntl(descriptor, F_DUPFD_CLOEXEC, 3) })
}
