// Which files root runs, on a machine with other people who try to have it run theirs.

import Glibc
import LinuxSystem
import SystemPackage
import Testing

/// Root's plugin of the test's own, in a directory that a person may be let into.
private struct TrustSite {
    let program: Program
    let place: String

    init() throws {
        try shell("id -u eve >/dev/null 2>&1 || useradd --create-home --shell /bin/sh eve")
        program = try Program()
        place = "\(program.top)/plugins"
        try program.add("tool", manifest: "", script: "echo ran as $(id -un)")
        // Who runs it is root for a plugin of root's.
        try shell("sed -i 's/run_as = \"user\"/run_as = \"root\"/' \(place)/tool.toml")
    }

    /// What became of the plugin, when root ran it; without line breaks.
    func outcome() throws -> String {
        let binaries = try #require(Program.binaries)
        let said = try shell(
            """
            rm -rf \(program.state)/runs
            \(binaries)/update-all run --yes --ui plain --plugin-dir \(place) --state-dir \(program.state) \
                --policy workstation || true
            cat \(program.state)/runs/*/tool.execute.log 2>/dev/null || true
            """)
        return said.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    func asEve(_ command: String) throws -> String { try shell("su eve -c '\(command)' 2>&1 || echo failed") }
}

@Suite("Which files root runs", .serialized, .enabled(if: isKernelLab, Comment(rawValue: noKernelLab)))
struct ProgramTrustTests {
    private let site: TrustSite
    private var tool: String { "\(site.place)/tool" }

    init() throws { site = try TrustSite() }

    private func expectRefused(_ reason: String, at line: SourceLocation = #_sourceLocation) throws {
        let said = try site.outcome()
        #expect(said.contains("is not safe to run as root"), "\(said)", sourceLocation: line)
        #expect(said.contains(reason), "\(said)", sourceLocation: line)
        #expect(!said.contains("ran as"), "\(said)", sourceLocation: line)
    }

    private func expectRun(at line: SourceLocation = #_sourceLocation) throws {
        let said = try site.outcome()
        #expect(said.contains("ran as root"), "\(said)", sourceLocation: line)
    }

    @Test("a symbolic link of root's to a file of a person's is refused, and so is a person's link to one of root's")
    func symbolicLinks() throws {
        try expectRun()
        try shell("cp \(tool) ~eve/tool; chown eve ~eve/tool; mv \(tool) \(tool).real; ln -s ~eve/tool \(tool)")
        try expectRefused("it is owned by the user with the number")
        try shell("ln -sf \(tool).real \(tool); chown -h eve \(tool); rm -f ~eve/tool")
        try expectRefused("chown -h root")
    }

    @Test("a hard link to root's own program, that a person made where anybody may, is refused", arguments: [0, 1])
    func hardLinks(protection: Int) throws {
        // Whether the kernel itself refuses links to others' files is the machine's setting.
        try shell("echo \(protection) >/proc/sys/fs/protected_hardlinks; chmod 1777 \(site.place)")
        defer { _ = try? shell("echo 1 >/proc/sys/fs/protected_hardlinks") }
        let said = try site.asEve("ln \(tool) \(site.place)/mine")
        if protection == 1 {
            #expect(said.contains("failed"), "\(said)")
            return try expectRun()
        }
        #expect(said == "", "\(said)")
        try expectRefused("it has 2 names")
    }

    @Test("set-user-ID bits of a plugin's program give nothing: its step has no new privileges")
    func setUserID() throws {
        // Without them, env would be root, and so would be what it starts.
        try shell(
            """
            cp /usr/bin/env \(tool); chmod 4755 \(tool)
            sed -i 's/run_as = "root"/run_as = "eve"/' \(site.place)/tool.toml
            install -d -o eve ~eve/.local/bin
            printf '#!/bin/sh -p\\necho ran as $(id -u) $(id -ru)\\n' >~eve/.local/bin/update
            chmod 755 ~eve/.local/bin/update
            """)
        let eve = try shell("id -u eve").split(separator: "\n").joined()
        let elsewhere = try site.asEve("PATH=/home/eve/.local/bin:/usr/bin \(tool) update")
        #expect(elsewhere == "ran as 0 \(eve)\n", "without update-all it works: \(elsewhere)")
        let said = try site.outcome()
        #expect(said.contains("ran as \(eve) \(eve)"), "\(said)")
    }

