// Where a run's groups go: a decision without effects.

/// Where a run's groups go.
enum Placement: Hashable, Sendable {
    /// `updateall.slice` below the mount: root's own subtree where nobody else manages groups.
    case ownSlice
    /// Below the group that we are in (a path below the mount), which was given to us.
    case below(String)
    /// In a scope that systemd makes for us on request.
    case systemdScope
    case unavailable(reason: String)

    static func decide(_ environment: CgroupEnvironment) -> Placement {
        guard environment.hierarchy != .none else { return .unavailable(reason: "no cgroup v2 hierarchy is mounted") }
        if environment.isRoot, !environment.hasSystemd { return .ownSlice }
        if let group = environment.ownGroup {
            // Root may write everywhere: only systemd's mark says that a group is ours. A person is given a group by making
            // it theirs, and systemd marks it then.
            if environment.isRoot ? environment.ownGroupIsDelegated : environment.ownGroupIsWritable {
                return .below(group)
            }
        }
        if environment.hasSystemd { return .systemdScope }
        let group = environment.ownGroup.map { "the group \($0)" } ?? "this process's group"
        return .unavailable(
            reason: "\(group) is not writable; let root create one, give it to you (chown) and start update-all in it")
    }
}
