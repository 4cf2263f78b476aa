// One group's directory: what can be done with any group, whatever it is for.

import Glibc
import LinuxSystem
import SystemPackage
import UpdateModel

/// An open group. The descriptor stands for this very group: one that is made later under the same name is another.
struct Group: ~Copyable, Sendable {
    let directory: OwnedDescriptor
    /// Absolute.
    let path: String
    /// Who changes it in our place; `nil`: we do.
    let kept: KeptGroup?

    init(opening path: String, kept: KeptGroup? = nil) throws(CgroupError) {
        self.kept = kept
        do {
            directory = try openDirectory(path)
        } catch {
            throw CgroupError(attempt: "open the group", path: path, errno: error)
        }
        self.path = path
    }

    /// Creates the group `name` in `parent`, or takes the one that is there.
    init(
        creating name: String, in parent: borrowing Group, orOpening mayExist: Bool = false
    ) throws(CgroupError) {
        path = "\(parent.path)/\(name)"
        kept = nil
        do {
            try makeDirectory(name, in: parent.directory.raw, mode: 0o755)
        } catch {
            if error != .fileExists || !mayExist {
                throw CgroupError(
                    attempt: "create the group", path: path, errno: error, advice: Self.advice(for: error))
            }
        }
        do {
            directory = try openDirectory(name, in: parent.directory.raw)
        } catch {
            throw CgroupError(attempt: "open the group", path: path, errno: error)
        }
    }

    private static func advice(for errno: Errno) -> String {
        switch errno {
        case .fileExists: "something of an earlier try is still in it"
        case .resourceTemporarilyUnavailable: "the parent's cgroup.max.descendants is reached"
        case .readOnlyFileSystem: "the hierarchy is mounted read-only, as containers have it"
        case .noSuchFileOrDirectory: "the parent was removed by somebody else"
        default: ""
        }
    }

    // MARK: Processes

    func kill() throws(CgroupError) {
        if let kept { return try kept.keeper.kill(kept.place) }
        do {
            try writeControlFile("cgroup.kill", in: directory.raw, "1")
        } catch {
            if error == .operationNotSupportedByDevice { return }
            // Before Linux 5.14 there is no such file; nor is there one when the group has gone, where nothing is to be done.
            if error != .noSuchFileOrDirectory {
                throw CgroupError(attempt: "kill the processes of", path: path, errno: error)
            }
            try killOneByOne()
        }
    }

    /// Freezes, so that nothing forks meanwhile, kills all, and thaws in any case: a frozen process does not die on v2 of
    /// kernels that need this.
    private func killOneByOne() throws(CgroupError) {
        try freeze(true)
        let victims = Result { () throws(CgroupError) in try processes(recursively: true) }
        if case .success(let list) = victims { for process in list { _ = Glibc.kill(process, SIGKILL) } }
        try freeze(false)
        _ = try victims.get()
    }

    func freeze(_ isFrozen: Bool) throws(CgroupError) {
        if let kept { return try kept.keeper.freeze(kept.place, isFrozen) }
        do {
            try writeControlFile("cgroup.freeze", in: directory.raw, isFrozen ? "1" : "0")
        } catch {
            if !error.meansGone {
                throw CgroupError(attempt: isFrozen ? "freeze" : "thaw", path: path, errno: error)
            }
        }
    }

    func processes(recursively: Bool) throws(CgroupError) -> [pid_t] {
        do {
            return try Self.processes(in: directory.raw, depth: recursively ? Self.depthLimit : 0)
        } catch {
            if error.meansGone { return [] }
            throw CgroupError(attempt: "list the processes of", path: path, errno: error)
        }
    }

    /// A step that nests groups deeper than this is not followed; the kernel kills and counts there all the same.
    private static let depthLimit = 16

    private static func processes(in directory: CInt, depth: Int) throws(Errno) -> [pid_t] {
        let text = try readFile("cgroup.procs", in: directory)
        var found = text.split(separator: 0x0A).compactMap { pid_t(String(decoding: $0, as: UTF8.self)) }
        guard depth > 0 else { return found }
        for child in try children(of: directory) {
            do {
                let nested = try openDirectory(child, in: directory)
                found += try processes(in: nested.raw, depth: depth - 1)
            } catch {
                if !error.meansGone { throw error }
            }
        }
        return found
    }

    private static func children(of directory: CInt) throws(Errno) -> [String] {
        try directoryEntries(".", in: directory).filter { name in
            guard let found = try? status(name, in: directory, following: false) else { return false }
            return found.st_mode & S_IFMT == S_IFDIR
        }
    }

