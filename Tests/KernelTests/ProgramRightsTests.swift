// What docs/security.md promises of every process of a person's run with steps for root, read from the kernel meanwhile.

import Glibc
import LinuxSystem
import Testing

@testable import Launching

/// A row of the table: `/proc/PID/status` of one kind of process.
private struct ProcessRights: Hashable, CustomStringConvertible {
    var user: Int
    var groups: [Int]
    var effective: UInt64 = 0
    var permitted: UInt64 = 0
    /// `nil`: of no use to who can gain no privileges.
    var bounding: UInt64?
    var gainsNoPrivileges = true

    var description: String {
        let masks = [effective, permitted, bounding ?? 0].map { String($0, radix: 16) }.joined(separator: "/")
        return "uid \(user) groups \(groups) caps \(masks) no_new_privs \(gainsNoPrivileges)"
    }
}

private struct RunProcess {
    let role: String
    let pid: pid_t
    let status: [String: String]
    /// Below the mount.
    let group: String

    init?(_ pid: pid_t) {
        guard let text = try? readText("/proc/\(pid)/status"), let groups = try? readText("/proc/\(pid)/cgroup"),
            let group = groups.split(separator: "\n").first(where: { $0.hasPrefix("0::") })?.dropFirst(3)
        else { return nil }
        let pairs = text.split(separator: "\n").compactMap { line -> (String, String)? in
            let parts = line.split(separator: ":", maxSplits: 1)
            return parts.count == 2
                ? (String(parts[0]), parts[1].split(whereSeparator: \.isWhitespace).joined(separator: " ")) : nil
        }
        status = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        (self.pid, self.group) = (pid, String(group))
        let leaf = group.split(separator: "/").last.map(String.init) ?? ""
        let step = leaf.hasSuffix(".execute") ? String(leaf.dropLast(8)) : nil
        switch (status["Name"] ?? "", step) {
        case ("update-all", nil): role = "update-all"
        case ("update-all-help", nil): role = "helper"
        case ("update-all-guar", nil): role = "guardian"
        case ("update-all-guar", let step?): role = "witness of \(step)"
        case ("sudo", nil): role = "sudo"
        case (_, let step?): role = step
        default: return nil
        }
    }

    func mask(_ key: String) -> UInt64 { status[key].flatMap { UInt64($0, radix: 16) } ?? .max }
    func numbers(_ key: String) -> [Int] { (status[key] ?? "").split(separator: " ").compactMap { Int($0) } }
}

extension ProgramPrivilegeTests {
    /// The table of docs/security.md, by name, so that a slip in the program's own list shows.
    fileprivate static let usual = [
        "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
        "net_bind_service", "sys_chroot", "mknod", "audit_write", "setfcap",
    ]
    fileprivate static let helpers = ["dac_override", "fowner", "kill", "setgid", "setpcap", "setuid"]

    @Test("is what docs/security.md says, of the person's, root's and the helper's, each in its group")
    func table() throws {
        let site = try Installation()
        try shell(
            """
            rm -rf /run/table && install -d -m 1777 /run/table
            rm -f /etc/update-all/plugins.d/*
            for name in commit needy mine; do mkfifo -m 666 /run/table/$name; done
            """)
        func script(_ name: String) -> String { "echo begun; touch /run/table/\(name).began; cat /run/table/\(name)" }
        try site.add("commit", runAs: "root", manifest: "protected_phases = [\"execute\"]", script: script("commit"))
        try site.add(
            "needy", runAs: "root", manifest: "[capabilities.update]\ncap_sys_admin = \"mounts\"",
            script: script("needy"))
        try site.add("mine", runAs: "user", script: script("mine"))
        var found: [RunProcess] = []
        let ended = try site.run(answers: [Installation.password + "\n"]) { _ in
            let have = "[ -e /run/table/commit.began ] && [ -e /run/table/needy.began ] && [ -e /run/table/mine.began ]"
            try shell("timeout 30 sh -c 'until \(have); do sleep 0.1; done'")
            found = try directoryEntries("/proc").compactMap { pid_t($0) }.compactMap { RunProcess($0) }
            for process in found { try expectPlace(process) }
            try shell("for name in commit needy mine; do timeout 10 sh -c \"echo >/run/table/$name\"; done")
        }
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        #expect(ended.text.components(separatedBy: "password of").count == 2, "one prompt: \(ended.text)")

        let person = try #require(try Account.named(Installation.person))
        let (user, groups) = (Int(person.user), person.groups.map { Int($0) }.sorted())
        let all = try CapabilitySet.bounding().rawValue
        func mask(_ names: [String]) throws -> UInt64 { try CapabilitySet(names: names).rawValue & all }
        let usual = try mask(Self.usual)
        let needy = try mask(Self.usual + ["sys_admin"])
        let root = ProcessRights(user: 0, groups: [0], effective: usual, permitted: usual, bounding: usual)
        let expected = try [
            "update-all": ProcessRights(user: user, groups: groups, bounding: all, gainsNoPrivileges: false),
            "sudo": ProcessRights(
                user: user, groups: [0], effective: all, permitted: all, bounding: all, gainsNoPrivileges: false),
            "helper": ProcessRights(
                user: 0, groups: [0], effective: mask(Self.helpers), permitted: needy,
                bounding: mask(Self.usual + ["sys_admin", "sys_resource"]), gainsNoPrivileges: false),
            "guardian": ProcessRights(user: user, groups: groups),
            "commit": root, "witness of commit": root,
            "needy": ProcessRights(user: 0, groups: [0], effective: needy, permitted: needy, bounding: needy),
            "mine": ProcessRights(user: user, groups: groups),
        ]
        #expect(Set(found.map(\.role)) == Set(expected.keys))
        for process in found {
            let rights = try #require(expected[process.role], "\(process)")
            let shown = ProcessRights(
                user: process.numbers("Uid").first ?? -1, groups: process.numbers("Groups").sorted(),
                effective: process.mask("CapEff"), permitted: process.mask("CapPrm"),
                bounding: rights.bounding == nil ? nil : process.mask("CapBnd"),
                gainsNoPrivileges: process.status["NoNewPrivs"] == "1")
            #expect(shown == rights, "\(process.role)")
            // Real, effective, saved, and of files. sudo's own account is the person's.
            let further = process.role == "sudo" ? 0 : rights.user
            #expect(Set(process.numbers("Uid").dropFirst()) == [further], "\(process.role)")
            #expect(process.mask("CapInh") == 0 && process.mask("CapAmb") == 0, "\(process.role)")
        }
        try site.expectNothingLeft()
    }

    /// Steps are in groups that only root can change.
    private func expectPlace(_ process: RunProcess) throws {
        let isStep = process.group.hasSuffix(".execute")
        let isInRun = process.group.contains("/run-")
        #expect(isStep == isInRun || process.role == "helper", "\(process.role): \(process.group)")
        guard isStep else { return }
        let branch = process.role.hasSuffix("commit") ? "protected" : "steps"
        #expect(process.group.contains("/\(branch)/"), "\(process.role): \(process.group)")
        for file in ["", "/cgroup.procs", "/memory.max", "/cgroup.kill"] {
            let rights = try shell("stat -c '%u %a' /sys/fs/cgroup\(process.group)\(file)")
            #expect(["0 755\n", "0 644\n", "0 200\n"].contains(rights), "\(process.group)\(file): \(rights)")
        }
    }
}
