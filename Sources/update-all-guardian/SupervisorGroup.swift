// The group that update-all moved itself into, and its guardian with it, where its groups were below the one it was started
// in. Nobody could be put into that one again as long as it hands controllers down.

import Glibc
import LinuxSystem
import SystemPackage

enum SupervisorGroup {
    /// Gives the group in which `runGroup` was back as it was, unless another run uses it.
    /// - Parameter runGroup: absolute path of a group that has been removed.
    static func leave(above runGroup: String) {
        guard let slash = runGroup.lastIndex(of: "/"),
            let base = try? openDirectory(String(runGroup[..<slash])),
            let own = try? openDirectory("supervisor", in: base.raw),
            let processes = try? readText("cgroup.procs", in: own.raw), processes == "\(getpid())"
        else { return }
        // Below a group with processes there may be no controllers.
        let controllers = (try? readText("cgroup.subtree_control", in: base.raw)) ?? ""
        for controller in controllers.split(separator: " ") {
            try? writeControlFile("cgroup.subtree_control", in: base.raw, "-\(controller)")
        }
        do throws(Errno) {
            try writeControlFile("cgroup.procs", in: base.raw, "0")
            try removeDirectory("supervisor", in: base.raw)
        } catch {
            // The next run there finds it and enters it.
        }
    }
}
