// Mutexes hold between the runs of one machine too: each is a file lock that every run of every user takes.

import Glibc
import LinuxSystem
import Reactor
import SystemPackage
import UpdateModel

/// The file locks of mutexes, below a directory that everybody may write (as `/run/lock` is).
///
/// A lock's file says who holds it. It is never removed: a file that one run removes while another opens it would be
/// two locks of one name.
final class MutexLocks {
    /// A mutex that another run holds.
    struct Held: Hashable {
        var mutex: String
        /// `pid 4711, alice`, or what could be found out.
        var holder: String
    }

    static let defaultPath = "/run/lock/update-all"

    /// `nil` where there is none that we may use.
    private let directory: LockFile?
    private let path: String
    private let holder: [UInt8]
    private var locks: [String: LockFile] = [:]

    private final class LockFile {
        let descriptor: OwnedDescriptor
        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
    }

    /// Where the directory cannot be had, mutexes hold within this run only.
    init(path: String = defaultPath, user: String) {
        self.path = path
        holder = Array("pid \(getpid()), \(user)\n".utf8)
        do throws(Errno) {
            try makeDirectory(path, mode: 0o1777)
            // The umask has taken the bits that let others in.
            chmod(path, 0o1777)
        } catch {
            // It is there already, or its parent is not ours to write: opening it tells.
        }
        do throws(Errno) {
            directory = LockFile(try openFile(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
        } catch {
            directory = nil
        }
    }

    /// Where mutexes are files; `nil`: they hold within this run only.
    var place: String? { directory == nil ? nil : path }

    /// Takes all of `held` and sees that all of `free` are free, or takes none and says which one another run holds.
    func acquire(_ held: [String], free: [String]) -> Held? {
        guard directory != nil else { return nil }
        var taken: [String] = []
        for mutex in held + free where locks[mutex] == nil {
            switch take(mutex) {
            case .taken:
                taken.append(mutex)
            case .unavailable:
                continue  // its file is not ours to open: it holds within this run only
            case .held(let holder):
                release(taken)
                return Held(mutex: mutex, holder: holder)
            }
        }
        // Free is a condition at the start, not something to keep.
        release(free.filter { taken.contains($0) && !held.contains($0) })
        return nil
    }

    func release(_ mutexes: [String]) {
        for mutex in mutexes { locks[mutex] = nil }
    }

    private enum Attempt {
        case taken
        case held(by: String)
        case unavailable
    }

    private func take(_ mutex: String) -> Attempt {
        guard let directory = directory?.descriptor.raw else { return .unavailable }
        let name = Self.fileName(mutex)
        if let holder = holder(of: mutex) { return .held(by: holder) }
        // Without O_CREAT first: fs.protected_regular forbids it for a file of somebody else in a sticky directory.
        guard
            let file = (try? openFile(name, in: directory, O_RDWR | O_NOFOLLOW))
                ?? (try? openFile(name, in: directory, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o666))
        else { return .unavailable }
        guard flock(file.raw, LOCK_EX | LOCK_NB) == 0 else { return .held(by: holder(of: mutex) ?? "another run") }
        fchmod(file.raw, 0o666)
        if ftruncate(file.raw, 0) == 0 { try? writeAll(file.raw, holder) }
        locks[mutex] = LockFile(file)
        return .taken
    }

    /// Who else holds a mutex now; `nil`: nobody. Looks without opening the file for writing: that it is closed by a
    /// writer is how its release is noticed.
    func holder(of mutex: String) -> String? {
        guard let directory = directory?.descriptor.raw,
            let file = try? openFile(Self.fileName(mutex), in: directory, O_RDONLY | O_NOFOLLOW)
        else { return nil }
        if flock(file.raw, LOCK_EX | LOCK_NB) == 0 { return nil }
        let text = (try? readToEnd(file.raw, limit: 256)) ?? []
        let holder = String(decoding: text.prefix { $0 != 0x0A }, as: UTF8.self)
        return holder.isEmpty ? "another run" : holder
    }

    /// A mutex name has no character that a file name may not have, but for the colon's looks.
    private static func fileName(_ mutex: String) -> String { mutex.replacing(":", with: ".") + ".lock" }

    /// The file whose last writer's end (`IN_CLOSE_WRITE`) means that a mutex may be free.
    func file(of mutex: String) -> String { "\(path)/\(Self.fileName(mutex))" }
}

/// Tells when a file's writer has closed it: how a lock's release is noticed without asking again and again.
final class ClosedFileWatch {
    private let notification: OwnedDescriptor
    private var watch: EventLoop.Watch?

    /// - Throws: where the user's inotify instances are used up, or the file is gone.
    init(_ path: String, loop: EventLoop, _ handler: @escaping () -> Void) throws(Errno) {
        let raw = inotify_init1(O_NONBLOCK | O_CLOEXEC)  // IN_NONBLOCK, IN_CLOEXEC
        if raw < 0 { throw Errno(rawValue: errno) }
        notification = OwnedDescriptor(owning: raw)
        if inotify_add_watch(raw, path, UInt32(IN_CLOSE_WRITE)) < 0 { throw Errno(rawValue: errno) }
        watch = try loop.watch(raw, for: .readable) { [raw] _ in
            var buffer = [UInt8](repeating: 0, count: 4096)
            _ = read(raw, &buffer, buffer.count)
            handler()
        }
    }

    func cancel() {
        watch?.cancel()
        watch = nil
    }
}
