// What the helper keeps of root's rights.

import CLinux
import Glibc
import LinuxSystem
import SystemPackage

enum Confinement {
    /// What the helper does itself takes no more: steps that become somebody and get rights, signals, and directories of
    /// theirs that are removed.
    static let own: CapabilitySet = {
        let names = ["dac_override", "fowner", "kill", "setgid", "setpcap", "setuid"]
        guard let set = try? CapabilitySet(names: names) else { preconditionFailure("libcap knows these") }
        return set
    }()

    /// A person's step that calls the machine's sudo gets a sudo that complains without it.
    private static let ofSudo = (try? CapabilitySet(names: ["sys_resource"])) ?? []

    /// Gives up, for this process and all that it starts, what neither it nor a step has a use for. What only steps have is
    /// permitted, as programs get it from there under `no_new_privs`, and not effective.
    ///
    /// `no_new_privs` itself would take set-user-ID programs from a person's own steps; landlock and seccomp filters
    /// would be in force in root's.
    /// - Parameter steps: what steps that run as root may have at most.
    /// - Returns: what no step can have any more.
    static func begin(for steps: CapabilitySet) throws(Errno) -> CapabilitySet {
        let all = try CapabilitySet.current().permitted
        let permitted = all.intersection(own.union(steps))
        try CapabilitySet.limit(
            permitted: permitted, effective: all.intersection(own), bounding: permitted.union(ofSudo))
        return all.subtracting(permitted)
    }

    /// A step that runs as root with as many capabilities could read the helper's memory otherwise.
    static func forbidTracing() throws(Refusal) {
        guard clx_forbid_tracing() == 0 else {
            throw Refusal(reason: "tracing cannot be forbidden: \(Errno(rawValue: errno))")
        }
    }
}
