// What was found of a machine, in words: each mechanism with its state and how to mend it.

import RunModel

/// From facts to what `update-all doctor` says of them.
public enum Mechanisms {
    /// In the order from the kernel to the files that people write.
    public static func of(_ diagnosis: Diagnosis) -> [Mechanism] {
        groups(diagnosis) + [
            launch(diagnosis.launch), pidfd(diagnosis), subreaper(diagnosis), guardian(diagnosis), terminal(diagnosis),
            caps(diagnosis), downloads(diagnosis), pressure(diagnosis), swap(diagnosis), mutexes(diagnosis),
            locks(diagnosis),
        ] + diagnosis.directories.map(directory) + [
            root(diagnosis), sudo(diagnosis), configuration(diagnosis), policy(diagnosis), plugins(diagnosis),
            trust(diagnosis),
        ]
    }

    /// A reason and, behind its semicolon, what to do.
    static func split(_ reason: String) -> (String, String?) {
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
                name, .degraded, "a process moves into its group before it becomes the program",
                mend: "Linux 5.7 or newer")
        case .withoutClone3:
            Mechanism(
                name, .degraded, "without clone3, a process moves into its group before it becomes the program",
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
            "subreaper", diagnosis.groups.place == nil ? .broken : .degraded, "PR_SET_CHILD_SUBREAPER: \(refusal)",
            mend: "Linux 3.4 or newer")
    }

    private static func guardian(_ diagnosis: Diagnosis) -> Mechanism {
        guard let path = diagnosis.guardian else {
            return Mechanism(
                "guardian", .missing, "update-all-guardian is missing: should update-all be killed, its steps go on",
                mend: "put it beside update-all or into ../libexec/update-all, as make install does")
        }
        return Mechanism("guardian", .ok, path)
    }

    private static func terminal(_ diagnosis: Diagnosis) -> Mechanism {
        guard let refusal = diagnosis.terminalRefusal else {
            return Mechanism("terminals", .ok, "a step can have a pseudo-terminal")
        }
        return Mechanism(
            "terminals", .missing, "there is no pseudo-terminal for a step with pty = \"always\": \(refusal)",
            mend: "as root: mount -t devpts devpts /dev/pts; where there are too many, raise kernel.pty.max")
    }

    private static func root(_ diagnosis: Diagnosis) -> Mechanism {
        if diagnosis.isRoot { return Mechanism("root", .ok, "this is root") }
        let users = diagnosis.rootPlugins.map(\.rawValue).joined(separator: ", ")
        if let program = diagnosis.elevation {
            let use =
                users.isEmpty
                ? "no plugin needs it" : "\(users) \(diagnosis.rootPlugins.count == 1 ? "needs" : "need") it"
            return Mechanism("root", .ok, "\(program) asks once in a run, and starts update-all-helper; \(use)")
        }
        return Mechanism(
            "root", .missing, "this is not root: what needs root is left out",
            mend: diagnosis.sudo.map { "start it with \($0) update-all for that" }
                ?? "start update-all as root for that")
    }

    private static func sudo(_ diagnosis: Diagnosis) -> Mechanism {
        let users = diagnosis.sudoPlugins.map(\.rawValue).joined(separator: ", ")
        let use =
            users.isEmpty ? "no plugin calls it" : "\(users) \(diagnosis.sudoPlugins.count == 1 ? "calls" : "call") it"
        if let path = diagnosis.sudo { return Mechanism("sudo", .ok, "\(path); \(use)") }
        if users.isEmpty { return Mechanism("sudo", .ok, "not on PATH, and \(use)") }
        return Mechanism("sudo", .missing, "not on PATH, but \(use)", mend: "install it, or disable these plugins")
    }

    // MARK: Resources

    private static func swap(_ diagnosis: Diagnosis) -> Mechanism {
        if let swap = diagnosis.swap, swap.bytes > 0 { return Mechanism("swap", .ok, "\(swap)") }
        return Mechanism(
            "swap", .missing, "none: a step over its memory_high is slowed down and cannot give memory back",
            mend: "add swap, or give each memory_high a memory_max")
    }

    // MARK: Places

    private static func mutexes(_ diagnosis: Diagnosis) -> Mechanism {
        guard let directory = diagnosis.mutexes else { return Mechanism("mutexes", .degraded, "not looked at") }
        guard directory.refusal != nil else {
            return Mechanism("mutexes", .ok, "\(directory.path) keeps two people's runs apart")
        }
        return Mechanism(
            "mutexes", .degraded, "\(directory.path) cannot be used: mutexes hold within one run only",
            mend: "as root: mkdir -m 1777 \(directory.path)")
    }

    /// Files by which package managers exclude each other.
    private static func locks(_ diagnosis: Diagnosis) -> Mechanism {
        let held = diagnosis.locks.compactMap { lock in lock.holder.map { (lock, $0) } }
        if held.isEmpty {
            let plugins = Set(diagnosis.locks.flatMap(\.plugins)).sorted().map(\.rawValue).joined(separator: ", ")
            return Mechanism(
                "locks", .ok,
                diagnosis.locks.isEmpty
                    ? "no plugin waits for a file that is here"
                    : "\(counted(diagnosis.locks.count, "file")) of other programs can be watched, none is locked; for \(plugins)"
            )
        }
        let list = held.map { lock, holder in
            "\(lock.path) is locked by \(holder); \(lock.plugins.map(\.rawValue).joined(separator: ", ")) would wait"
        }
        return Mechanism(
            "locks", .degraded, list.joined(separator: "; "),
            loss: "a run would wait for it up to \(diagnosis.waitTimeout.wholeSeconds.sentence), and then put them off",
            mend: "let that program end")
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
        return Mechanism(name, .degraded, "\(title). \(missing)")
    }

    private static func plugins(_ diagnosis: Diagnosis) -> Mechanism {
        if diagnosis.plugins == 0, diagnosis.pluginFaults.isEmpty {
            return Mechanism(
                "plugins", .missing, "none was found",
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
