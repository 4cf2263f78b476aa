// The private directories of processes: each finds its own empty, and as only update-all has left it.

import Glibc
import LinuxSystem
import SystemPackage
import UpdateModel

/// A directory that is one process's own for its life.
struct PrivateStepDirectory: Sendable {
    let path: String
    fileprivate let account: uid_t
    fileprivate let pristine: Appearance
}

/// Gives private directories out and takes them back. Lives on the event loop's thread.
///
/// A directory that its process has left exactly as it was made serves the next process of the same account: to make and
/// remove one each costs more than most else of a short step. On ext4 without a journal the more so, where no inode is
/// given out again for a minute after it was freed, and every search for a free one goes past all of those.
final class StepDirectories {
    let root: String
    private let janitor: Janitor
    private var made = 0
    private var pristine: [uid_t: [PrivateStepDirectory]] = [:]

    /// - Parameter root: can be passed by every account, and is removed in the end by whoever made it.
    init(in root: String, janitor: Janitor) {
        self.root = root
        self.janitor = janitor
    }

    /// - Parameter owner: `nil`: this process's own account.
    func take(for owner: Account?) throws(Errno) -> PrivateStepDirectory {
        let account = owner?.user ?? geteuid()
        if let directory = pristine[account]?.popLast() { return directory }
        made += 1
        let path = "\(root)/\(made)"
        try makeDirectory(path, mode: 0o700)
        do throws(Errno) {
            if let owner { try changeOwner(path, user: owner.user, group: owner.group) }
            // A time in the past: whatever is made or removed in it sets another one, be the clock's ticks ever so long.
            try setTimes(path, toSecond: calendarTime().millisecondsSince1970 / 1000 - 1)
            return PrivateStepDirectory(path: path, account: account, pristine: Appearance(try status(path)))
        } catch {
            try? removeDirectory(path)
            throw error
        }
    }

    /// Takes a directory back that its process needs no more.
    /// - Parameter isDeserted: no process is left that might still use it, so that it can be another's.
    func giveBack(_ directory: PrivateStepDirectory, isDeserted: Bool) {
        guard let now = try? status(directory.path), Appearance(now) == directory.pristine else {
            // Nobody knows how much is in it.
            return janitor.later { try? removeTree(directory.path) }
        }
        // Otherwise it stays, empty, until the end of the run.
        if isDeserted { pristine[directory.account, default: []].append(directory) }
    }
}

/// What a stranger's hand changes of a directory.
private struct Appearance: Hashable {
    private let mode: mode_t
    private let user: uid_t
    private let group: gid_t
    /// When an entry was made or removed last.
    private let entries: [Int]
    /// When anything else was changed: mode, owner, access lists, attributes.
    private let itself: [Int]

    init(_ status: stat) {
        mode = status.st_mode
        user = status.st_uid
        group = status.st_gid
        entries = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
        itself = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
    }
}

/// Sets when a file's content, or a directory's entries, were read and changed last (`utimensat(2)`).
/// - Parameter second: since 1970.
private func setTimes(_ path: String, toSecond second: Int64) throws(Errno) {
    let times = [timespec](repeating: timespec(tv_sec: Int(second), tv_nsec: 0), count: 2)
    _ = try retrying { utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) }
}
