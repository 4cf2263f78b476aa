import Glibc
import LinuxSystem
import Testing
import UpdateModel

/// What docs/security.md promises of every process of a run, read from the kernel while the run goes on.
@Suite("What each process of a run may do", .serialized, .enabled(if: isKernelLab, "\(noKernelLab)"))
struct PrivilegeTests {
    /// A row of the table: `/proc/PID/status` of one kind of process.
    struct Rights: Hashable, CustomStringConvertible {
        var user: Int
        /// The supplementary ones; `nil`: those of whoever started update-all.
        var groups: [Int]?
        /// Permitted and effective; nothing is ever inheritable or ambient.
        var capabilities: UInt64
        /// `nil`: as update-all's, and of no use to who can gain no privileges.
        var bounding: UInt64?
        var gainsNoPrivileges = true

        var description: String {
            let masks =
                "caps \(String(capabilities, radix: 16)) bounding \(bounding.map { String($0, radix: 16) } ?? "-")"
            return "uid \(user) groups \(groups ?? []) \(masks) no_new_privs \(gainsNoPrivileges)"
        }
    }

    /// The table of docs/security.md, by name, so that a slip in the program's own list shows.
    private static let usual = [
        "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
        "net_bind_service", "sys_chroot", "mknod", "audit_write", "setfcap",
    ]

    /// A process of the run.
    private struct Process {
        var role: String
        var pid: String
        var status: [String: String]

        func mask(_ key: String) -> UInt64? { status[key].flatMap { UInt64($0, radix: 16) } }
        func numbers(_ key: String) -> [Int] { (status[key] ?? "").split(separator: " ").compactMap { Int($0) } }
    }

    /// - Returns: with the plugin's name as the role of a step's processes; of a commit's witness `witness of NAME`.
    private func processes() throws -> [Process] {
        try ownProcesses().compactMap { pid, command in
            guard let text = try? readText("/proc/\(pid)/status"), let group = try? readText("/proc/\(pid)/cgroup")
            else { return nil }
            let status = text.split(separator: "\n").compactMap { line -> (String, String)? in
                let parts = line.split(separator: ":", maxSplits: 1)
                guard parts.count == 2 else { return nil }
                return (String(parts[0]), parts[1].split(whereSeparator: \.isWhitespace).joined(separator: " "))
            }
            let leaf = group.split(separator: "/").last.map { $0.split(whereSeparator: \.isNewline)[0] } ?? ""
            var role = leaf.hasSuffix(".execute") ? String(leaf.dropLast(8)) : ""
            if command.contains("update-all-guardian") {
                role = role.isEmpty ? "guardian" : "witness of \(role)"
            } else if role.isEmpty {
                role = "update-all"
            }
            return Process(
                role: role, pid: "\(pid)", status: Dictionary(status, uniquingKeysWith: { first, _ in first }))
        }
    }

