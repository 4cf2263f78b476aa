// Capabilities by their names (capabilities(7)), and which of them a step that runs as root has unless more is asked for.

/// capabilities(7), in the order of their numbers, as libcap names them.
public let capabilityNames: [String] = [
    "cap_chown", "cap_dac_override", "cap_dac_read_search", "cap_fowner", "cap_fsetid", "cap_kill", "cap_setgid",
    "cap_setuid", "cap_setpcap", "cap_linux_immutable", "cap_net_bind_service", "cap_net_broadcast", "cap_net_admin",
    "cap_net_raw", "cap_ipc_lock", "cap_ipc_owner", "cap_sys_module", "cap_sys_rawio", "cap_sys_chroot",
    "cap_sys_ptrace", "cap_sys_pacct", "cap_sys_admin", "cap_sys_boot", "cap_sys_nice", "cap_sys_resource",
    "cap_sys_time", "cap_sys_tty_config", "cap_mknod", "cap_lease", "cap_audit_write", "cap_audit_control",
    "cap_setfcap", "cap_mac_override", "cap_mac_admin", "cap_syslog", "cap_wake_alarm", "cap_block_suspend",
    "cap_audit_read", "cap_perfmon", "cap_bpf", "cap_checkpoint_restore",
]

/// What files, users and services need: the bounding set of a step that runs as root where neither the policy nor the
/// plugin's manifest says otherwise. docs/security.md has the reason for each, and for each that is missing.
public let usualCapabilities: [String] = [
    "cap_chown", "cap_dac_override", "cap_dac_read_search", "cap_fowner", "cap_fsetid", "cap_kill", "cap_setgid",
    "cap_setuid", "cap_setpcap", "cap_net_bind_service", "cap_sys_chroot", "cap_mknod", "cap_audit_write",
    "cap_setfcap",
]

/// The name of a capability as libcap writes it, of a text in any case, with or without `cap_`; `nil` where none is called
/// that.
public func capabilityName(_ text: String) -> String? {
    let name = fullCapabilityName(text)
    return capabilityNames.contains(name) ? name : nil
}

/// What was probably meant by a text that names no capability, without quotes; `nil` where nothing is near.
public func nearestCapabilityName(to text: String) -> String? {
    nearestName(to: fullCapabilityName(text), in: capabilityNames)
}

private func fullCapabilityName(_ text: String) -> String {
    let lowercase = text.lowercased()
    return lowercase.hasPrefix("cap_") ? lowercase : "cap_" + lowercase
}

/// A capability that a plugin's work needs besides the usual ones.
public struct CapabilityNeed: Hashable, Sendable {
    /// As libcap writes it.
    public var name: String
    /// What needs it, as a clause for people.
    public var reason: String

    public init(name: String, reason: String) {
        self.name = name
        self.reason = reason
    }
}

extension StepSettings {
    /// The bounding set of the step, if it runs as root: the policy's list where it has one, which replaces all others; else
    /// the usual capabilities with those that the manifest asks for, in the order of their numbers.
    public func boundingSet(needs: [CapabilityNeed]) -> [String] {
        if let capabilities { return capabilities }
        let wanted = Set(usualCapabilities + needs.map(\.name))
        return capabilityNames.filter { wanted.contains($0) }
    }
}
