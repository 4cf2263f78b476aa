import PluginInvocation
import PluginManifests
import PluginProtocol
import Testing
import TomlDocument
import UpdateModel

@Suite struct DiscoveryTests {
    private typealias Entry = PluginDirectory.Entry

    private func program(_ name: String) -> Entry { Entry(name: name, isExecutable: true) }

    private func manifest(_ name: String, _ text: String = "") -> Entry {
        Entry(name: name, manifest: Array(text.utf8))
    }

    /// What is found in one directory, `/p`, where each file that is asked for exists unless `files` says otherwise.
    private func discover(
        _ entries: [Entry], files: [String: ExecutableFacts] = [:], missing: Set<String> = []
    ) -> Discovery {
        Discovery(in: [PluginDirectory(path: "/p", entries: entries)]) { path, _ in
            missing.contains(path) ? nil : files[path] ?? ExecutableFacts()
        }
    }

    private func names(_ discovery: Discovery) -> [String] { discovery.plugins.map(\.name.rawValue) }
    private func problems(_ discovery: Discovery) -> [String] { discovery.problems.map(\.description) }

    @Test func `An executable file is a plugin, named without its extension`() {
        let found = discover([
            program("pip.py"), program("apt.sh"), program("cargo"), program("python3.11"), program("a.b.sh"),
        ])
        #expect(names(found) == ["a.b", "apt", "cargo", "pip", "python3.11"])
        #expect(found.plugins[1].executable == "/p/apt.sh")
        #expect(found.plugins[1].directory == "/p")
        #expect(found.plugins[1].manifest == nil)
        #expect(found.problems.isEmpty)
    }

    @Test(
        "What is no plugin is passed over without a word",
        arguments: [
            ".hidden", "apt~", "#apt#", "README", "README.md", "readme.sh", "apt.dpkg-old", "apt.rpmsave", "apt.bak",
            "apt.sh.orig", "apt.swp", "apt,v", "apt.ucf-dist",
        ])
    func passedOver(name: String) {
        #expect(discover([program(name)]) == discover([]))
        #expect(discover([manifest("\(name).toml~")]) == discover([]))
    }

    @Test func `Files that are not executable, and directories, are passed over`() {
        let entries = [Entry(name: "common.sh"), Entry(name: "lib", isRegularFile: false, isExecutable: true)]
        #expect(discover(entries) == discover([]))
    }

    @Test func `A file beside its manifest is one plugin`() {
        let found = discover([
            program("a"), manifest("a.toml", "description = \"A\""), program("b.sh"), manifest("b.toml"),
        ])
        #expect(names(found) == ["a", "b"])
        #expect(found.plugins.map(\.executable) == ["/p/a", "/p/b.sh"])
        #expect(found.plugins[0].manifest?.description == "A")
        #expect(found.plugins[0].manifestPath == "/p/a.toml")
        #expect(found.problems.isEmpty)
    }

    @Test func `A manifest names its executable, relative to itself or absolute`() {
        let found = discover([
            manifest("a.toml", "executable = \"lib/a.py\""), manifest("b.toml", "executable = \"/usr/bin/b\""),
            manifest("c.toml", "executable = \"./worker.sh\""), program("worker.sh"), program("c"),
        ])
        #expect(names(found) == ["a", "b", "c"])
        #expect(found.plugins.map(\.executable) == ["/p/lib/a.py", "/usr/bin/b", "/p/worker.sh"])
        #expect(found.problems.isEmpty)
    }

    @Test func `Two files of one name are an error, and neither runs`() {
        let found = discover([program("a"), program("a.sh"), program("b")])
        #expect(names(found) == ["b"])
        #expect(problems(found) == ["/p/a.sh: /p/a is the plugin \"a\", too: rename or remove one of them"])
    }