    @Test("is what docs/security.md says: ids, groups, capabilities, no_new_privs, umask, descriptors, environment")
    func table() throws {
        try shell(
            """
            groupadd -g 4200 extra
            useradd -u 4150 -m -G extra carol
            useradd -u 4151 -m dave
            """)
        let program = try Program()
        let plugins = [
            ("plain", "run_as = \"root\"\nprotected_phases = [\"execute\"]"),
            ("needy", "run_as = \"root\"\n[capabilities.update]\ncap_sys_admin = \"mounts\""),
            ("person", "run_as = \"user\""), ("named", "run_as = \"dave\""),
        ]
        for (name, manifest) in plugins {
            let fifo = try program.makeFIFO(name)
            try program.add(name, manifest: "", script: "stat -c 'TMPDIR %u %a' \"$TMPDIR\"; echo ready; cat '\(fifo)'")
            try program.replaceRunAs(of: name, by: manifest)
        }
        let running = try program.start(
            prefix: [
                "env", "SUDO_UID=4150", "SUDO_GID=4150", "SUDO_USER=carol", "SECRET=token", "BASH_ENV=/tmp/x",
                "sh", "-c", "umask 077; exec \"$@\"", "sh",
            ])
        for (name, _) in plugins {
            try running.wait { $0.plugin?.rawValue == name && $0.lines == ["ready"] }
        }
        let all = try CapabilitySet.bounding().rawValue
        let usual = try CapabilitySet(names: Self.usual).rawValue & all
        let withAdmin = usual | (try CapabilitySet(names: ["sys_admin"]).rawValue)
        let root = Rights(user: 0, groups: nil, capabilities: usual, bounding: usual)
        let expected = [
            "update-all": Rights(user: 0, groups: nil, capabilities: all, bounding: all, gainsNoPrivileges: false),
            "guardian": Rights(user: 0, groups: nil, capabilities: all, bounding: all),
            "plain": root, "witness of plain": root,
            "needy": Rights(user: 0, groups: nil, capabilities: withAdmin, bounding: withAdmin),
            "person": Rights(user: 4150, groups: [4150, 4200], capabilities: 0, bounding: nil),
            "named": Rights(user: 4151, groups: [4151], capabilities: 0, bounding: nil),
        ]
        let found = try processes()
        #expect(Set(found.map(\.role)) == Set(expected.keys))
        for process in found {
            let rights = try #require(expected[process.role], "\(process)")
            let shown = Rights(
                user: process.numbers("Uid").first ?? -1,
                groups: rights.groups == nil ? nil : process.numbers("Groups").sorted(),
                capabilities: process.mask("CapEff") ?? 0,
                bounding: rights.bounding == nil ? nil : process.mask("CapBnd"),
                gainsNoPrivileges: process.status["NoNewPrivs"] == "1")
            #expect(shown == rights, "\(process.role)")
            #expect(Set(process.numbers("Uid")) == [rights.user] && Set(process.numbers("Gid")) == [rights.user])
            #expect(process.mask("CapPrm") == process.mask("CapEff"), "\(process.role)")
            #expect(process.mask("CapInh") == 0 && process.mask("CapAmb") == 0, "\(process.role)")
            if process.role != "update-all" { try expectClean(process, in: program) }
        }
        for (name, _) in plugins {
            let capabilities = running.starts(name).first?.capabilities
            let wanted = (expected[name]?.bounding).map { mask in CapabilitySet(rawValue: mask).names } ?? []
            #expect(capabilities == wanted, "\(name)")
            _ = try openFile("\(program.top)/\(name)", O_WRONLY)
        }
        let finished = try running.finish()
        #expect(finished.cause == .code(0), "\(finished.errors)")
        for (name, user) in [("plain", 0), ("needy", 0), ("person", 4150), ("named", 4151)] {
            #expect(finished.lines(name).first == "TMPDIR \(user) 700")
        }
        try program.expectNothingLeft()
    }

    /// Of update-all's own nothing has come along.
    private func expectClean(_ process: Process, in program: Program) throws {
        #expect(process.status["Umask"] == "0022", "\(process.role)")
        let stat = try readText("/proc/\(process.pid)/stat")
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        #expect(fields.count > 5 && fields[5] == "0", "\(process.role) has a controlling terminal")
        guard process.role != "guardian" else { return }
        // What a program reads as it begins is its own affair.
        var own = ["/dev/null", "pipe:", "/usr/", "/etc/", "\(program.top)/plugins/", "\(program.top)/\(process.role)"]
        // Its exit record.
        if process.role.hasPrefix("witness") { own.append("\(program.state)/") }
        for descriptor in try directoryEntries("/proc/\(process.pid)/fd") {
            let target = try linkTarget("/proc/\(process.pid)/fd/\(descriptor)")
            #expect(own.contains { target.hasPrefix($0) }, "\(process.role) has \(target)")
        }
        let names = try readText("/proc/\(process.pid)/environ").split(separator: "\0").map { $0.prefix { $0 != "=" } }
        let promised: Set<Substring> = [
            "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR", "UPDATE_ALL_RUN_ID", "UPDATE_ALL_PHASE",
            "UPDATE_ALL_PLUGIN_FILE", "UPDATE_ALL_PLUGIN_TMPDIR", "PWD",
            // Of a witness that measures its coverage.
            "__LLVM_PROFILE_RT_INIT_ONCE",
        ]
        #expect(Set(names).isSubset(of: promised), "\(process.role): \(names)")
    }

    @Test("Who called sudo and has no account here is told so, and nothing runs as root in their place")
    func unknownCaller() throws {
        let program = try Program()
        try program.add("person", script: "id -u")
        let run = try program.run(prefix: ["env", "SUDO_UID=4999"])
        #expect(run.cause != .code(0))
        #expect(run.lines("person").isEmpty)
        let said = run.errors + run.events.map { "\($0)" }.joined()
        #expect(said.contains("4999"), "\(said)")
    }
}

extension Program {
    /// Has a plugin that `add` made run as somebody else, with what else `manifest` says.
    fileprivate func replaceRunAs(of plugin: String, by manifest: String) throws {
        let file = "\(top)/plugins/\(plugin).toml"
        let kept = try readText(file).split(separator: "\n").filter { !$0.hasPrefix("run_as") }.joined(separator: "\n")
        let rewritten = try openFile(file, O_WRONLY | O_TRUNC)
        try writeAll(rewritten.raw, Array("\(kept)\n\(manifest)\n".utf8))
    }
}
