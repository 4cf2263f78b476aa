// Processes that are moved to where another is already.

import Glibc
import LinuxSystem
import SystemPackage

/// Moves processes to the group that another is in; those that have ended are none to complain about.
public func move(_ processes: [pid_t], toGroupOf member: pid_t) throws(CgroupError) {
    var path = "/proc/\(member)/cgroup"
    do throws(Errno) {
        let environment = try CgroupEnvironment.current(groupOf: member)
        guard let mount = environment.hierarchy.mount, let group = environment.ownGroup else {
            throw .noSuchFileOrDirectory
        }
        path = join(mount, group)
        let directory = try openDirectory(path)
        for process in processes {
            do throws(Errno) {
                try writeControlFile("cgroup.procs", in: directory.raw, "\(process)")
            } catch {
                if error != .noSuchProcess { throw error }
            }
        }
    } catch {
        throw CgroupError(attempt: "move processes into", path: path, errno: error)
    }
}
