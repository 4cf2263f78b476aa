// A person's run with steps for root on a machine where polkit makes people root, by pkexec.

import Glibc
import LinuxSystem
import Testing

@testable import Launching

@Suite(
    "A person's run through pkexec", .serialized,
    .enabled(if: isKernelLab && fileExists("/usr/bin/pkexec"), "pkexec is missing: apt-get install pkexec polkitd"))
struct ProgramPkexecTests {
    private static let person = Installation.person
    private static let prompt = "Password"
    private static let rules = "/etc/polkit-1/rules.d/10-test.rules"
    /// As the refusals have it.
    private static let rule = """
        polkit.addRule(function(action, subject) { if (action.id == "org.freedesktop.policykit.exec" && \
        action.lookup("program") == "/usr/local/libexec/update-all/update-all-helper" && \
        subject.user == "\(person)") return polkit.Result.YES; });
        """
    private static let denial = "polkit.addRule(function() { return polkit.Result.NO; });"
    /// Who may authenticate for root.
    private static let admin = "polkit.addAdminRule(function() { return [\"unix-user:\(person)\"]; });"

    /// Calls `body` where the system's bus is, which starts polkit when somebody asks for it.
    private func withPolkit(_ text: String, _ body: (Installation) throws -> Void) throws {
        let site = try Installation()
        try site.choose("pkexec")
        let file = try openFile(Self.rules, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        try writeAll(file.raw, Array(text.utf8))
        let bus = try shell("install -d /run/dbus && dbus-daemon --system --fork --nopidfile --print-pid=1").dropLast()
        defer { _ = try? shell("kill \(bus); rm -rf /run/dbus \(Self.rules)") }
        try body(site)
    }

    @Test("the configuration chooses it though sudo is here: one password, then root's steps run")
    func password() throws {
        try withPolkit(Self.admin) { site in
            let ended = try site.run(answers: [Installation.password + "\n"], prompt: Self.prompt)
            #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
            #expect(ended.text.components(separatedBy: "AUTHENTICATING FOR").count == 2, "\(ended.text)")
            #expect(ended.text.contains("roots needs root: run_as = \"root\""), "\(ended.text)")
            #expect(ended.hasEcho)
            try site.expectRoots()
        }
    }

    @Test("a rule for the helper alone asks nobody, with a terminal or without", arguments: [true, false])
    func rule(hasTerminal: Bool) throws {
        try withPolkit(Self.rule) { site in
            let ended = try site.run(hasTerminal: hasTerminal)
            #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
            #expect(!ended.text.contains("AUTHENTICATING"), "\(ended.text)")
            try site.expectRoots()
        }
    }

    @Test("a shell of the person's that /etc/shells does not name keeps nobody from it")
    func ownShell() throws {
        try withPolkit(Self.rule) { site in
            let ended = try site.run(environment: ["SHELL=/opt/shell"])
            #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        }
    }

    @Test("whom polkit denies it is told so, and by what rule it would be allowed", arguments: [true, false])
    func denied(hasTerminal: Bool) throws {
        try withPolkit(Self.denial) { site in
            let ended = try site.run(hasTerminal: hasTerminal)
            #expect(ended.code == 4, "\(ended.text)")
            #expect(ended.text.contains("Not authorized"), "\(ended.text)")
            #expect(ended.text.contains("nothing was run"), "\(ended.text)")
            #expect(ended.text.contains("\(Self.rule) in a file of /etc/polkit-1/rules.d"), "\(ended.text)")
            #expect(site.audit == "", "\(site.audit)")
        }
    }

    @Test("a wrong password, of which it takes one, is 4, and nothing is run")
    func wrongPassword() throws {
        try withPolkit(Self.admin) { site in
            let ended = try site.run(answers: ["wrong\n"], prompt: Self.prompt)
            #expect(ended.code == 4, "\(ended.text)")
            #expect(ended.text.contains("authentication failed, and nothing was run"), "\(ended.text)")
            #expect(ended.hasEcho)
            try site.expectNothingLeft()
        }
    }

    @Test("Ctrl-C at its prompt is 4, nothing is run, and the terminal shows what is typed again")
    func interrupted() throws {
        try withPolkit(Self.admin) { site in
            let ended = try site.run(answers: ["\u{3}"], prompt: Self.prompt)
            #expect(ended.code == 4, "\(ended.text)")
            #expect(ended.text.contains("authentication was broken off, and nothing was run"), "\(ended.text)")
            #expect(ended.hasEcho)
            try site.expectNothingLeft()
        }
    }

    @Test("without a terminal, where it would ask, it is 4 with the rule that would help")
    func noTerminal() throws {
        try withPolkit(Self.admin) { site in
            let ended = try site.run(hasTerminal: false)
            #expect(ended.code == 4, "\(ended.text)")
            #expect(ended.text.contains("\(Self.rule) in a file of /etc/polkit-1/rules.d"), "\(ended.text)")
            #expect(try site.run("--no-sudo", hasTerminal: false).code == 0)
        }
    }

    @Test("without the system's bus it is 4, with what pkexec says")
    func noBus() throws {
        let site = try Installation()
        try site.choose("pkexec")
        for hasTerminal in [true, false] {
            let ended = try site.run(hasTerminal: hasTerminal)
            #expect(ended.code == 4, "\(ended.text)")
            #expect(ended.text.contains("Error getting authority"), "\(ended.text)")
            #expect(ended.text.contains("nothing was run"), "\(ended.text)")
        }
    }
}
