// The forms of a policy's strings: percentages, names.

import UpdateModel

/// Reads `25%`, `12.5 %`; at most three decimals and at most 1,000,000 %. 1 is 100 %.
func percentage(_ text: some StringProtocol) -> Fraction? {
    guard text.last == "%" else { return nil }
    let digits = text.dropLast().reversed().drop { $0 == " " }.reversed().map(String.init).joined()
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(isDigit) }),
        parts.count == 1 || parts[1].count <= 3, let percent = Double(digits), percent <= 1_000_000
    else { return nil }
    return Fraction(percent / 100)
}

/// Whether a text can be the name of an account (systemd's "strict" syntax, with dots).
func isAccountName(_ text: String) -> Bool {
    guard let first = text.utf8.first, text.utf8.count <= 31 else { return false }
    func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }
    return isLetter(first)
        && text.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x2E }
}

/// Whether a path is absolute, without `..`, and can be handed to the kernel.
func isAbsolutePath(_ text: String) -> Bool {
    text.hasPrefix("/") && !text.utf8.contains(0) && !text.split(separator: "/").contains("..")
}

/// Whether a text names a control group below the mount point: `system.slice/postgresql.service`.
func isCgroupPath(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return !text.utf8.contains(0) && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
}

func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) && character.isASCII }

/// capabilities(7), in the order of their numbers, as libcap names them.
let capabilityNames: [String] = [
    "cap_chown", "cap_dac_override", "cap_dac_read_search", "cap_fowner", "cap_fsetid", "cap_kill", "cap_setgid",
    "cap_setuid", "cap_setpcap", "cap_linux_immutable", "cap_net_bind_service", "cap_net_broadcast", "cap_net_admin",
    "cap_net_raw", "cap_ipc_lock", "cap_ipc_owner", "cap_sys_module", "cap_sys_rawio", "cap_sys_chroot",
    "cap_sys_ptrace", "cap_sys_pacct", "cap_sys_admin", "cap_sys_boot", "cap_sys_nice", "cap_sys_resource",
    "cap_sys_time", "cap_sys_tty_config", "cap_mknod", "cap_lease", "cap_audit_write", "cap_audit_control",
    "cap_setfcap", "cap_mac_override", "cap_mac_admin", "cap_syslog", "cap_wake_alarm", "cap_block_suspend",
    "cap_audit_read", "cap_perfmon", "cap_bpf", "cap_checkpoint_restore",
]
