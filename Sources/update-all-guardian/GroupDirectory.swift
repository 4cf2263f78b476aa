// The control groups of a run after update-all's death: kill what may be killed, see what that was, remove what is empty.

import Glibc
import GuardianProtocol
import LinuxSystem
import SystemPackage
import UpdateModel

/// An open directory of a control group (cgroup v2).
final class GroupDirectory {
    private let directory: OwnedDescriptor

    /// Below a step's leaf its processes may have made groups of their own; deeper than this nobody looks.
    private static let maximumDepth = 16

    init(_ path: String) throws(Errno) {
        directory = try openFile(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    }

    /// Sends SIGKILL to every process in the group and below it.
    func kill() throws(Errno) {
        do {
            try writeControlFile("cgroup.kill", in: directory.raw, "1")
        } catch .noSuchFileOrDirectory {
            try killOneByOne()
        }
    }

    /// Before Linux 5.14: frozen, so that nothing forks away while it is listed, and thawed always.
    private func killOneByOne() throws(Errno) {
        try? writeControlFile("cgroup.freeze", in: directory.raw, "1")
        defer { try? writeControlFile("cgroup.freeze", in: directory.raw, "0") }
        for pause in DoublingPauses() {
            // Freezing takes a moment, in which there may still be forks: until none is seen.
            let processes = try Self.processes(of: directory.raw, depth: 0)
            if processes.isEmpty { return }
            for process in processes { _ = Glibc.kill(process, SIGKILL) }
            pause.wait()
        }
    }

    private static func processes(of group: CInt, depth: Int) throws(Errno) -> [pid_t] {
        // 0 stands for a process of another pid namespace, and would be the guardian's own group to kill(2).
        var found = try readText("cgroup.procs", in: group).split(separator: "\n").compactMap { pid_t($0) }
            .filter { $0 > 0 }
        if depth == maximumDepth { return found }
        for name in subgroups(of: group) {
            // A group may go while it is looked at.
            guard let subgroup = try? openSubgroup(name, of: group) else { continue }
            found += (try? processes(of: subgroup.raw, depth: depth + 1)) ?? []
        }
        return found
    }

    /// The steps that have a leaf below this group.
    func steps() -> [StepID] { Set(Self.subgroups(of: directory.raw).compactMap(StepID.init(leafName:))).sorted() }

    /// Removes the group at `path` and all below it that is empty. The last process of a group is gone a moment before
    /// the group can be removed, so there are several tries, for a second at most.
    static func remove(_ path: String) throws(Errno) {
        var failure = Errno.resourceBusy
        for pause in DoublingPauses() {
            do {
                try remove(path, in: currentDirectory, depth: 0)
                return
            } catch .noSuchFileOrDirectory {
                return
            } catch {
                failure = error
            }
            pause.wait()
        }
        throw failure
    }

    private static func remove(_ path: String, in directory: CInt, depth: Int) throws(Errno) {
        if depth < maximumDepth {
            let group = try openSubgroup(path, of: directory)
            // What cannot be removed is told by the removal of the group that it is in.
            for name in subgroups(of: group.raw) { try? remove(name, in: group.raw, depth: depth + 1) }
        }
        try removeDirectory(path, in: directory)
    }

    private static func openSubgroup(_ name: String, of group: CInt) throws(Errno) -> OwnedDescriptor {
        try openFile(name, in: group, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    }

    private static func subgroups(of group: CInt) -> [String] {
        let entries = (try? directoryEntries(".", in: group)) ?? []
        return entries.filter { name in
            guard let found = try? status(name, in: group, following: false) else { return false }
            return found.st_mode & S_IFMT == S_IFDIR
        }
    }
}

/// Pauses of 1, 2, 4 … 512 ms: about a second in all, for what the kernel finishes without saying when.
struct DoublingPauses: Sequence, IteratorProtocol {
    struct Pause {
        fileprivate let microseconds: useconds_t

        // The kernel tells nobody when it lets go.
        func wait() { usleep(microseconds) }
    }

    private var microseconds: useconds_t = 1000

    mutating func next() -> Pause? {
        if microseconds > 512_000 { return nil }
        defer { microseconds *= 2 }
        return Pause(microseconds: microseconds)
    }
}

extension StepID {
    /// The step whose group has this name; `nil` where it is a name of something else.
    fileprivate init?(leafName: some StringProtocol) {
        // A plugin's name may have dots in it, a phase and a number have none.
        var parts = leafName.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count > 2, parts.last.flatMap({ Int($0) }) != nil { parts.removeLast() }
        guard let phase = parts.popLast().flatMap({ Phase(rawValue: String($0)) }),
            let plugin = PluginName(parts.joined(separator: "."))
        else { return nil }
        self.init(plugin, phase)
    }
}
