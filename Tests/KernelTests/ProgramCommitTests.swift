// A person's commits that run as root, once the person's update-all is gone.

import Glibc
import LinuxSystem
import Testing

@testable import Launching

@Suite(
    "A root's commit of a person's run", .serialized,
    .enabled(if: isKernelLab && fileExists("/usr/bin/sudo"), Comment(rawValue: noKernelLab)))
struct ProgramCommitTests {
    private static let rule =
        "\(Installation.person) ALL=(root) NOPASSWD: /usr/local/libexec/update-all/update-all-helper \"\""

    /// The end of the only run so far, as the next one tells it.
    private func next(_ site: Installation) throws -> String {
        let next = try site.run()
        #expect(next.code == 0, "\(next.text)\n\(site.audit)")
        try site.expectNothingLeft()
        return next.text
    }

    @Test(
        "whose update-all is killed prints on into its log, and the next run tells how it ended",
        arguments: [("exit 3", "failed with exit code 3"), ("kill -9 $$", "was ended by signal 9"), ("", "succeeded")])
    func killed(end: String, told: String) throws {
        let site = try Installation(rules: Self.rule)
        try site.add(
            "roots", runAs: "root", manifest: "protected_phases = [\"execute\"]",
            script: """
                echo begun
                until [ -e /run/commit-may-go-on ]; do sleep 0.1; done
                seq 20000
                printf 'half a '; echo errors >&2; sleep 1; echo line
                printf end
                \(end)
                """)
        try shell("rm -f /run/commit-may-go-on")
        let ended = try site.run { process in
            kill(process, SIGKILL)
            try shell(
                """
                timeout 30 sh -c 'until grep -q "^State:.Z" /proc/\(process)/status; do sleep 0.1; done'
                touch /run/commit-may-go-on
                """)
        }
        #expect(ended.code == -1)
        try site.expectNothingLeft(limit: 60)
        let log = try site.log("roots.execute")
        let lines = log.split(separator: "\n").map(String.init)
        #expect(lines.filter { Int($0) != nil } == (1...20_000).map(String.init))
        #expect(lines.contains("half a line") && lines.contains("errors"), "\(log.suffix(200))")
        #expect(lines.last == "end", "\(log.suffix(200))")

        try site.add("roots", runAs: "root", script: "true")
        let text = try next(site)
        #expect(text.contains("roots/execute of that run") && text.contains(told), "\(text)")
    }

    @Test(
        "dpkg's, in whose middle update-all is killed, ends whole, with its whole log, and the next run tells how",
        .enabled(if: fileExists("/usr/bin/apt-ftparchive"), "apt-ftparchive is missing: apt-get install apt-utils"))
    func dpkg() throws {
        _ = try AptTests().prepare()
        let site = try Installation(rules: Self.rule)
        try shell(
            """
            rm /etc/update-all/plugins.d/* && cd '\(Program.sources)/contrib/plugins'
            install -m 755 apt /etc/update-all/plugins.d/
            install -m 644 apt.toml common.sh /etc/update-all/plugins.d/
            """)
        // Its postinst takes a second.
        let ended = try site.run(mark: "Setting up demo-service (2.0)") { kill($0, SIGKILL) }
        #expect(ended.code == -1, "\(ended.text)\n\(site.audit)")
        try site.expectNothingLeft(limit: 60)
        try AptTests().expectUpgraded()
        let log = try site.log("apt.execute")
        for name in ["demo-service", "demo-settings", "demo-suite"] {
            #expect(log.contains("Setting up \(name) (2.0)"), "\(log)")
        }
        #expect(log.split(separator: "\n").last?.contains("{\"type\":\"result\"") == true, "\(log)")
        #expect(try next(site).contains("apt/execute of that run went on and succeeded"))
    }
}
