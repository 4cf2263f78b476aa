// Where control groups are on this machine, and what of them is ours.

import Glibc
import LinuxSystem
import SystemPackage

/// Where cgroup v2 is.
public enum CgroupHierarchy: Hashable, Sendable {
    /// v2 with its controllers, mounted here.
    case unified(mount: String)
    /// v2 mounted here beside v1, which has the controllers: groups track, kill and freeze, and limit nothing.
    case hybrid(mount: String)
    case none

    /// The hierarchy in the mounts of a process. Where v2 is mounted more than once the first mount of the most of it counts.
    public static func find(in mounts: [Mount]) -> CgroupHierarchy {
        let candidates = mounts.filter { $0.type == "cgroup2" }
        guard let mount = candidates.first(where: { $0.root == "/" }) ?? candidates.first else { return .none }
        let hasControllersElsewhere = mounts.contains { $0.type == "cgroup" }
        return hasControllersElsewhere ? .hybrid(mount: mount.mountPoint) : .unified(mount: mount.mountPoint)
    }

    public var mount: String? {
        switch self {
        case .unified(let mount), .hybrid(let mount): mount
        case .none: nil
        }
    }
}

/// What decides where our groups can be.
public struct CgroupEnvironment: Hashable, Sendable {
    public var hierarchy: CgroupHierarchy
    /// The group that this process is in, as a path below the mount (`/` is the mount itself); `nil`: outside of it.
    public var ownGroup: String?
    public var isRoot: Bool
    /// systemd runs the machine: it alone writes to groups that it has not handed over.
    public var hasSystemd: Bool
    /// What we see as the root is a group among others of the machine's, as in containers with a cgroup namespace.
    public var isNamespaced: Bool
    /// We may create groups in our own one and move processes there.
    public var ownGroupIsWritable: Bool
    /// systemd has handed our own group over.
    public var ownGroupIsDelegated: Bool
    /// Other processes are in our own group: it can hand no controllers down.
    public var ownGroupIsShared: Bool

    public init(
        hierarchy: CgroupHierarchy, ownGroup: String?, isRoot: Bool, hasSystemd: Bool, isNamespaced: Bool = false,
        ownGroupIsWritable: Bool, ownGroupIsDelegated: Bool, ownGroupIsShared: Bool = false
    ) {
        self.hierarchy = hierarchy
        self.ownGroup = ownGroup
        self.isRoot = isRoot
        self.hasSystemd = hasSystemd
        self.isNamespaced = isNamespaced
        self.ownGroupIsWritable = ownGroupIsWritable
        self.ownGroupIsDelegated = ownGroupIsDelegated
        self.ownGroupIsShared = ownGroupIsShared
    }

    /// What this process sees.
    /// - Parameter member: whose group is asked about in place of this process's own; `nil`: that.
    public static func current(groupOf member: pid_t? = nil) throws(Errno) -> CgroupEnvironment {
        let mounts = Mount.parse(try readText("/proc/self/mountinfo"))
        var hierarchy = CgroupHierarchy.find(in: mounts)
        // Something else may be mounted on top of it.
        if let mount = hierarchy.mount, (try? isUnifiedHierarchy(mount)) != true { hierarchy = .none }
        guard let mount = hierarchy.mount else {
            return CgroupEnvironment(
                hierarchy: .none, ownGroup: nil, isRoot: geteuid() == 0, hasSystemd: isSystemdBooted(),
                ownGroupIsWritable: false, ownGroupIsDelegated: false)
        }
        let root = mounts.first { $0.mountPoint == mount && $0.type == "cgroup2" }?.root ?? "/"
        let groups = try readText("/proc/\(member.map { "\($0)" } ?? "self")/cgroup")
        let group = unifiedGroup(in: groups).flatMap { Self.path(of: $0, below: root) }
        let path = group.map { join(mount, $0) }
        return CgroupEnvironment(
            hierarchy: hierarchy, ownGroup: group, isRoot: geteuid() == 0,
            // In a container that sees all of the machine's groups, the machine's systemd runs them all the same.
            hasSystemd: isSystemdBooted() || root == "/" && fileExists(mount + "/init.scope/cgroup.procs"),
            // The kernel's own root has no such file.
            isNamespaced: fileExists(mount + "/cgroup.type"),
            ownGroupIsWritable: path.map {
                isWritable($0) && isWritable($0 + "/cgroup.procs") && isWritable($0 + "/cgroup.subtree_control")
            } ?? false,
            ownGroupIsDelegated: path.map(isDelegatedGroup) ?? false,
            ownGroupIsShared: path.map(isShared) ?? false)
    }

    /// sd_booted(3).
    private static func isSystemdBooted() -> Bool { fileExists("/run/systemd/system") }

    private static func isShared(_ path: String) -> Bool {
        let processes = (try? readText(path + "/cgroup.procs"))?.split(separator: "\n") ?? []
        return processes.contains { $0 != "\(getpid())" }
    }

    /// A group's path below a mount that shows the hierarchy from `root` on: in a container without a namespace of its own
    /// that is not the whole.
    static func path(of group: String, below root: String) -> String? {
        if group.hasPrefix("/..") { return nil }
        if root == "/" { return group }
        if group == root { return "/" }
        return group.hasPrefix(root + "/") ? String(group.dropFirst(root.utf8.count)) : nil
    }
}

/// `group`, a path below the mount, as an absolute path.
func join(_ mount: String, _ group: String) -> String { group == "/" ? mount : mount + group }
