import Testing
import UpdateModel

@testable import Configuration

@Suite("What is wrong with a configuration")
struct FindingTests {
    @Test("is said all in one go, with file, line and column, and what was meant")
    func allAtOnce() {
        let user = """
            polcy = "background"
            [plugins]
            enable = ["apt", 3, "Flatpak"]
            disable = ["apt"]
            [plugin.apt]
            retries = 1.5
            "a b" = 1
            a-b = 1
            a_b = 2
            [plugin."no name"]
            [display]
            ui = "palin"
            color = true
            [keys]
            quit = "q"
            """
        #expect(
            messages(etc: "policy = ''\n[plugin]\napt = true", user: user) == [
                "etc/config.toml:1:10: \"policy\" must be the name of a shipped policy, or the path of a file",
                "etc/config.toml:3:7: \"apt\" in [plugin] must be a table [plugin.apt], not a boolean",
                "user/config.toml:1:1: unknown key \"polcy\" (did you mean \"policy\"?)",
                "user/config.toml:3:18: \"enable\" in [plugins] must be a list of strings, and this is an integer",
                "user/config.toml:3:21: \"Flatpak\" cannot be the name of a plugin ([a-z0-9][a-z0-9._-]{0,63})",
                "user/config.toml:4:12: \"apt\" is in \"enable\" of this file as well",
                "user/config.toml:6:11: \"retries\" in [plugin.apt] must be a string, an integer or a boolean",
                "user/config.toml:7:1: \"a b\" may have letters, digits, -, . and _ only",
                "user/config.toml:9:1: \"a_b\" and \"a-b\" are both UPDATE_ALL_APT_A_B",
                "user/config.toml:10:9: \"no name\" cannot be the name of a plugin ([a-z0-9][a-z0-9._-]{0,63})",
                "user/config.toml:12:6: \"ui\" in [display] must be one of \"auto\", \"compact\", \"plain\", "
                    + "\"json\", \"quiet\", not \"palin\" (did you mean \"plain\"?)",
                "user/config.toml:13:9: \"color\" in [display] must be a string, not a boolean",
                "user/config.toml:15:1: \"quit\" in [keys]: no display of this version has keys",
            ])
    }

    @Test("that one file is not TOML does not hide what is wrong with another")
    func severalFiles() {
        #expect(messages(etc: "[plugins", user: "x = 1").count == 2)
    }

    @Test("a setting that a plugin's manifest does not know is an error; one without [settings] takes any")
    func unknownSettings() throws {
        let plugins = [
            try plugin("strict", manifest: "[settings]\ndist_upgrade = false"), try plugin("free", manifest: ""),
            try plugin("bare"),
        ]
        let configuration = try merged(
            user: "[plugin.strict]\ndist_upgrad = true\nDIST-UPGRADE = true\n[plugin.free]\nx = 1\n[plugin.bare]\ny = 2"
        )
        let findings = configuration.findings(about: plugins)
        #expect(
            findings.errors.map(\.description) == [
                "user/config.toml:2:1: the plugin \"strict\" has no setting \"dist_upgrad\" "
                    + "(did you mean \"dist_upgrade\"?)"
            ])
        #expect(findings.warnings.isEmpty)
    }

    @Test("plugins that this machine lacks are warnings with the nearest name, at the first place that names each")
    func unknownPlugins() throws {
        let configuration = try merged(
            etc: "[plugins]\ndisable = ['snpa']", user: "[plugin.brew]\nb = 1\na = 2\n[plugins]\nenable = ['snap']")
        let findings = try configuration.findings(about: [plugin("snap"), plugin("git")])
        #expect(
            findings.warnings.map(\.description) == [
                "etc/config.toml:2:12: warning: there is no plugin \"snpa\" here (did you mean \"snap\"?)",
                "user/config.toml:2:1: warning: there is no plugin \"brew\" here",
            ])
        #expect(findings.errors.isEmpty)
    }
}
