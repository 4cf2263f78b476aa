// Who has locked a file: package managers exclude each other by advisory locks on files that everybody knows.

import CLinux
import Glibc
import LinuxSystem
import SystemPackage

/// A process that holds an advisory lock on a file.
public struct LockHolder: Hashable, Sendable {
    /// `nil` where the kernel does not tell: a lock of an open file description (fcntl(2)), or one of a process that is
    /// out of sight.
    public var pid: pid_t?
    /// The program's name, 15 bytes at most; `nil` where it has ended or is not known.
    public var command: String?

    public init(pid: pid_t?, command: String? = nil) {
        self.pid = pid
        self.command = command
    }
}

/// Who has locked the file at `path`, by fcntl(2), as dpkg and apt do, or by flock(2); `nil`: nobody, or there is no such
/// file. Takes no lock, so that it never stands in the way of whoever wants one.
///
/// Where the file may be read, `F_GETLK` tells of the former kind. `/proc/locks` tells of both, also of files that may
/// not be read, but only of processes of our own PID namespace.
public func lockHolder(of path: String) -> LockHolder? {
    guard let found = try? status(path), found.st_mode & S_IFMT == S_IFREG else { return nil }
    if let pid = recordLockHolder(of: path) { return LockHolder(named: pid) }
    guard let table = try? readFile("/proc/locks", limit: 16 << 20) else { return nil }
    let locks = String(decoding: table, as: UTF8.self).split(separator: "\n")
    return locks.lazy.compactMap(HeldLock.init).first { $0.isOf(found) }.map { LockHolder(named: $0.pid) }
}

extension LockHolder {
    fileprivate init(named pid: pid_t) {
        guard pid > 0 else {
            self.init(pid: nil)
            return
        }
        self.init(pid: pid, command: try? readText("/proc/\(pid)/comm"))
    }
}

/// The process with an fcntl(2) lock on the file, −1 where it is not told; `nil` where there is no lock, or no saying.
private func recordLockHolder(of path: String) -> pid_t? {
    // Opening something that is no regular file any more must not wait.
    guard let file = try? openFile(path, O_RDONLY | O_NONBLOCK | O_NOCTTY) else { return nil }
    var lock = flock()
    lock.l_type = Int16(F_WRLCK)
    lock.l_whence = Int16(SEEK_SET)
    guard fcntl(file.raw, F_GETLK, &lock) == 0, lock.l_type != Int16(F_UNLCK) else { return nil }
    return lock.l_pid
}

/// A line of `/proc/locks` (proc_locks(5)): `1: FLOCK  ADVISORY  WRITE 4711 08:01:1835 0 EOF`.
struct HeldLock: Hashable {
    var pid: pid_t
    var major: UInt32
    var minor: UInt32
    var inode: UInt64

    /// `nil` for a line that is about somebody who waits for a lock, or about a lease.
    init?(_ line: Substring) {
        let words = line.split(separator: " ")
        guard words.count >= 6, ["POSIX", "FLOCK", "OFDLCK"].contains(words[1]), let pid = pid_t(words[4]) else {
            return nil
        }
        let file = words[5].split(separator: ":")
        guard file.count == 3, let major = UInt32(file[0], radix: 16), let minor = UInt32(file[1], radix: 16),
            let inode = UInt64(file[2])
        else { return nil }
        (self.pid, self.major, self.minor, self.inode) = (pid, major, minor, inode)
    }

    func isOf(_ file: stat) -> Bool {
        guard inode == UInt64(file.st_ino) else { return false }
        let (fileMajor, fileMinor) = (clx_device_major(file.st_dev), clx_device_minor(file.st_dev))
        if (major, minor) == (UInt32(fileMajor), UInt32(fileMinor)) { return true }
        // File systems without a device of their own, such as btrfs and overlayfs, show one number here and another in
        // stat(2), both with the major number 0.
        return major == 0 && fileMajor == 0
    }
}
