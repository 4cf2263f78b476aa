// What control groups and the kernel's controllers can do here, and what the policy in force loses where they cannot.

import RunModel
import UpdateModel

extension Mechanisms {
    /// From the hierarchy down to the single files.
    static func groups(_ diagnosis: Diagnosis) -> [Mechanism] {
        [
            systemd(diagnosis.groups), hierarchy(diagnosis.groups), ownGroups(diagnosis), controllers(diagnosis),
            freeze(diagnosis), kill(diagnosis.groups), peaks(diagnosis.groups),
        ]
    }

    private static func systemd(_ groups: Diagnosis.Groups) -> Mechanism {
        Mechanism(
            "systemd", .ok,
            groups.hasSystemd ? "manages this machine's groups" : "does not run here: root's runs make their own groups"
        )
    }

    private static func hierarchy(_ groups: Diagnosis.Groups) -> Mechanism {
        let mount = groups.mount ?? ""
        return switch groups.hierarchy {
        case .unified: Mechanism("cgroup v2", .ok, "mounted at \(mount), with the controllers")
        case .hybrid:
            Mechanism(
                "cgroup v2", .degraded, "mounted at \(mount), but the controllers belong to cgroup v1",
                mend: "boot with cgroup_no_v1=all on the kernel's command line (with systemd: "
                    + "systemd.unified_cgroup_hierarchy=1)")
        case .none:
            Mechanism(
                "cgroup v2", .missing, "not mounted: steps are found by their processes, and nothing is limited",
                mend: "as root: mount -t cgroup2 none /sys/fs/cgroup")
        }
    }

    private static func ownGroups(_ diagnosis: Diagnosis) -> Mechanism {
        if let place = diagnosis.groups.place {
            return Mechanism("own groups", .ok, "a run has its groups below \(place)")
        }
        let (reason, advice) = split(diagnosis.groups.reason)
        return Mechanism("own groups", .missing, reason, mend: advice)
    }

    /// Files that belong to no limit.
    private static let withoutLimit: Set<String> = ["memory.peak", "pids.peak", "cgroup.freeze", "cgroup.kill"]

    private static func controllers(_ diagnosis: Diagnosis) -> Mechanism {
        let name = "controllers"
        let groups = diagnosis.groups
        let missing = Controller.allCases.filter { !groups.controllers.contains($0) }
        let files = groups.missingFiles.subtracting(withoutLimit).sorted()
        let there = groups.controllers.sorted().map(\.rawValue).joined(separator: ", ")
        if groups.place != nil, missing.isEmpty, files.isEmpty { return Mechanism(name, .ok, there) }
        let loss = loss(diagnosis) { deviation in
            Controller(controlFile: deviation.control).map { missing.contains($0) } ?? false
                || files.contains(deviation.control)
        }
        if groups.place == nil { return Mechanism(name, .missing, "none, without groups", loss: loss) }
        if missing.isEmpty {
            return Mechanism(
                name, .degraded, "\(there), without \(files.joined(separator: ", "))", loss: loss,
                mend: "a kernel that has these files")
        }
        let (reason, advice) = split(groups.reason)
        let found = there.isEmpty ? "none" : "\(there), without \(missing.map(\.rawValue).joined(separator: ", "))"
        return Mechanism(
            name, there.isEmpty ? .missing : .degraded, "\(found): \(reason)", loss: loss, mend: advice)
    }

    private static func freeze(_ diagnosis: Diagnosis) -> Mechanism {
        let name = "freezing"
        let groups = diagnosis.groups
        let refusal =
            groups.place == nil
            ? "no groups" : groups.missingFiles.contains("cgroup.freeze") ? "no cgroup.freeze" : groups.freezeRefusal
        guard let refusal else { return Mechanism(name, .ok, "steps that may be frozen can be, all at once") }
        let protection = diagnosis.protection
        let loss =
            protection.isActive && protection.action != .slow
            ? "[protect] action = \"\(protection.action.rawValue)\" of \(diagnosis.policyName) starts nothing more, and "
                + "freezes nothing"
            : nothingLost(diagnosis)
        return Mechanism(
            name, .missing, "steps cannot be frozen: \(refusal)", loss: loss,
            mend: groups.place == nil ? nil : "Linux 5.2 or newer")
    }

    private static func kill(_ groups: Diagnosis.Groups) -> Mechanism {
        let name = "killing"
        if groups.place == nil {
            return Mechanism(
                name, .degraded,
                "a step's processes are found by session, descent and environment, and ended one by one")
        }
        guard groups.missingFiles.contains("cgroup.kill") else {
            return Mechanism(name, .ok, "cgroup.kill ends all processes of a step at once")
        }
        return Mechanism(
            name, .degraded, "no cgroup.kill: a step is frozen, and its processes are ended one by one",
            mend: "Linux 5.14 or newer")
    }

