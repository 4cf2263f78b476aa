// One run at a time for each state directory.

import Glibc
import LinuxSystem
import SystemPackage
import UpdateModel

/// The lock of a state directory. The kernel releases it when the process ends, however it ends.
public struct RunLock: ~Copyable, Sendable {
    private let file: OwnedDescriptor

    /// - Throws: exit code 5 with the holder where another run has it; 2 where a newer program keeps its state there.
    public static func acquire(
        state: String, isSystemWide: Bool, user: String, clockText: String
    ) throws(RunError) -> RunLock {
        let access = FileAccess(isSystemWide: isSystemWide)
        try makeDirectories(state, mode: access.directoryMode)
        try StateVersion.check(state)
        let path = "\(state)/lock"
        let inUse: String
        do throws(Errno) {
            let file = try access.open(path, O_RDWR)
            if try isHeldByAnother(file.raw) {
                let holder = String(decoding: try readToEnd(file.raw, limit: 256), as: UTF8.self)
                inUse = holder.split(separator: "\n").first.map { ": \($0)" } ?? ""
            } else {
                guard ftruncate(file.raw, 0) == 0 else { throw Errno(rawValue: errno) }
                try writeAll(file.raw, Array("pid \(getpid()), \(user), since \(clockText)\n".utf8))
                try StateVersion.mark(state, access)
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
