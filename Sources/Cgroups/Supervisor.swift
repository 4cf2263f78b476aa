// The group of update-all itself, where its groups are below the one it was started in: a group that hands controllers down
// may have no processes of its own.

import LinuxSystem
import SystemPackage
import UpdateModel

enum Supervisor {
    private static let name = "supervisor"

    /// Moves this process, and only this one, from `group` into `supervisor` below it; others may have made it before.
    static func enter(below group: borrowing Group) throws(CgroupError) {
        let own = try Group(creating: name, in: group, orOpening: true)
        do {
            try writeControlFile("cgroup.procs", in: own.directory.raw, "0")
        } catch {
            throw CgroupError(attempt: "move update-all into", path: own.path, errno: error)
        }
    }

    /// Puts everything back as it was, unless another run uses it too.
    static func leave(_ group: borrowing Group) {
        Delegation.disable(Set(Controller.allCases), below: group)
        try? writeControlFile("cgroup.procs", in: group.directory.raw, "0")
        try? group.removeChild(name)
    }
}
