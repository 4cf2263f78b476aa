// Steps that run as an account that is neither root nor the person.

import Glibc
import LinuxSystem
import Testing

@testable import Launching

@Suite(
    "A step of another account's", .serialized,
    .enabled(if: isKernelLab && fileExists("/usr/bin/sudo"), Comment(rawValue: noKernelLab)))
struct ProgramAccountTests {
    private static let person = Installation.person
    private static let rule =
        "\(person) ALL=(root) NOPASSWD: /usr/local/libexec/update-all/update-all-helper \"\""
    private static let other = "service"
    private static let questions = """
        id -un; id -G | tr ' ' '\\n' | sort -n | tr '\\n' ' '; echo
        echo "HOME $HOME USER $USER TMPDIR $(stat -c '%U %a' "$TMPDIR")"
        sed -n 's/^\\(Uid\\|Gid\\|CapEff\\|CapPrm\\|NoNewPrivs\\):./\\1 /p' /proc/self/status | tr '\\t' ' '
        """

    /// - Parameter manifest: of the step, besides.
    private func prepare(
        runAs: String = other, manifest: String = "", script: String = questions
    ) throws -> Installation {
        let site = try Installation(rules: Self.rule)
        try shell(
            """
            id -u \(Self.other) >/dev/null 2>&1 || {
                groupadd --system helpers
                useradd --system --create-home --home-dir /var/lib/\(Self.other) --groups helpers \(Self.other)
            }
            """)
        try site.add("theirs", runAs: runAs, manifest: manifest, script: script)
        return site
    }

    private func underRoot(_ arguments: String = "", as caller: String? = person) throws -> String {
        let uid = caller.map { "SUDO_UID=$(id -u \($0)) " } ?? ""
        return try shell(
            """
            rm -rf /var/log/update-all/runs
            \(uid)/usr/local/bin/update-all run --yes --ui plain \(arguments) </dev/null 2>&1; echo "code $?"
            cat /var/log/update-all/runs/*/theirs.execute.log 2>/dev/null || true
            """)
    }

    @Test("is refused in a person's run, helper or not, with what would run it; all others run")
    func person() throws {
        let site = try prepare()
        for arguments in ["", "--no-sudo"] {
            let ended = try site.run(arguments)
            #expect(ended.text.contains("it runs as \(Self.other); run update-all as root, with sudo"), "\(ended.text)")
            #expect(ended.code == (arguments == "" ? 4 : 0), "\(ended.text)")
            #expect(try site.log("mine.execute").contains("\n\(Self.person)\n"))
            #expect(!site.audit.contains("theirs"), "\(site.audit)")
        }
        #expect(try site.log("roots.execute").contains("Uid:\t0\t0\t0\t0"))
        let said = try shell("runuser -u \(Self.person) -- /usr/local/bin/update-all plan || true")
        #expect(said.contains("it runs as \(Self.other)"), "\(said)")
        try site.expectNothingLeft()
    }

    @Test("is the person's own step where the account is theirs")
    func ownAccount() throws {
        let site = try prepare(runAs: Self.person)
        #expect(try site.run().code == 0)
        #expect(try site.log("theirs.execute").hasPrefix("\(Self.person)\n"))
    }

    @Test(
        "has that account's user, groups, home and nothing of root's under sudo and as root", arguments: [true, false])
    func root(isSudo: Bool) throws {
        let site = try prepare()
        let output = try underRoot(as: isSudo ? Self.person : nil)
        let (uid, gid) = (try shell("id -u \(Self.other)").dropLast(), try shell("id -g \(Self.other)").dropLast())
        let groups = try shell("id -G \(Self.other) | tr ' ' '\\n' | sort -n | tr '\\n' ' '")
        for line in [
            "code 0", Self.other, groups, "HOME /var/lib/\(Self.other) USER \(Self.other) TMPDIR \(Self.other) 700",
            "Uid \(uid) \(uid) \(uid) \(uid)", "Gid \(gid) \(gid) \(gid) \(gid)", "CapEff 0000000000000000",
            "CapPrm 0000000000000000", "NoNewPrivs 1",
        ] {
            #expect(output.components(separatedBy: "\n").contains(line), "\(line)\nis not in\n\(output)")
        }
        try site.expectNothingLeft()
    }

    @Test("of no account is a failure that names it, and the others run")
    func unknown() throws {
        let site = try prepare(runAs: "nosuchone")
        let output = try underRoot()
        #expect(output.contains("\"nosuchone\" has no account on this machine"), "\(output)")
        #expect(output.contains("code 1"), "\(output)")
        let ended = try site.run()
        #expect(ended.code == 4 && ended.text.contains("it runs as nosuchone"), "\(ended.text)")
    }

    @Test("calls sudo as that account under sudo, and the audit log names it")
    func callsSudo() throws {
        let site = try prepare(
            manifest: "sudo_programs = [\"/usr/bin/id\"]", script: "echo \"root $(sudo id -u)\"; id -un")
        try shell("printf '[plugin.theirs]\\nsudo_programs = [\"/usr/bin/id\"]\\n' >/etc/update-all/policy.toml")
        let lines = try underRoot().components(separatedBy: "\n")
        #expect(lines.contains("root 0") && lines.contains(Self.other), "\(lines)")
        #expect(site.audit.contains("user=\"\(Self.other)\""), "\(site.audit)")
    }
}
