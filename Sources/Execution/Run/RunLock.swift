// One run at a time for each state directory.

import Glibc
import LinuxSystem
import SystemPackage
import UpdateModel

/// The lock of a state directory. The kernel releases it when the process ends, however it ends.
public struct RunLock: ~Copyable, Sendable {
    private let file: OwnedDescriptor

    /// - Throws: exit code 5 with the holder where another run has it.
    public static func acquire(
        state: String, isSystemWide: Bool, user: String, clockText: String
    ) throws(RunError) -> RunLock {
        try makeDirectories(state, mode: isSystemWide ? 0o755 : 0o700)
        let path = "\(state)/lock"
        let inUse: String
        do throws(Errno) {
            let file = try openFile(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: isSystemWide ? 0o644 : 0o600)
            if try isHeldByAnother(file.raw) {
                let holder = String(decoding: try readToEnd(file.raw, limit: 256), as: UTF8.self)
                inUse = holder.split(separator: "\n").first.map { ": \($0)" } ?? ""
            } else {
                guard ftruncate(file.raw, 0) == 0 else { throw Errno(rawValue: errno) }
                try writeAll(file.raw, Array("pid \(getpid()), \(user), since \(clockText)\n".utf8))
                return RunLock(file: file)
            }
        } catch {
            throw RunError(.failure, "cannot lock \(path): \(error). Choose another place with --state-dir")
        }
        throw RunError(.locked, "another run is in progress\(inUse) (update-all logs --follow shows it)")
    }

    /// Takes the lock, or says that it is taken.
    private static func isHeldByAnother(_ descriptor: CInt) throws(Errno) -> Bool {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return false }
        let failure = Errno(rawValue: errno)
        if failure != .wouldBlock { throw failure }
        return true
    }
}
