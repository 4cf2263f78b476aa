// What a run that died has left: its groups are found by its id, and whether it lives by the process id in that.

import LinuxSystem
import SystemPackage
import UpdateModel

enum Sweep {
    static let steps = "steps"
    static let protected = "protected"
    private static let prefix = "run-"

    static func groupName(of run: RunID) -> String { prefix + run.rawValue }

    /// Marks a run that ended by itself and left processes that its policy keeps: no later sweep ends them.
    private static let keptMark = "user.update-all.kept"

    static func markKept(_ run: borrowing Group) throws(CgroupError) {
        do {
            try mark(run.path, keptMark)
        } catch {
            throw CgroupError(attempt: "mark", path: run.path, errno: error)
        }
    }

    /// Removes the groups of runs whose process is gone. Their unprotected steps are ended; a commit that goes on is left
    /// alone, and with it the group of its run, which a later sweep removes. So is what a run left on purpose.
    static func removeDeadRuns(in base: borrowing Group) throws(CgroupError) {
        for name in try base.children() {
            guard name.hasPrefix(prefix), let run = RunID(name.dropFirst(prefix.utf8.count)), isDead(run) else {
                continue
            }
            do throws(CgroupError) {
                let group = try Group(opening: "\(base.path)/\(name)")
                if !isMarked(group.path, keptMark), try group.children().contains(steps) {
                    let branch = try Group(opening: "\(group.path)/\(steps)")
                    try branch.kill()
                    _ = try branch.waitUntilEmpty(limit: .seconds(2))
                }
                try base.removeChild(name)
            } catch {
                // Gone, or busy: another sweep was faster, or a commit is not over.
                if !error.errno.meansGone && error.errno != .resourceBusy { throw error }
            }
        }
    }

    /// The same in the scopes of other runs: where not even a guardian lived on. systemd removes a scope that is empty.
    /// - Parameter scope: the absolute path of our own.
    static func removeDeadScopes(beside scope: String) throws(CgroupError) {
        let slice = try Group(opening: String(scope.prefix(upTo: scope.lastIndex(of: "/") ?? scope.startIndex)))
        for name in try slice.children() where name.hasSuffix(".scope") && "\(slice.path)/\(name)" != scope {
            do throws(CgroupError) {
                try removeDeadRuns(in: try Group(opening: "\(slice.path)/\(name)"))
            } catch {
                // It went while we looked.
                if !error.errno.meansGone { throw error }
            }
        }
    }

    private static func isDead(_ run: RunID) -> Bool {
        run.processID.map { !processExists($0) } ?? false
    }
}
