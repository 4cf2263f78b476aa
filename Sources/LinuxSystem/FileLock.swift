// One run at a time: an advisory lock that the kernel gives back when its holder dies.

import Glibc
import SystemPackage

/// An exclusive `flock(2)` on a file, held until this value goes away.
public struct FileLock: ~Copyable, Sendable {
    private let file: OwnedDescriptor

    /// Takes the lock, or says that another has it; never waits.
    /// - Returns: `nil` where another open file holds it.
    /// - Throws: where the file cannot be opened or created.
    public static func acquire(_ path: String, mode: mode_t = 0o600) throws(Errno) -> FileLock? {
        let file = try openFile(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: mode)
        do {
            let raw = file.raw
            _ = try retrying { flock(raw, LOCK_EX | LOCK_NB) }
        } catch {
            if error == .wouldBlock { return nil }
            throw error
        }
        return FileLock(file: file)
    }

    private init(file: consuming OwnedDescriptor) { self.file = file }

    /// The locked file, for saying in it who holds the lock.
    public var descriptor: CInt { file.raw }
}
