// The group of update-all itself, where its groups are below the one it was started in: a group that hands controllers down
// may have no processes of its own.

import Glibc
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
        moveChildren(to: group)
        try? group.removeChild(name)
    }

    /// Our guardian began where we were and ends only after us. It would keep the group; another run's processes must.
    private static func moveChildren(to group: borrowing Group) {
        guard let own = try? Group(opening: "\(group.path)/\(name)"),
            let processes = try? own.processes(recursively: false)
        else { return }
        for process in processes where isChild(process) {
            try? writeControlFile("cgroup.procs", in: group.directory.raw, "\(process)")
        }
    }

    /// Asks without reaping it.
    private static func isChild(_ process: pid_t) -> Bool {
        var information = siginfo_t()
        return waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT) == 0
    }
}
