// Finding and ending the processes of a step where no control group holds them: what is left when there is no cgroup v2.

import Glibc
import LinuxSystem
import SystemPackage

/// The processes of one step, found in `/proc` by what they cannot easily shed: the session and process group of the step's
/// main process, descent from it, and a variable of the environment whose value is the step's alone.
///
/// A daemon that sheds all three escapes; only a control group holds that one. To be used before the main process has been
/// reaped (`endOfProcess`), since only until then its id is nobody else's, and by a subreaper (`becomeSubreaper`), so that
/// descent from it is not lost to init.
public struct ProcessTracker: Sendable {
    private let main: pid_t
    private let mark: [UInt8]

    /// - Parameters:
    ///   - main: the leader of the step's session.
    ///   - mark: `KEY=VALUE` in the environment of all its processes, and of no other step's.
    public init(main: pid_t, mark: String) {
        self.main = main
        self.mark = Array(mark.utf8)
    }

    /// All processes of the step that live, in no order.
    /// - Throws: where `/proc` cannot be listed.
    public func processes() throws(Errno) -> [pid_t] {
        let own = getpid()
        let all = try directoryEntries("/proc").compactMap { pid_t($0) }.compactMap(Record.init(pid:))
        var members = Set(
            all.filter { $0.pid == main || $0.session == main || $0.group == main || hasMark($0.pid) }.map(\.pid))
        // The main process is followed even when it is a zombie: its children are still the step's.
        members.insert(main)
        let children = Dictionary(grouping: all, by: \.parent)
        var unseen = Array(members)
        while let parent = unseen.popLast() {
            for child in children[parent] ?? [] where members.insert(child.pid).inserted { unseen.append(child.pid) }
        }
        return all.filter { members.contains($0.pid) && $0.pid != own && !$0.isDead }.map(\.pid)
    }

    /// Sends a signal to all of them, once.
    public func signal(_ number: Int32) throws(Errno) {
        for process in try processes() { try send(number, to: process) }
    }

    /// Stops all of them (SIGSTOP), in at most 20 rounds: what they forked while a round went on is found by the next.
    /// - Returns: whether a round found nobody new.
    public func stopAll() throws(Errno) -> Bool {
        var stopped: Set<pid_t> = []
        for _ in 0..<20 {
            let new = try processes().filter { stopped.insert($0).inserted }
            if new.isEmpty { return true }
            for process in new { try send(SIGSTOP, to: process) }
        }
        return false
    }

    /// Kills until none is found any more, in at most 20 rounds: each round ends all that were there when it began, and what
    /// they forked meanwhile is found by the next.
    /// - Returns: whether all have ended.
    public func killAll() throws(Errno) -> Bool {
        for _ in 0..<20 {
            let found = try processes()
            if found.isEmpty { return true }
            for process in found { try send(SIGKILL, to: process) }
            for process in found { waitForEnd(process) }
        }
        return try processes().isEmpty
    }

    /// A process id is looked at again behind a descriptor that pins it, so that no stranger who got it meanwhile is hit.
    private func send(_ number: Int32, to process: pid_t) throws(Errno) {
        do {
            let pinned = try openProcess(process)
            guard let record = Record(pid: process), !record.isDead else { return }
            try signalProcess(pinned.raw, number)
        } catch {
            if error != .noSuchProcess && error != .notPermitted { throw error }
        }
    }

    private func waitForEnd(_ process: pid_t) {
        guard let pinned = try? openProcess(process) else { return }
        var request = pollfd(fd: pinned.raw, events: Int16(POLLIN), revents: 0)
        _ = poll(&request, 1, 50)
    }

    /// Whether the mark is in the environment as it was when the process began its program.
    private func hasMark(_ process: pid_t) -> Bool {
        guard let content = try? readFile("/proc/\(process)/environ", limit: 4 << 20) else { return false }
        return content.split(separator: 0).contains { $0.elementsEqual(mark) }
    }
}

/// A line of `/proc/PID/stat`.
private struct Record {
    let pid: pid_t
    let parent: pid_t
    let group: pid_t
    let session: pid_t
    let isDead: Bool

    init?(pid: pid_t) {
        guard let text = try? readText("/proc/\(pid)/stat"),
            // The name in parentheses may hold anything, parentheses too: the last one ends it.
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[end...].split(separator: " ")
        guard fields.count > 4, let parent = pid_t(fields[2]), let group = pid_t(fields[3]),
            let session = pid_t(fields[4])
        else { return nil }
        self.pid = pid
        self.parent = parent
        self.group = group
        self.session = session
        isDead = fields[1] == "Z" || fields[1] == "X"
    }
}
