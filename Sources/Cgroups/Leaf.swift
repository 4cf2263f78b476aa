// The group of one try of one step: made before its first process, removed after its last.

import Glibc
import LinuxSystem
import Synchronization
import SystemPackage
import UpdateModel

/// A step's group. A fresh one for each try, so that peaks and counters are that try's alone.
public final class Leaf: Sendable {
    /// Below the mount: `/updateall.slice/run-…/steps/apt.download`.
    public let path: String
    /// The limits as read back.
    public var applied: [ControlWrite] { limits.withLock(\.self) }
    /// Limits that are not in force as asked for.
    public let deviations: [LimitDeviation]

    private let limits: Mutex<[ControlWrite]>
    private let group: Group
    private let branch: Branch
    private let name: String
    package let controllers: Set<Controller>
    /// cgroup.events, opened when first asked for: most steps end without anybody waiting for leftovers.
    private let events = Mutex<OwnedDescriptor?>(nil)

    init(
        _ step: StepGroup, in branch: Branch, limits: [ControlWrite], controllers: Set<Controller>
    ) throws(CgroupError) {
        name = step.name
        path = "\(branch.path)/\(name)"
        let result: AppliedLimits
        if let keeper = branch.group.kept?.keeper {
            result = try keeper.make(step, limits: limits)
            group = try Group(
                opening: "\(branch.group.path)/\(name)", kept: KeptGroup(keeper: keeper, place: .step(step)))
        } else {
            group = try branch.makeFreshChild(name)
            result = group.apply(limits, controllers: controllers)
        }
        self.limits = Mutex(result.applied)
        deviations = result.deviations
        self.branch = branch
        self.controllers = controllers
    }

    /// systemd-oomd, where it runs, kills whole groups under pressure; one with this mark it leaves alone
    /// (`ManagedOOMPreference=omit` of systemd.resource-control(5)). Before Linux 5.7 there are no marks, nor is it of use.
    func keepFromSystemdOomd() { try? mark(group.path, "user.oomd_omit") }

    /// For `clone3` into the group; open as long as this object is there.
    public var directory: CInt { group.directory.raw }

    /// Changes limits while processes are in it; each is read back. The kernel may first have to take memory back, which can
    /// last.
    public func change(_ writes: [ControlWrite]) -> AppliedLimits {
        let result = group.apply(writes, controllers: controllers)
        limits.withLock { limits in
            for write in result.applied {
                func device(_ write: ControlWrite) -> Substring { write.value.prefix { $0 != " " } }
                let same = { (old: ControlWrite) in
                    old.file == write.file && (old.file != "io.max" || device(old) == device(write))
                }
                if let index = limits.firstIndex(where: same) {
                    limits[index] = write
                } else {
                    limits.append(write)
                }
            }
        }
        return result
    }

    /// Ends all processes in the group and below at once, whatever they do.
    public func kill() throws(CgroupError) { try group.kill() }

    /// Sends a signal to all processes in the group and below, once; who has ended meanwhile is none to complain about.
    public func signal(_ number: Int32) {
        if let kept = group.kept { return kept.keeper.signal(number, to: kept.place) }
        for process in (try? processes()) ?? [] { Glibc.kill(process, number) }
    }

    /// Stops all processes, or lets them go on. Never to be frozen before a launch into it: `clone3` would wait.
    public func freeze(_ isFrozen: Bool) throws(CgroupError) { try group.freeze(isFrozen) }

    public func processes() throws(CgroupError) -> [pid_t] { try group.processes(recursively: true) }

    /// Whether a living process is in the group or below.
    ///
    /// Also answers the priority event that brought the question.
    public var isPopulated: Bool {
        get throws(CgroupError) {
            let descriptor = try eventsDescriptor
            do {
                return number(of: "populated", in: try readControlText(descriptor)) != 0
            } catch {
                if error.meansGone { return false }
                throw CgroupError(attempt: "read", path: group.path + "/cgroup.events", errno: error)
            }
        }
    }

    /// cgroup.events, to be watched for `.priority`; then ask `isPopulated`. Open as long as this object is there.
    public var eventsDescriptor: CInt {
        get throws(CgroupError) {
            let opened = events.withLock { file in
                Result { () throws(Errno) in
                    if let known = file?.raw { return known }
                    let fresh = try openFile("cgroup.events", in: group.directory.raw, O_RDONLY)
                    let raw = fresh.raw
                    file = consume fresh
                    return raw
                }
            }
            do {
                return try opened.get()
            } catch {
                throw CgroupError(attempt: "open", path: group.path + "/cgroup.events", errno: error)
            }
        }
    }

    /// Whether the kernel accounts for its memory, and so may kill in it when it, or a group above, has none left.
    public var hasMemoryController: Bool { controllers.contains(.memory) }

    /// Whether its limit on memory, or one above, has left nothing but to kill in it.
    public var hasRunOutOfMemory: Bool {
        guard hasMemoryController, let events = try? readControlFile("memory.events", in: directory) else {
            return false
        }
        return number(of: "oom", in: events) ?? 0 > 0
    }

    /// Removes the group by one call, which waits for nothing.
    /// - Returns: whether it is gone. One with groups below it, or a process that is still ending, takes `remove`.
    public func removeAtOnce() -> Bool {
        if let kept = group.kept { return (try? kept.keeper.remove(kept.place)) != nil }
        do {
            try removeDirectory(name, in: branch.group.directory.raw)
            return true
        } catch {
            return error.meansGone
        }
    }

    /// Removes the group and what a step made below it; gone already is fine.
    /// - Throws: `.resourceBusy` where processes are still in it.
    public func remove() throws(CgroupError) {
        if let kept = group.kept { return try kept.keeper.remove(kept.place) }
        try branch.group.removeChild(name)
    }
}

/// `steps` or `protected`: the group above leaves, with the run's limits.
final class Branch: Sendable {
    let group: Group
    /// Below the mount.
    let path: String

    init(name: String, in run: borrowing Group, path: String) throws(CgroupError) {
        group = try Group(creating: name, in: run)
        self.path = path
    }

    /// One that somebody else has made and keeps.
    init(_ kept: KeptGroup, at absolutePath: String, path: String) throws(CgroupError) {
        group = try Group(opening: absolutePath, kept: kept)
        self.path = path
    }

    /// A new group, in place of an abandoned one of the same name if need be: its counters would not be the new step's.
    func makeFreshChild(_ name: String) throws(CgroupError) -> Group {
        do {
            return try Group(creating: name, in: group)
        } catch {
            guard error.errno == .fileExists else { throw error }
        }
        try group.removeChild(name)
        return try Group(creating: name, in: group)
    }
}