    private static func peaks(_ groups: Diagnosis.Groups) -> Mechanism {
        let name = "peaks"
        let files: [(file: String, controller: Controller, mend: String)] = [
            ("memory.peak", .memory, "Linux 5.19 or newer"), ("pids.peak", .pids, "Linux 6.1 or newer"),
        ]
        let missing = files.filter {
            groups.place == nil || !groups.controllers.contains($0.controller) || groups.missingFiles.contains($0.file)
        }
        if missing.isEmpty { return Mechanism(name, .ok, "memory.peak and pids.peak tell what a step took at most") }
        // Where the whole controller is missing, its own line has the mend.
        let mend = missing.first { groups.missingFiles.contains($0.file) }?.mend
        let isPart = missing.count < files.count
        return Mechanism(
            name, isPart ? .degraded : .missing,
            "no \(missing.map(\.file).joined(separator: ", ")): what a step took at most is \(isPart ? "known in part" : "not known")",
            mend: mend)
    }

    // MARK: Disks and the network

    static func caps(_ diagnosis: Diagnosis) -> Mechanism {
        var possible: [String] = []
        var impossible: [String] = []
        var mends: [String] = []
        for (path, disk) in diagnosis.disks.sorted(by: { $0.key < $1.key }) {
            switch disk {
            case .disk(let device):
                possible.append("\(path) is on \(diagnosis.diskNames[device].map { "\($0) (\(device))" } ?? device)")
            case .none(let refusal):
                let (reason, advice) = split(refusal)
                // The reason often names the path itself.
                impossible.append(reason.hasPrefix("\(path) ") ? reason : "\(path): \(reason)")
                if let advice, !mends.contains(advice) { mends.append(advice) }
            }
        }
        let finding = (possible + impossible).joined(separator: "; ")
        let mend = mends.isEmpty ? nil : mends.joined(separator: "; ")
        let hasFile =
            diagnosis.groups.controllers.contains(.io) && !diagnosis.groups.missingFiles.contains("io.max")
        let loss = loss(diagnosis) { $0.control == "io.max" }
        if !hasFile {
            return Mechanism("disk caps", .missing, "no io.max; \(finding)", loss: loss)
        }
        if impossible.isEmpty { return Mechanism("disk caps", .ok, finding) }
        return Mechanism("disk caps", possible.isEmpty ? .missing : .degraded, finding, loss: loss, mend: mend)
    }

    static func downloads(_ diagnosis: Diagnosis) -> Mechanism {
        let name = "download cap"
        guard let refusal = diagnosis.downloadLimitRefusal else {
            return Mechanism(name, .ok, "nftables can hold what a run receives to its download_rate")
        }
        let (reason, advice) = split(refusal)
        return Mechanism(
            name, .missing, "the kernel cannot hold a run to its download_rate: \(reason)",
            loss: loss(diagnosis) { ["run.download_enforce", "run.download_rate"].contains($0.control) }, mend: advice)
    }

    static func pressure(_ diagnosis: Diagnosis) -> Mechanism {
        let missing = ["cpu", "io", "memory"].filter { !diagnosis.pressure.contains($0) }
        if missing.isEmpty { return Mechanism("pressure", .ok, "/proc/pressure tells of cpu, io and memory") }
        return Mechanism(
            "pressure", missing.count == 3 ? .missing : .degraded,
            "/proc/pressure does not tell of \(missing.joined(separator: ", "))",
            loss: loss(diagnosis) { $0.control == "[protect]" }, mend: "boot with psi=1 on the kernel's command line")
    }

    // MARK: The policy in force

    /// What of it is not in force for want of something: `shared-server: no memory.high, memory.max`.
    private static func loss(_ diagnosis: Diagnosis, where belongs: (LimitDeviation) -> Bool) -> String? {
        let deviations = diagnosis.deviations.filter(belongs)
        func list(_ deviations: [LimitDeviation], _ word: (LimitDeviation) -> String) -> String? {
            deviations.isEmpty ? nil : Set(deviations.map(word)).sorted().joined(separator: ", ")
        }
        let parts = [
            list(deviations.filter { $0.effective == nil }, \.control).map { "not enforced: \($0)" },
            list(deviations.filter { $0.effective != nil }) { "\($0.control) is \($0.effective ?? "")" },
        ].compactMap(\.self)
        return parts.isEmpty
            ? nothingLost(diagnosis) : "\(diagnosis.policyName): \(parts.joined(separator: "; "))"
    }

    private static func nothingLost(_ diagnosis: Diagnosis) -> String? {
        diagnosis.policyName.isEmpty ? nil : "\(diagnosis.policyName) loses nothing by it"
    }
}
