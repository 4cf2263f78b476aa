// `update-all sudoers` as root, and what sudo then lets a person do.

import LinuxSystem
import Testing

@Suite(
    "Rules of sudo", .serialized,
    .enabled(if: isKernelLab && fileExists("/usr/bin/sudo"), Comment(rawValue: noKernelLab)))
struct ProgramSudoersTests {
    private static let path = "/etc/sudoers.d/update-all"
    private static let asPerson = "su \(Installation.person) -s /bin/sh -c"

    private func sudoers(_ arguments: String) throws -> String {
        try shell("rm -rf \(Self.path).new; /usr/local/bin/update-all sudoers \(arguments) 2>&1 || echo code $?")
    }

    @Test("once installed, a person's run asks nobody, and sudo allows what was declared and nothing else")
    func installed() throws {
        let site = try Installation()
        try site.add("mine", runAs: "user", manifest: "sudo_programs = [\"/usr/bin/id -u\"]", script: "sudo -n id -u")
        defer { _ = try? shell("rm -f \(Self.path)") }
        #expect(try site.run(hasTerminal: false).code == 4)
        #expect(try sudoers("--install --user \(Installation.person)") == "\(Self.path): written\n")
        #expect(try shell("stat -c '%a %U %G' \(Self.path)") == "440 root root\n")
        #expect(try shell("ls /etc/sudoers.d | grep -c 'update-all\\.' || true") == "0\n")
        #expect(try sudoers("--install --user \(Installation.person)") == "\(Self.path): is so already\n")
        let ended = try site.run(hasTerminal: false)
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        func asked(_ command: String) throws -> String {
            try shell("\(Self.asPerson) 'sudo -n \(command) 2>/dev/null' || echo refused")
        }
        #expect(try asked("/usr/bin/id -u") == "0\n")
        for other in ["/usr/bin/id", "/usr/bin/id -g", "/usr/bin/id -u -r", "/bin/sh -c id"] {
            #expect(try asked(other) == "refused\n", "\(other)")
        }
        #expect(try asked("/usr/local/libexec/update-all/update-all-helper --help") == "refused\n")
        try shell("cp /etc/sudoers.d/test /etc/sudoers.d/zzz")
        defer { _ = try? shell("rm /etc/sudoers.d/zzz") }
        let said = try sudoers("--install --user \(Installation.person)")
        #expect(said.contains("sudo reads /etc/sudoers.d/zzz after it"), "\(said)")
    }

    @Test("a person who installs them through sudo is the one they are for; what only they could change gets no rule")
    func throughSudo() throws {
        let site = try Installation(rules: "\(Installation.person) ALL=(root) NOPASSWD: /usr/local/bin/update-all")
        defer { _ = try? shell("rm -f \(Self.path)") }
        try site.add("mine", runAs: "user", manifest: "sudo_programs = [\"/bin/sh\"]", script: "true")
        try site.add("roots", runAs: "user", manifest: "sudo_programs = [\"/bin/sh\"]", script: "true")
        try shell("chown \(Installation.person) /etc/update-all/plugins.d/mine")
        let said = try shell("\(Self.asPerson) 'sudo -n update-all sudoers --install 2>&1'")
        #expect(said.contains("warning: mine: no rule for it, since others than root can change"), "\(said)")
        #expect(said.contains("warning: roots: /bin/sh amounts to root: a shell"), "\(said)")
        let rules = try shell("grep -v '^#' \(Self.path) | grep .")
        #expect(
            rules.split(separator: "\n").map(String.init) == [
                "pat ALL=(root) NOPASSWD: /usr/local/libexec/update-all/update-all-helper \"\"",
                "pat ALL=(root) NOPASSWD: /bin/sh",
            ])
    }

    @Test("it installs nothing for a helper that somebody else can change, nor as a person")
    func refused() throws {
        let site = try Installation()
        let helper = "/usr/local/libexec/update-all/update-all-helper"
        try shell("chown \(Installation.person) \(helper)")
        defer { _ = try? shell("chown root \(helper)") }
        let said = try sudoers("--install --user \(Installation.person)")
        #expect(said.contains("\(helper) must be root's") && said.contains("code 1"), "\(said)")
        let asPerson = try shell("\(Self.asPerson) 'update-all sudoers --install 2>&1' || echo code $?")
        #expect(asPerson.contains("sudo update-all sudoers --install") && asPerson.contains("code 4"), "\(asPerson)")
        #expect(!fileExists(Self.path))
        withExtendedLifetime(site) {}
    }
}
