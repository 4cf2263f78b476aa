// What was found of a machine, in words: each mechanism with its state and how to mend it.

import UpdateModel

/// From facts to what `update-all doctor` says of them.
public enum Mechanisms {
    /// In the order from the kernel to the files that people write.
    public static func of(_ diagnosis: Diagnosis) -> [Mechanism] {
        [
            hierarchy(diagnosis.groups), ownGroups(diagnosis), controllers(diagnosis.groups), launch(diagnosis.launch),
            pidfd(diagnosis), subreaper(diagnosis), guardian(diagnosis), pressure(diagnosis), swap(diagnosis),
            caps(diagnosis), mutexes(diagnosis),
        ] + diagnosis.directories.map(directory) + [
            root(diagnosis), configuration(diagnosis), policy(diagnosis), plugins(diagnosis), trust(diagnosis),
        ]
    }

    // MARK: Control groups

    private static func hierarchy(_ groups: Diagnosis.Groups) -> Mechanism {
        let mount = groups.mount ?? ""
        return switch groups.hierarchy {
        case .unified: Mechanism("cgroup v2", .ok, "mounted at \(mount), with the controllers")
        case .hybrid:
            Mechanism(
                "cgroup v2", .limited, "mounted at \(mount), but the controllers belong to cgroup v1",
                mend: "boot with cgroup_no_v1=all on the kernel's command line (with systemd: "
                    + "systemd.unified_cgroup_hierarchy=1)")
        case .none:
            Mechanism(
                "cgroup v2", .limited, "not mounted: steps are found by their processes, and nothing is limited",
                mend: "as root: mount -t cgroup2 none /sys/fs/cgroup")
        }
    }

    private static func ownGroups(_ diagnosis: Diagnosis) -> Mechanism {
        if let place = diagnosis.groups.place {
            return Mechanism("own groups", .ok, "a run has its groups below \(place)")
        }
        let (reason, advice) = split(diagnosis.groups.reason)
        return Mechanism("own groups", .limited, reason, mend: advice)
    }

    private static func controllers(_ groups: Diagnosis.Groups) -> Mechanism {
        let missing = Controller.allCases.filter { !groups.controllers.contains($0) }.map(\.rawValue)
        let there = groups.controllers.sorted().map(\.rawValue).joined(separator: ", ")
        if groups.place == nil { return Mechanism("controllers", .limited, "none, without groups") }
        if missing.isEmpty, groups.missingFiles.isEmpty { return Mechanism("controllers", .ok, there) }
        if missing.isEmpty {
            return Mechanism(
                "controllers", .limited, "\(there), without \(groups.missingFiles.sorted().joined(separator: ", "))",
                mend: "a kernel that has these files")
        }
        let (reason, advice) = split(groups.reason)
        let found = there.isEmpty ? "none" : "\(there), without \(missing.joined(separator: ", "))"
        return Mechanism("controllers", .limited, "\(found): \(reason)", mend: advice)
    }

    /// A reason and, behind its semicolon, what to do.
    private static func split(_ reason: String) -> (String, String?) {
        guard let semicolon = reason.firstRange(of: "; ") else { return (reason, nil) }
        return (String(reason[..<semicolon.lowerBound]), String(reason[semicolon.upperBound...]))
    }

    // MARK: Processes

    private static func launch(_ launch: Diagnosis.Launch) -> Mechanism {
        let name = "starting"
        return switch launch {
        case .intoGroup: Mechanism(name, .ok, "clone3 puts a process into its group from its first instant")
        case .thenMoved:
            Mechanism(
                name, .limited, "a process moves into its group before it becomes the program",
                mend: "Linux 5.7 or newer")
        case .withoutClone3:
            Mechanism(
                name, .limited, "without clone3, a process moves into its group before it becomes the program",
                mend: "Linux 5.3 or newer; in a container, a seccomp profile that allows clone3")
        case .withoutGroup: Mechanism(name, .ok, "processes can be started, without groups")
        case .failed(let reason): Mechanism(name, .broken, reason, mend: "mend that first: nothing can run")
        }
    }

    private static func pidfd(_ diagnosis: Diagnosis) -> Mechanism {
        guard let refusal = diagnosis.pidfdRefusal else {
            return Mechanism("pidfd", .ok, "the end of a process cannot be mistaken for another's")
        }
        return Mechanism(
            "pidfd", .broken, "pidfd_open: \(refusal)",
            mend: "Linux 5.4 or newer; in a container, a seccomp profile that allows pidfd_open")
    }

    private static func subreaper(_ diagnosis: Diagnosis) -> Mechanism {
        guard let refusal = diagnosis.subreaperRefusal else {
            return Mechanism("subreaper", .ok, "orphans of a step are found where there are no groups")
        }
        return Mechanism(
            "subreaper", diagnosis.groups.place == nil ? .broken : .limited, "PR_SET_CHILD_SUBREAPER: \(refusal)",
            mend: "Linux 3.4 or newer")
    }

    private static func guardian(_ diagnosis: Diagnosis) -> Mechanism {
        guard let path = diagnosis.guardian else {
            return Mechanism(
                "guardian", .limited, "update-all-guardian is missing: should update-all be killed, its steps go on",
                mend: "put it beside update-all or into ../libexec/update-all, as make install does")
        }
        return Mechanism("guardian", .ok, path)
    }

