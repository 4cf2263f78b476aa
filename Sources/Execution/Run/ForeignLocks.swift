// What others hold and a step or a question waits for: mutexes of other runs, and files that other programs have locked.

import LinuxSystem
import Reactor
import RunModel
import SystemPackage
import UpdateModel

/// Something that others hold.
struct ForeignHold: Hashable {
    /// A mutex, or the path of a file.
    var lock: String
    /// `pid 4711, alice` of a run, `pid 123 (apt-get)` of another program.
    var holder: String

    /// As it is told to people, for the moment and where it is given up.
    var phrase: String { lock.hasPrefix("/") ? "\(lock), locked by \(holder)" : "mutex \(lock), held by \(holder)" }

    /// Why it was waited for no longer, as a clause.
    func notReleased(within limit: Duration) -> String { "\(phrase), was not released within \(limit.sentence)" }
}

/// Takes mutexes and looks at locked files, and tells when something that was held is free. For the event loop's thread.
final class ForeignLocks {
    private let mutexes: MutexLocks
    private let loop: EventLoop
    private var watches: [String: ForeignLockWatch] = [:]

    init(_ mutexes: MutexLocks, loop: EventLoop) {
        self.mutexes = mutexes
        self.loop = loop
    }

    /// Takes all of `held`, sees that all of `free` are free and nobody has locked `files`; or takes nothing and says
    /// what is in the way. Files are only looked at: whoever needs their locks takes them itself.
    func acquire(_ held: [String], free: [String], files: [String]) -> ForeignHold? {
        for file in files {
            if let holder = Self.holder(ofFile: file) { return ForeignHold(lock: file, holder: holder) }
        }
        return mutexes.acquire(held, free: free).map { ForeignHold(lock: $0.mutex, holder: $0.holder) }
    }

    func release(_ held: [String]) { mutexes.release(held) }

    /// Calls `handler` once, when nobody holds `lock` any more: at once where that is so already.
    /// One `handler` for each lock; a second one is not called while the first one waits.
    func whenFree(_ lock: String, _ handler: @escaping () -> Void) {
        guard watches[lock] == nil else { return }
        watches[lock] = ForeignLockWatch(
            file: lock.hasPrefix("/") ? lock : mutexes.file(of: lock), isMutex: !lock.hasPrefix("/"), loop: loop
        ) { [weak self] in
            self?.look(at: lock, handler)
        }
        look(at: lock, handler)
    }

    private func look(at lock: String, _ handler: () -> Void) {
        guard let watch = watches[lock] else { return }
        if lock.hasPrefix("/") {
            if let holder = lockHolder(of: lock) { return watch.follow(holder.pid) }
        } else if mutexes.holder(of: lock) != nil {
            return watch.follow(nil)
        }
        watches.removeValue(forKey: lock)?.cancel()
        handler()
    }

    func cancel() {
        for watch in watches.values { watch.cancel() }
        watches = [:]
    }

    /// Who has locked a file: `pid 123 (apt-get)`; `nil`: nobody.
    static func holder(ofFile path: String) -> String? {
        lockHolder(of: path).map { holder in
            guard let pid = holder.pid else { return "another program" }
            return "pid \(pid)" + (holder.command.map { " (\($0))" } ?? "")
        }
    }
}

/// Notices whatever may mean that a lock was released.
///
/// A mutex is released by closing its file. For other programs' locks there is that, where the file may be watched, and
/// the end of the process; a lock that is given back without either makes no event, so that one look a second remains.
private final class ForeignLockWatch {
    private static let interval = Duration.seconds(1)

    private let loop: EventLoop
    private let onChange: () -> Void
    private var closing: ClosedFileWatch?
    private var process: (pid: Int32, descriptor: OwnedProcess, watch: EventLoop.Watch)?
    private var timer: EventLoop.Timer?
    private let needsTimer: Bool

    private final class OwnedProcess {
        let descriptor: OwnedDescriptor
        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
    }

    init(file: String, isMutex: Bool, loop: EventLoop, onChange: @escaping () -> Void) {
        self.loop = loop
        self.onChange = onChange
        closing = try? ClosedFileWatch(file, loop: loop, onChange)
        needsTimer = !isMutex || closing == nil
    }

    /// It is still held, by the process `pid` where that is known.
    func follow(_ pid: Int32?) {
        if process?.pid != pid {
            process?.watch.cancel()
            process = nil
            if let pid, let descriptor = try? openProcess(pid) {
                let owned = OwnedProcess(descriptor)
                if let watch = try? loop.watch(owned.descriptor.raw, for: .readable, { [unowned self] _ in ended() }) {
                    process = (pid, owned, watch)
                }
            }
        }
        guard needsTimer else { return }
        timer?.cancel()
        timer = loop.schedule(at: monotonicTime() + Self.interval, onChange)
    }

    private func ended() {
        // Its descriptor stays readable for good.
        process?.watch.cancel()
        process = nil
        onChange()
    }

    func cancel() {
        closing?.cancel()
        closing = nil
        process?.watch.cancel()
        process = nil
        timer?.cancel()
    }
}
