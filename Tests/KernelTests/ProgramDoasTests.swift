// A person's run with steps for root on a machine where doas makes people root.

import Glibc
import LinuxSystem
import Testing

@testable import Launching

@Suite(
    "A person's run through doas", .serialized,
    .enabled(if: isKernelLab && fileExists("/usr/bin/doas"), "doas is missing: apt-get install opendoas"))
struct ProgramDoasTests {
    private static let person = Installation.person
    private static let helper = "/usr/local/libexec/update-all/update-all-helper"
    private static let prompt = "doas (\(person)@"
    /// Without an argument `args` allows no arguments.
    private static let rule = "permit nopass \(person) as root cmd \(helper) args"

    /// - Parameter rules: of doas.conf; none: there is no such file.
    private func prepare(_ rules: String...) throws -> Installation {
        let site = try Installation()
        try site.choose("doas")
        try shell("rm -rf /etc/doas.conf /run/doas")
        if !rules.isEmpty {
            let text = rules.map { "'\($0)'" }.joined(separator: " ")
            try shell("printf '%s\\n' \(text) >/etc/doas.conf && chmod 400 /etc/doas.conf")
        }
        return site
    }

    @Test("the configuration chooses it though sudo is here: one password, then root's steps run")
    func password() throws {
        let site = try prepare("permit \(Self.person) as root")
        let ended = try site.run(answers: [Installation.password + "\n"], prompt: Self.prompt)
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        #expect(ended.text.components(separatedBy: Self.prompt).count == 2, "\(ended.text)")
        #expect(ended.text.contains("roots needs root: run_as = \"root\""), "\(ended.text)")
        try site.expectRoots()
    }

    @Test("a rule for the helper alone asks nobody, with a terminal or without", arguments: [true, false])
    func rule(hasTerminal: Bool) throws {
        let site = try prepare(Self.rule)
        let ended = try site.run(hasTerminal: hasTerminal)
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        #expect(!ended.text.contains("password"), "\(ended.text)")
        try site.expectRoots()
    }

    @Test("with keepenv it is still known who called, in a shell that root opened for the person")
    func environment() throws {
        let site = try prepare("permit nopass keepenv \(Self.person) as root")
        let ended = try site.run(environment: ["SUDO_UID=0", "SUDO_USER=root"])
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        try site.expectRoots()
    }

    @Test("with persist each run asks once all the same: its ticket belongs to doas's parent, which is update-all")
    func persist() throws {
        let site = try prepare("permit persist \(Self.person) as root cmd \(Self.helper)")
        let ended = try site.run(
            times: 2, answers: Array(repeating: Installation.password + "\n", count: 2), prompt: Self.prompt)
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        #expect(ended.text.components(separatedBy: Self.prompt).count == 3, "\(ended.text)")
        #expect(site.audit.components(separatedBy: "request=finish").count == 3, "\(site.audit)")
        try site.expectRoots()
    }

    @Test("on a machine without sudo it is found by itself")
    func withoutSudo() throws {
        let site = try prepare("permit \(Self.person) as root")
        try site.choose(nil)
        try shell("mv /usr/bin/sudo /usr/bin/sudo.away")
        defer { _ = try? shell("mv /usr/bin/sudo.away /usr/bin/sudo") }
        let ended = try site.run(answers: [Installation.password + "\n"], prompt: Self.prompt)
        #expect(ended.code == 0, "\(ended.text)\n\(site.audit)")
        try site.expectRoots()
    }

    @Test("a wrong password, of which it takes one, is 4, and nothing is run")
    func wrongPassword() throws {
        let site = try prepare("permit \(Self.person) as root")
        let ended = try site.run(answers: ["wrong\n"], prompt: Self.prompt)
        #expect(ended.code == 4, "\(ended.text)")
        #expect(ended.text.contains("doas: Authentication failed"), "\(ended.text)")
        #expect(ended.text.contains("authentication failed, and nothing was run"), "\(ended.text)")
        #expect(ended.text.contains("--no-sudo"), "\(ended.text)")
        #expect(ended.hasEcho)
        try site.expectNothingLeft()
    }

    @Test("Ctrl-C at its prompt is 4, nothing is run, and the terminal shows what is typed again")
    func interrupted() throws {
        let site = try prepare("permit \(Self.person) as root")
        let ended = try site.run(answers: ["\u{3}"], prompt: Self.prompt)
        #expect(ended.code == 4, "\(ended.text)")
        #expect(ended.text.contains("authentication was broken off, and nothing was run"), "\(ended.text)")
        #expect(ended.hasEcho)
        try site.expectNothingLeft()
    }

    @Test("without a terminal it is 4, with the rule of doas.conf that would help")
    func noTerminal() throws {
        let site = try prepare("permit \(Self.person) as root")
        let ended = try site.run(hasTerminal: false)
        #expect(ended.code == 4, "\(ended.text)")
        #expect(ended.text.contains("\(Self.rule) in /etc/doas.conf"), "\(ended.text)")
        #expect(try site.run("--no-sudo", hasTerminal: false).code == 0)
    }

    @Test(
        "whom doas.conf does not name is told what it would have to say; so is everybody without one",
        arguments: [true, false])
    func notPermitted(hasConfiguration: Bool) throws {
        let site = hasConfiguration ? try prepare("permit nobody") : try prepare()
        for hasTerminal in [true, false] {
            let ended = try site.run(hasTerminal: hasTerminal)
            #expect(ended.code == 4, "\(ended.text)")
            #expect(ended.text.contains("doas: "), "\(ended.text)")
            #expect(ended.text.contains("\(Self.rule) in /etc/doas.conf"), "\(ended.text)")
        }
    }

    @Test("a SIGTERM to all of the terminal's processes, as timeout sends it, ends the run and not its helper")
    func terminated() throws {
        let site = try prepare(Self.rule)
        try site.add(
            "roots", runAs: "root", manifest: "protected_phases = [\"execute\"]",
            script: "touch /run/commit-began; until [ -e /run/commit-may-end ]; do sleep 0.1; done; echo whole")
        try site.add("mine", runAs: "user", script: "echo begun; exec sleep 1000")
        try shell("rm -f /run/commit-*")
        let ended = try site.run { process in
            try shell("timeout 30 sh -c 'until [ -e /run/commit-began ]; do sleep 0.1; done'")
            kill(-getpgid(process), SIGTERM)
            // Longer than doas gives a program that it has told to end.
            try shell("timeout 4 tail --pid=\"$(pgrep -xo update-all-help)\" -f /dev/null; touch /run/commit-may-end")
        }
        #expect(ended.code == 128 + SIGTERM, "\(ended.text)\n\(site.audit)")
        #expect(try site.log("roots.execute").contains("whole"))
        #expect(site.audit.contains("request=finish"), "\(site.audit)")
        try site.expectNothingLeft()
    }
}