    func children() throws(CgroupError) -> [String] {
        do {
            return try Self.children(of: directory.raw)
        } catch {
            if error.meansGone { return [] }
            throw CgroupError(attempt: "list the groups of", path: path, errno: error)
        }
    }

    // MARK: The end

    /// Waits until no process is left in the group and below.
    /// - Returns: whether that came about within `limit`.
    func waitUntilEmpty(limit: Duration) throws(CgroupError) -> Bool {
        do throws(Errno) {
            let events = try openFile("cgroup.events", in: directory.raw, O_RDONLY)
            let deadline = monotonicTime() + limit
            while true {
                if number(of: "populated", in: try readControlText(events.raw)) == 0 { return true }
                let rest = deadline - monotonicTime()
                guard rest > .zero else { return false }
                if try !waitForPriority(events.raw, limit: rest) { return false }
            }
        } catch {
            if error.meansGone { return true }
            throw CgroupError(attempt: "wait for the end of", path: path, errno: error)
        }
    }

    /// Removes the group `name` of this one, with the groups below it.
    ///
    /// After the last exit a group is busy for a moment: five tries, with pauses of 0.5 to 4 ms between them.
    /// - Throws: `.resourceBusy` where it has processes.
    func removeChild(_ name: String) throws(CgroupError) {
        var pause: UInt32 = 500
        for attempt in 1... {
            do {
                return try Self.removeTree(name, in: directory.raw, depth: Self.depthLimit)
            } catch {
                if error.meansGone { return }
                if error != .resourceBusy || attempt == 5 {
                    throw CgroupError(
                        attempt: "remove the group", path: "\(path)/\(name)", errno: error,
                        advice: error == .resourceBusy ? "processes are still in it; see cgroup.procs there" : "")
                }
            }
            // The kernel tells nobody when it lets go.
            usleep(pause)
            pause *= 2
        }
    }

    private static func removeTree(_ name: String, in parent: CInt, depth: Int) throws(Errno) {
        do {
            return try removeDirectory(name, in: parent)
        } catch {
            if error != .resourceBusy || depth == 0 { throw error }
        }
        let directory = try openDirectory(name, in: parent)
        let nested = try children(of: directory.raw)
        if nested.isEmpty { throw .resourceBusy }
        // One that is busy does not keep the others.
        var failure: Errno?
        for child in nested {
            do {
                try removeTree(child, in: directory.raw, depth: depth - 1)
            } catch {
                if !error.meansGone { failure = error }
            }
        }
        if let failure { throw failure }
        try removeDirectory(name, in: parent)
    }

    // MARK: Limits

    /// Writes limits in the order given, each read back at once.
    func apply(_ writes: [ControlWrite], controllers: Set<Controller>) -> AppliedLimits {
        if let kept { return kept.keeper.apply(writes, to: kept.place) }
        var result = AppliedLimits()
        let pageSize = LinuxSystem.pageSize()
        for wanted in writes {
            func deviates(_ effective: String?, _ reason: String) {
                result.deviations.append(
                    LimitDeviation(
                        control: wanted.file, requested: wanted.value, effective: effective, reason: reason))
            }
            guard let controller = Controller(controlFile: wanted.file) else {
                deviates(nil, "it belongs to none of the controllers that are used here")
                continue
            }
            do {
                let kind = files(of: controller)
                let content = try exchangeControlFile(wanted.file, in: directory.raw, wanted.value)
                let effective = kind.effective(wanted, in: content)
                result.applied.append(ControlWrite(file: wanted.file, value: effective))
                if !kind.isInForce(wanted, effective: effective, pageSize: pageSize) {
                    deviates(effective, "the kernel made it that")
                }
            } catch {
                deviates(nil, reason(for: error, controller, isEnabled: controllers.contains(controller)))
            }
        }
        return result
    }

    private func reason(for errno: Errno, _ controller: Controller, isEnabled: Bool) -> String {
        guard errno == .noSuchFileOrDirectory else { return "the kernel refused it: \(errno)" }
        return isEnabled
            ? "this kernel's \(controller.rawValue) controller has no such file"
            : "the \(controller.rawValue) controller is not available under \(path)"
    }
}

/// What became of a list of limits.
public struct AppliedLimits: Sendable {
    /// As read back.
    public var applied: [ControlWrite] = []
    public var deviations: [LimitDeviation] = []

    public init(applied: [ControlWrite] = [], deviations: [LimitDeviation] = []) {
        self.applied = applied
        self.deviations = deviations
    }
}
