// Where a run's groups go: a decision without effects.

/// Where a run's groups go.
enum Placement: Hashable, Sendable {
    /// `updateall.slice` below the mount: root's own subtree where nobody else manages groups.
    case ownSlice
    /// Below the group that we are in (a path below the mount), which was given to us.
    case below(String)
    /// In a scope that systemd makes for us on request. Where it does not, below this group, which can be written.
    case systemdScope(otherwise: String?)
    case unavailable(reason: String)

    static func decide(_ environment: CgroupEnvironment) -> Placement {
        guard environment.hierarchy != .none else { return .unavailable(reason: "no cgroup v2 hierarchy is mounted") }
        return environment.hasSystemd ? besideSystemd(environment) : withoutSystemd(environment)
    }

    /// Only systemd's mark says that a group is ours: root may write everywhere, and so may a person everywhere below the
    /// manager of their own. A group with other processes in it is of little use, since it hands no controllers down.
    private static func besideSystemd(_ environment: CgroupEnvironment) -> Placement {
        let own = environment.ownGroup
        if let own, environment.ownGroupIsDelegated, environment.ownGroupIsWritable, !environment.ownGroupIsShared {
            return .below(own)
        }
        // A person is given a group by making it theirs, too.
        let isOurs = environment.isRoot ? environment.ownGroupIsDelegated : environment.ownGroupIsWritable
        return .systemdScope(otherwise: isOurs ? own : nil)
    }

    private static func withoutSystemd(_ environment: CgroupEnvironment) -> Placement {
        if environment.isRoot {
            // The root of a container is a group that hands nothing down while we are in it.
            let isInRoot = environment.isNamespaced && environment.ownGroup == "/" && environment.ownGroupIsWritable
            return isInRoot ? .below("/") : .ownSlice
        }
        if let own = environment.ownGroup, environment.ownGroupIsWritable { return .below(own) }
        let group = environment.ownGroup.map { "the group \($0)" } ?? "this process's group"
        return .unavailable(
            reason: "\(group) is not writable; let root create one, give it to you (chown) and start update-all in it")
    }
}
