import PluginInvocation
import Testing
import TomlDocument
import UpdateModel

@testable import Configuration

@Suite("The layers of a configuration")
struct ConfigurationTests {
    @Test("give each value with the place that it stands at, the strongest layer's alone")
    func layers() throws {
        let configuration = try merged(
            etc: """
                policy = "background"
                [plugins]
                disable = ["snap", "flatpak"]
                [plugin.apt]
                dist_upgrade = false
                [display]
                color = "never"
                """,
            user: """
                policy = "sites/mine.toml"
                [plugins]
                enable = ["flatpak"]
                [plugin.apt]
                dist-upgrade = true
                retries = 3
                [display]
                ui = "plain"
                verbose = true
                """)
        #expect(
            configuration.entries(with: []).map { "\($0.key)=\($0.value) \($0.place)" } == [
                "policy=user/sites/mine.toml user/config.toml:1",
                "plugins.flatpak=enabled user/config.toml:3",
                "plugins.snap=disabled etc/config.toml:3",
                "plugin.apt.dist-upgrade=true user/config.toml:5",
                "plugin.apt.retries=3 user/config.toml:6",
                "display.ui=plain user/config.toml:8",
                "display.color=never etc/config.toml:7",
                "display.verbose=true user/config.toml:9",
            ])
    }

    @Test("begin with what is built in, and end with the command line")
    func ends() throws {
        let plain = try merged()
        #expect(
            plain.entries(with: []).map { "\($0.key)=\($0.value) \($0.place) \($0.layer)" } == [
                "policy=workstation built-in built-in", "display.ui=auto built-in built-in",
                "display.color=auto built-in built-in", "display.verbose=false built-in built-in",
            ])
        var options = Configuration()
        options.policy = Configured("unlimited", ConfigurationOrigin(layer: .commandLine, file: "--policy"))
        let configuration = try merged(user: "policy = \"background\"", commandLine: options)
        let policy = try #require(configuration.policy)
        #expect(policy.value == "unlimited")
        #expect(policy.origin.description == "--policy")
        #expect(ConfigurationLayer.user < policy.origin.layer)
    }

    @Test(
        "resolve a policy's relative path against the file that names it",
        arguments: [
            ("background", "background"), ("./a.toml", "user/./a.toml"), ("a.toml", "user/a.toml"),
            ("/srv/a.toml", "/srv/a.toml"), ("sites/a", "user/sites/a"),
        ])
    func policyPath(written: String, meant: String) throws {
        #expect(try merged(user: "policy = \"\(written)\"").policy?.value == meant)
    }

    @Test("a file without a folder in its name has its relative paths as they are")
    func policyBesideConfiguration() throws {
        let text = ConfigurationText(layer: .file, file: "config.toml", bytes: Array("policy = 'a.toml'".utf8))
        #expect(try Configuration(parsing: text).policy?.value == "a.toml")
    }

    @Test("an empty file, or one with empty tables, chooses nothing")
    func empty() throws {
        #expect(try Configuration(parsing: text("")) == Configuration())
        #expect(try Configuration(parsing: text("[plugins]\n[plugin.apt]\n[display]\n[keys]\n")) == Configuration())
    }
}

@Suite("A plugin")
struct PluginSwitchTests {
    @Test("is left alone where the strongest layer that names it says so, and the reason names file and line")
    func disabled() throws {
        let configuration = try merged(
            etc: "[plugins]\ndisable = [\n'apt',\n'git']", user: "[plugins]\nenable = ['git']")
        let why = try #require(try configuration.whyDisabled(plugin("apt")))
        #expect(why.description == "disabled in etc/config.toml:3")
        #expect(why.place == "etc/config.toml:3")
        #expect(try configuration.whyDisabled(plugin("git")) == nil)
        #expect(try configuration.whyDisabled(plugin("other")) == nil)
    }

    @Test("whose manifest says enabled = false is off until a configuration enables it")
    func offByDefault() throws {
        let quiet = try plugin("quiet", manifest: "enabled = false")
        let why = try #require(try merged().whyDisabled(quiet))
        #expect(why.description == "off unless enabled, by /plugins/quiet.toml")
        #expect(try merged(etc: "[plugins]\nenable = ['quiet']").whyDisabled(quiet) == nil)
    }

    @Test("gets its settings from the strongest layer, key by key, however the key is spelled")
    func settings() throws {
        let configuration = try merged(
            etc: "[plugin.my-tool]\nsome-key = 1\nother = 'x'", user: "[plugin.my-tool]\nsome_key = false")
        #expect(
            configuration.pluginSettings == [
                PluginName("my-tool")!: [
                    PluginSetting(key: "other", value: "x"), PluginSetting(key: "some_key", value: "false"),
                ]
            ])
        #expect(configuration.settings(of: PluginName("absent")!).isEmpty)
    }

    @Test("shows the settings of its manifest that nobody overrides")
    func manifestSettings() throws {
        let tool = try plugin("my.tool", manifest: "[settings]\na = 1\nb = 2")
        let entries = try merged(user: "[plugin.\"my.tool\"]\nb = 3").entries(with: [tool])
        #expect(
            entries.filter { $0.key.hasPrefix("plugin") }.map { "\($0.key)=\($0.value) \($0.place) \($0.layer)" } == [
                "plugin.\"my.tool\".a=1 /plugins/my.tool.toml manifest",
                "plugin.\"my.tool\".b=3 user/config.toml:2 user",
            ])
    }
}
