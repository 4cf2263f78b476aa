// What planning is told of the machine, taken once.

import Cgroups
import LinuxSystem
import UpdateModel

extension MachineFacts {
    /// This machine, before anybody has looked for control groups or disks.
    public static func current() -> MachineFacts {
        MachineFacts(
            hostName: machineName(), memory: (try? machineMemory()) ?? ByteCount(0), cpus: usableCPUs(),
            pageSize: LinuxSystem.pageSize(), controllers: [])
    }

    /// Adds what root's groups can do here, as far as it can be seen before root has made any.
    mutating func takeRootsControllers() {
        guard case .unified(let mount)? = try? CgroupEnvironment.current().hierarchy,
            let names = try? readText("\(mount)/cgroup.controllers")
        else { return }
        controllers.formUnion(names.split(separator: " ").compactMap { Controller(rawValue: String($0)) })
    }

    /// Adds what the groups of a run can do.
    mutating func take(_ site: CgroupSite) {
        switch site {
        case .tree(let tree):
            controllers = tree.controllers
            missingControlFiles = tree.missingControlFiles
            missingControllerReason = tree.missingControllerReason
        case .unavailable(let reason):
            missingControllerReason = reason
        }
    }
}
