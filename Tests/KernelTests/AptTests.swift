import Glibc
import LinuxSystem
import RunModel
import Testing

/// The bundled plugin on the lab's own dpkg database.
@Suite(
    "The apt plugin upgrades a machine", .serialized, .enabled(if: isKernelLab, "\(noKernelLab)"),
    .enabled(if: fileExists("/usr/bin/apt-ftparchive"), "apt-ftparchive is missing: apt-get install apt-utils"))
struct AptTests {
    private static let repository = "/srv/demo-apt"

    /// The machine gets version 1.0 of the packages and none that only 2.0 needs, and a repository with 2.0 as its only
    /// source, whatever an earlier test has made of it.
    func prepare() throws -> Program {
        if !fileExists(Self.repository) {
            try shell(
                """
                set -e
                '\(Program.sources)/contrib/demo/make-apt-repository' \(Self.repository)
                rm -rf /etc/apt/sources.list.d/* /etc/apt/apt.conf.d/* /var/lib/apt/lists/*
                cp \(Self.repository)/root/etc/apt/sources.list /etc/apt/sources.list
                echo 'APT::Sandbox::User "root"; Acquire::Languages "none";' >/etc/apt/apt.conf.d/lab
                apt-get update
                """)
        }
        try shell(
            """
            dpkg --purge --force-depends demo-addon
            dpkg --install \(Self.repository)/repository/pool/demo/*_1.0_all.deb
            """)
        let program = try Program()
        try shell("cd '\(Program.sources)'/contrib/plugins && cp apt apt.toml common.sh \(program.top)/plugins/")
        return program
    }

    /// That dpkg has nothing to repair, and that the upgrade was reached.
    func expectUpgraded() throws {
        #expect(try shell("dpkg --audit") == "")
        let installed = try shell("dpkg-query --show --showformat '${Package} ${Version} ${Status}\n' 'demo-*'")
        for name in ["demo-addon", "demo-data", "demo-library", "demo-service", "demo-settings", "demo-suite"] {
            #expect(installed.contains("\(name) 2.0 install ok installed\n"), "\(installed)")
        }
    }

    @Test("Packages of a local repository are upgraded, and the result names them with both versions")
    func upgrade() throws {
        let program = try prepare()
        let run = try program.run()
        #expect(run.cause == .code(0), "\(run.errors)")
        #expect(run.starts("apt").map(\.phase) == [.download, .execute])
        #expect(run.end("apt")?.outcome == .succeeded)
        let result = try #require(run.result)
        for name in ["demo-library", "demo-service", "demo-settings", "demo-suite"] {
            #expect(result.packages.contains(UpdatedPackage(name: name, from: "1.0", to: "2.0")))
        }
        #expect(result.packages.contains(UpdatedPackage(name: "demo-addon", from: nil, to: "2.0")))
        #expect(result.held == ["demo-successor"])
        try expectUpgraded()
        try program.expectNothingLeft()
    }

    @Test("kill -9 in the middle of dpkg's commit: it ends whole, with its whole log, and the next run tells how")
    func killedInCommit() throws {
        let program = try prepare()
        let running = try program.start()
        // Its postinst takes a second.
        try running.wait { $0.lines.contains { $0.hasPrefix("Setting up demo-service (2.0)") } }
        try running.send(SIGKILL)
        #expect(try ownProcesses().contains { $0.command.hasSuffix("/plugins/apt update") })
        #expect(try running.finish().cause == .signal(SIGKILL))
        try program.waitForProcesses(limit: .seconds(60))
        try expectUpgraded()
        try program.expectNothingLeft(wasKilled: true)

        let run = try #require(try directoryEntries("\(program.state)/runs").first)
        let log = try readText("\(program.state)/runs/\(run)/apt.execute.log")
        for name in ["demo-service", "demo-settings", "demo-suite"] {
            #expect(log.contains("Setting up \(name) (2.0)"))
        }
        #expect(log.split(separator: "\n").last?.contains("{\"type\":\"result\"") == true, "\(log)")

        let next = try program.run()
        #expect(next.cause == .code(0), "\(next.errors)")
        #expect(next.errors.contains("the run \(run) was killed"), "\(next.errors)")
        #expect(next.errors.contains("apt/execute of that run went on and succeeded"), "\(next.errors)")
        try program.expectNothingLeft()
    }
}
