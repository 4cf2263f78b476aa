import Presentation
import RunModel
import Testing
import UpdateModel

@Suite struct CheckTableTests {
    private func plugin(
        _ name: String, _ state: PluginCheck.State, reason: String? = nil,
        _ change: (inout PluginCheck) -> Void = { _ in }
    ) -> PluginCheck {
        var check = PluginCheck(plugin: PluginName(name)!, state: state, reason: reason)
        change(&check)
        return check
    }

    private var check: UpdateCheck {
        UpdateCheck(
            hostName: "db7",
            plugins: [
                plugin("apt", .updates, reason: "it runs as root; run update-all as root, with sudo for example") {
                    $0.packages = [
                        PendingPackage(
                            name: "libssl3", from: "3.0.16-1~deb12u3", to: "3.0.17-1~deb12u3",
                            fetch: ByteCount(1_200_000)),
                        PendingPackage(name: "openssl", from: "3.0.16-1~deb12u3", to: "3.0.17-1~deb12u3"),
                    ]
                    $0.packageCount = 2
                    $0.securityUpdates = 2
                    $0.fetch = ByteCount(2_400_000)
                    $0.duration = .seconds(150)
                    $0.requiresReboot = true
                },
                plugin("brew", .notApplicable, reason: "brew is not on PATH"), plugin("git", .unknown),
                plugin("npm", .upToDate),
                plugin("pipx", .updates) {
                    $0.packages = [PendingPackage(name: "black", to: "24.1")]
                    $0.packageCount = 1
                },
                plugin("snap", .skipped, reason: "disabled in /etc/update-all/config.toml:2"),
                plugin("xyz", .timedOut, reason: "is-applicable timed out after 10 s"),
            ], expectedSeconds: 190)
    }

    @Test func `it tells what there is in all, of each plugin and of each package`() {
        #expect(
            CheckTable.lines(check, columns: 120).map(\.text) == [
                "Updates for db7: 2 plugins, 3 packages, 2.4 MB to fetch, about 3 min 10 s.",
                "",
                "  plugin   updates                     to fetch    takes",
                "  apt      2 packages, 2 of security     2.4 MB   2m 30s",
                "  pipx     1 package                          ?        ?",
                "",
                "  plugin   package   now                then               to fetch",
                "  apt      libssl3   3.0.16-1~deb12u3   3.0.17-1~deb12u3     1.2 MB",
                "  apt      openssl   3.0.16-1~deb12u3   3.0.17-1~deb12u3",
                "  pipx     black                        24.1",
                "",
                "apt: the machine needs a restart afterwards; it runs as root; run update-all as root, with sudo for "
                    + "example",
                "Run without saying what they would do: git",
                "Up to date: npm",
                "Not applicable: brew (brew is not on PATH)",
                "Skipped: snap (disabled in /etc/update-all/config.toml:2)",
                "✗ xyz: its check failed: is-applicable timed out after 10 s",
            ])
    }

    @Test func `it fits every width of 40 cells and more`() {
        for columns in 40...200 {
            let lines = CheckTable.lines(check, columns: columns)
            #expect(lines.allSatisfy { $0.width <= columns }, "\(columns) columns")
            #expect(lines.contains { $0.text.contains("libssl3") && $0.text.contains("3.0.16") }, "\(columns) columns")
        }
    }

    @Test func `it says so where nothing is known of`() {
        let none = UpdateCheck(hostName: "db7", plugins: [plugin("npm", .upToDate)], expectedSeconds: nil)
        #expect(
            CheckTable.lines(none, columns: 80).map(\.text) == [
                "No updates for db7 are known of.", "", "Up to date: npm",
            ])
    }

    @Test func `a number of packages is told only where every plugin tells its own`() {
        var check = check
        check.plugins[4].packageCount = nil
        check.expectedSeconds = nil
        check.plugins[0].fetch = nil
        let lines = CheckTable.lines(check, columns: 100).map(\.text)
        #expect(lines[0] == "Updates for db7: 2 plugins.")
        #expect(lines.contains { $0.hasPrefix("  pipx     some") })
    }
}