    private static func root(_ diagnosis: Diagnosis) -> Mechanism {
        if diagnosis.isRoot { return Mechanism("root", .ok, "this is root") }
        guard let sudo = diagnosis.sudo else {
            return Mechanism(
                "root", .limited, "this is not root, and there is no sudo: what needs root is left out",
                mend: "start update-all as root for that")
        }
        return Mechanism(
            "root", .limited, "this is not root: what needs root is left out",
            mend: "start it with \(sudo) update-all for that")
    }

    // MARK: Resources

    private static func pressure(_ diagnosis: Diagnosis) -> Mechanism {
        let missing = ["cpu", "io", "memory"].filter { !diagnosis.pressure.contains($0) }
        if missing.isEmpty { return Mechanism("pressure", .ok, "/proc/pressure tells of cpu, io and memory") }
        return Mechanism(
            "pressure", .limited, "/proc/pressure does not tell of \(missing.joined(separator: ", "))",
            mend: "boot with psi=1 on the kernel's command line")
    }

    private static func swap(_ diagnosis: Diagnosis) -> Mechanism {
        if let swap = diagnosis.swap, swap.bytes > 0 { return Mechanism("swap", .ok, "\(swap)") }
        return Mechanism(
            "swap", .limited, "none: a step over its memory_high is slowed down and cannot give memory back",
            mend: "add swap, or give each memory_high a memory_max")
    }

    private static func caps(_ diagnosis: Diagnosis) -> Mechanism {
        let name = "disk caps"
        var possible: [String] = []
        var impossible: [String] = []
        for (path, disk) in diagnosis.disks.sorted(by: { $0.key < $1.key }) {
            switch disk {
            case .disk(let device): possible.append("\(path) is on the disk \(device)")
            case .none(let reason): impossible.append("\(path): \(reason)")
            }
        }
        let finding = (possible + impossible).joined(separator: "; ")
        return Mechanism(name, impossible.isEmpty ? .ok : .limited, finding)
    }

    // MARK: Places

    private static func mutexes(_ diagnosis: Diagnosis) -> Mechanism {
        guard let directory = diagnosis.mutexes else { return Mechanism("mutexes", .limited, "not looked at") }
        guard directory.refusal != nil else {
            return Mechanism("mutexes", .ok, "\(directory.path) keeps two people's runs apart")
        }
        return Mechanism(
            "mutexes", .limited, "\(directory.path) cannot be used: mutexes hold within one run only",
            mend: "as root: mkdir -m 1777 \(directory.path)")
    }

    private static func directory(_ directory: Diagnosis.Directory) -> Mechanism {
        guard let refusal = directory.refusal else {
            return Mechanism(directory.use, .ok, "\(directory.path) can be written")
        }
        return Mechanism(
            directory.use, .broken, "\(directory.path): \(refusal)",
            mend: "make it writable, or choose another place with --state-dir")
    }

    // MARK: Files that people write

    private static func configuration(_ diagnosis: Diagnosis) -> Mechanism {
        valid("configuration", diagnosis.configurationFaults, "valid", mend: "see: update-all config check")
    }

    private static func policy(_ diagnosis: Diagnosis) -> Mechanism {
        let name = "policy"
        if !diagnosis.policyFaults.isEmpty {
            return valid(name, diagnosis.policyFaults, "", mend: "mend the file, or choose another with --policy")
        }
        let title = "\(diagnosis.policyName) is valid"
        let missing = diagnosis.deviations.sentences.joined(separator: " ")
        if missing.isEmpty { return Mechanism(name, .ok, "\(title), and all of it is enforced here") }
        let isRefused = diagnosis.requiresLimits && !diagnosis.deviations.isEmpty
        if isRefused {
            return Mechanism(
                name, .broken, "\(title), and requires what this machine lacks. \(missing)",
                mend: "mend the mechanism, or take what there is: --set enforcement=preferred",
                exitCode: .unenforceable)
        }
        return Mechanism(name, .limited, "\(title). \(missing)")
    }

    private static func plugins(_ diagnosis: Diagnosis) -> Mechanism {
        if diagnosis.plugins == 0, diagnosis.pluginFaults.isEmpty {
            return Mechanism(
                "plugins", .limited, "none was found",
                mend: "put them into one of the places that update-all list -v names")
        }
        return valid(
            "plugins", diagnosis.pluginFaults, "\(counted(diagnosis.plugins, "plugin")), files valid",
            mend: "mend the file, or disable the plugin in config.toml")
    }

    private static func trust(_ diagnosis: Diagnosis) -> Mechanism {
        guard let first = diagnosis.untrusted.first else {
            return Mechanism("trust", .ok, "no plugin that runs as root can be changed by others")
        }
        let (finding, advice) = split(first)
        return Mechanism(
            "trust", .broken, finding + others(diagnosis.untrusted.count), mend: advice)
    }

    /// A file's state by the lines that say what is wrong with it.
    private static func valid(_ name: String, _ faults: [String], _ good: String, mend: String) -> Mechanism {
        guard let first = faults.first else { return Mechanism(name, .ok, good) }
        return Mechanism(name, .broken, first + others(faults.count), mend: mend, exitCode: .usage)
    }

    private static func others(_ count: Int) -> String { count > 1 ? " (and \(count - 1) more)" : "" }
}