    @Test func `A manifest that says nothing cannot decide between two files`() {
        let found = discover([program("a"), program("a.sh"), manifest("a.toml"), manifest("b.toml")])
        #expect(names(found).isEmpty)
        #expect(
            problems(found) == [
                "/p/a.toml: a and a.sh are both beside it: say with \"executable\" which one runs",
                "/p/b.toml: no executable file \"b\" is beside it: add one, or name it with \"executable\"",
            ])
    }

    @Test func `What cannot be a plugin's name is told`() {
        let found = discover([program("Apt.sh"), manifest("a b.toml"), program("ok")])
        #expect(names(found) == ["ok"])
        #expect(
            problems(found) == [
                "/p/a b.toml: \"a b\" cannot be the name of a plugin ([a-z0-9][a-z0-9._-]{0,63}): rename the file",
                "/p/Apt.sh: \"Apt\" cannot be the name of a plugin ([a-z0-9][a-z0-9._-]{0,63}): rename the file",
            ])
    }

    @Test func `A manifest whose executable is missing, no file or not executable is told`() {
        let found = discover(
            ["a", "b", "c", "d"].map { manifest("\($0).toml", "executable = \"bin/\($0)\"") },
            files: [
                "/p/bin/b": ExecutableFacts(isRegularFile: false),
                "/p/bin/c": ExecutableFacts(isExecutable: false),
            ], missing: ["/p/bin/a"])
        #expect(names(found) == ["d"])
        #expect(
            problems(found) == [
                "/p/a.toml: the executable /p/bin/a does not exist",
                "/p/b.toml: the executable /p/bin/b is not a regular file",
                "/p/c.toml: the executable /p/bin/c is not executable (chmod +x)",
            ])
    }

    @Test func `A manifest with mistakes keeps its plugin from running, and no other`() {
        let found = discover([
            program("a"), manifest("a.toml", "nmae = 1\nname = \"b\""), program("b"),
            Entry(name: "c.toml", problem: "Permission denied"),
            program("c"),
        ])
        #expect(names(found) == ["b"])
        #expect(
            problems(found) == [
                "/p/a.toml:1:1: unknown key \"nmae\" (did you mean \"name\"?)",
                "/p/a.toml:2:8: \"name\" must be \"a\", as the file is named, not \"b\"",
                "/p/c.toml: the manifest cannot be read: Permission denied. Without it the plugin is left out",
            ])
    }

    @Test func `Later places override earlier ones by name`() {
        let found = Discovery(in: [
            PluginDirectory(path: "/usr", entries: [program("a"), program("b.sh"), manifest("c.toml"), program("c")]),
            PluginDirectory(path: "/etc", entries: [program("b"), program("c")]),
        ]) { _, _ in ExecutableFacts() }
        #expect(found.plugins.map(\.executable) == ["/usr/a", "/etc/b", "/etc/c"])
        #expect(found.plugins.map(\.directory) == ["/usr", "/etc", "/etc"])
        #expect(found.plugins[2].manifest == nil)
        #expect(found.problems.isEmpty)
    }

    @Test func `A broken plugin overrides, too: what it was to replace does not run`() {
        let found = Discovery(in: [
            PluginDirectory(path: "/usr", entries: [program("a")]),
            PluginDirectory(path: "/etc", entries: [program("a"), manifest("a.toml", "run_as = 1")]),
        ]) { _, _ in ExecutableFacts() }
        #expect(found.plugins.isEmpty)
        #expect(found.problems.count == 1)
    }

    @Test func `An overridden plugin's file is not looked at, and bytes only where they matter`() {
        var asked: [String] = []
        _ = Discovery(in: [
            PluginDirectory(
                path: "/usr",
                entries: [
                    program("a"),
                    manifest("b.toml", "executable = \"b\"\ndry_run = false\nestimate = true\nvalidate = false"),
                ]),
            PluginDirectory(path: "/etc", entries: [program("a"), program("c"), manifest("c.toml")]),
        ]) { path, scan in
            asked.append(scan ? "\(path) bytes" : path)
            return ExecutableFacts()
        }
        #expect(asked == ["/etc/a bytes", "/usr/b", "/etc/c bytes"])
    }

    @Test func `A file without a manifest speaks the protocol if its bytes say is-applicable`() {
        let found = discover(
            [program("speaks"), program("plain"), program("gone"), manifest("manifest.toml"), program("manifest")],
            files: ["/p/speaks": ExecutableFacts(mentions: .isApplicable)], missing: ["/p/gone"])
        #expect(found.plugins.filter(\.speaksProtocol).map(\.name.rawValue) == ["manifest", "speaks"])
        #expect(found.plugins.count == 4)
    }

    @Test(
        "A dry run is allowed by the manifest, or by a file that speaks the protocol and mentions it",
        arguments: [
            (nil, [], false), (nil, .dryRun, false), (nil, .isApplicable, false),
            (nil, [.isApplicable, .dryRun], true),
            ("", [], false), ("", .dryRun, true), ("dry_run = false", .dryRun, false), ("dry_run = true", [], true),
        ] as [(String?, Mentions, Bool)])
    func dryRun(text: String?, mentions: Mentions, expected: Bool) {
        let found = discover(
            [program("a")] + (text.map { [manifest("a.toml", $0)] } ?? []),
            files: ["/p/a": ExecutableFacts(mentions: mentions)])
        #expect(found.plugins.first?.allowsDryRun == expected)
    }

    @Test func `Places are searched in the order of the protocol, and --plugin-dir replaces all`() {
        #expect(
            pluginPlaces(
                share: "/usr/share/update-all", configurationHome: "/home/a/.config", pluginPath: "/x::/y", only: [])
                == [
                    "/usr/share/update-all/plugins", "/etc/update-all/plugins.d",
                    "/home/a/.config/update-all/plugins.d", "/x", "/y",
                ])
        #expect(
            pluginPlaces(share: nil, configurationHome: "relative", pluginPath: nil, only: [])
                == ["/etc/update-all/plugins.d"])
        #expect(pluginPlaces(share: "/s", configurationHome: "/c", pluginPath: "/x", only: ["d"]) == ["d"])
    }
}