    @Test(
        "an access list that lets a person write a file or its directory is seen; one that its mask takes back is none",
        .enabled(if: fileExists("/usr/bin/setfacl"), "acl is missing"))
    func accessLists() throws {
        for path in [tool, site.place, "\(site.place)/tool.toml"] {
            try shell("setfacl -m u:eve:rwx \(path)")
            try expectRefused("it can be written by its group")
            // chmod of the group is chmod of the mask: the list is there, and gives nothing.
            try shell("chmod g-w \(path)")
            #expect(try shell("getfacl -cp \(path)").contains("user:eve:rwx"))
            #expect(try site.asEve("[ -w \(path) ]").contains("failed"))
            try expectRun()
            try shell("setfacl -b \(path)")
        }
    }

    @Test(
        "what a directory's default access list gives to a new file is seen",
        .enabled(if: fileExists("/usr/bin/setfacl"), "acl is missing"))
    func defaultAccessLists() throws {
        try shell("setfacl -d -m u:eve:rwx \(site.place); cp \(tool) \(tool).new; mv \(tool).new \(tool)")
        // It was made 0755: the mask is r-x, whatever the list says.
        #expect(try site.asEve("[ -w \(tool) ]").contains("failed"))
        try expectRun()
        try shell("rm \(tool); umask 0; printf '#!/bin/sh\\necho ran\\n' >\(tool); chmod +x \(tool)")
        #expect(try site.asEve("echo echo worse >>\(tool)") == "")
        try expectRefused("it can be written by its group")
    }

    @Test("a person can rename nothing on the way to what root runs, in a sticky directory either")
    func renamed() throws {
        try shell("chmod 1777 \(site.program.top)")
        for path in [site.place, tool] {
            #expect(try site.asEve("mv \(path) \(path).old").contains("failed"))
        }
        try expectRun()
        try shell("chmod 0777 \(site.program.top)")
        try expectRefused("it can be written by its group and everybody")
    }

    @Test("a pinned script that rewrites itself runs on as it was pinned; the next time it is refused")
    func pinned() throws {
        let script =
            "#!/bin/sh\nprintf '#!/bin/sh\\necho worse\\nexit\\n' >$UPDATE_ALL_PLUGIN_FILE\necho as pinned $0\n"
        try shell(
            """
            sed -i 's/run_as = "root"/run_as = "eve"/' \(site.place)/tool.toml
            cat >\(tool) <<'END'
            \(script)END
            chown eve \(tool)
            printf '[plugin.tool]\\nsha256 = "%s"\\n' $(sha256sum <\(tool) | cut -d' ' -f1) >\(site.program.top)/pin.toml
            """)
        for commit in ["", "protected_phases = [\"execute\"]"] {
            try shell("cat >\(tool) <<'END'\n\(script)END\nsed -i '/protected/d' \(site.place)/tool.toml")
            if commit != "" { try shell("echo '\(commit)' >>\(site.place)/tool.toml") }
            let binaries = try #require(Program.binaries)
            let command =
                "\(binaries)/update-all run --yes --ui plain --plugin-dir \(site.place) --state-dir \(site.program.state)"
                + " --policy \(site.program.top)/pin.toml || true; cat \(site.program.state)/runs/*/tool.execute.log"
            let said = try shell("rm -rf \(site.program.state)/runs; \(command)")
            #expect(said.contains("as pinned /"), "\(said)")
            #expect(!said.contains("worse"), "\(said)")
            #expect(try shell(command).contains("is not what the policy pins"))
        }
    }

    @Test("a person's pinned commit runs as it was pinned through the helper, too")
    func helped() throws {
        let site = try Installation(
            rules: "\(Installation.person) ALL=(root) NOPASSWD: /usr/local/libexec/update-all/update-all-helper \"\"")
        try site.add(
            "mine", runAs: "user", manifest: "protected_phases = [\"execute\"]",
            script: "echo echo worse >>$UPDATE_ALL_PLUGIN_FILE; echo as pinned $0 $(id -un)")
        try shell(
            """
            cd /etc/update-all/plugins.d; chown \(Installation.person) mine
            printf '[plugin.mine]\\nsha256 = "%s"\\n' $(sha256sum <mine | cut -d' ' -f1) >/etc/update-all/policy.toml
            """)
        let ended = try site.run(hasTerminal: false)
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        #expect(try site.log("mine.execute") == "as pinned /proc/self/fd/20 \(Installation.person)\n")
        #expect(site.audit.contains("request=launch step=mine/execute as=caller"), "\(site.audit)")
        let again = try site.run(hasTerminal: false)
        #expect(again.code == 1 && again.text.contains("is not what the policy pins"), "\(again.text)")
    }
}
