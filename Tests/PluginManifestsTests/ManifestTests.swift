import PluginInvocation
import PluginManifests
import RunModel
import TestSupport
import Testing
import TomlDocument
import UpdateModel

@Suite struct ManifestTests {
    private static func name(_ text: String) throws -> PluginName { try #require(PluginName(text)) }

    private func decode(_ text: String) throws -> Manifest {
        try Manifest(parsing: Array(text.utf8), file: "apt.toml", name: Self.name("apt"))
    }

    /// What is wrong with a manifest, as lines without the file's name.
    private func faults(_ text: String) throws -> [String] {
        do {
            _ = try decode(text)
            return []
        } catch let diagnostics as Diagnostics {
            return diagnostics.list.map { String($0.description.dropFirst("apt.toml:".count)) }
        }
    }

    @Test func `Every key of a manifest is read`() throws {
        var expected = Manifest(name: try Self.name("apt"))
        expected.description = "Debian packages"
        expected.executable = "apt"
        expected.version = "1.0"
        expected.applicableIf = ["apt-get"]
        expected.runAs = .root
        expected.sudoPrograms = ["/usr/bin/apt-get"]
        expected.separateDownload = true
        expected.estimate = true
        expected.requires = [try Self.name("base")]
        expected.after = [try Self.name("snap")]
        expected.conflicts = [try Self.name("dnf")]
        expected.protectedPhases = [.execute]
        expected.stop = [.execute: .interrupt]
        expected.dryRun = true
        expected.dynamic = [.mutexes]
        expected.environment = [
            EnvironmentVariable("DEBIAN_FRONTEND", "noninteractive"), EnvironmentVariable("LEVEL", "3"),
        ]
        expected.timeouts = [
            .isApplicable: .seconds(5), .estimateUpdate: .seconds(120), .download: .seconds(1800),
            .update: .seconds(5400),
        ]
        let apt = try #require(MutexName("pkgmgr:apt"))
        let dpkg = try #require(MutexName("pkgmgr:dpkg"))
        expected.claims = [.check: MutexClaims(), .download: MutexClaims(), .execute: MutexClaims()]
        expected.claims[.check]?.mutexes = [apt]
        expected.claims[.download]?.mutexes = [apt]
        expected.claims[.download]?.downloads = 2
        expected.claims[.execute]?.mutexes = [apt, dpkg]
        expected.free = [.execute: [try #require(MutexName("system:reboot"))]]
        expected.locks = [.execute: ["/var/lib/dpkg/lock-frontend"]]
        expected.demand = [
            .download: Demand(memory: ByteCount(3 << 29)), .execute: Demand(cpus: 1, memory: ByteCount(300 << 20)),
        ]
        expected.capabilities = [
            .execute: [
                CapabilityNeed(name: "cap_sys_admin", reason: "mounts"),
                CapabilityNeed(name: "cap_net_admin", reason: "routes"),
            ]
        ]
        expected.settings = [
            PluginSetting(key: "dist_upgrade", value: "false"), PluginSetting(key: "level", value: "2"),
            PluginSetting(key: "mode", value: "safe"),
        ]
        #expect(try decode(completeManifest) == expected)
    }

    @Test func `An empty manifest answers nothing and sets the defaults`() throws {
        let manifest = try decode("")
        #expect(manifest == Manifest(name: try Self.name("apt")))
        #expect(manifest.timeout(of: .isApplicable) == .seconds(10))
        #expect(manifest.timeout(of: .estimateUpdate) == .seconds(120))
        #expect(manifest.timeout(of: .download) == .seconds(1800))
        #expect(manifest.timeout(of: .update) == .seconds(3600))
        #expect(manifest.timeout(of: .selfUpdate) == .seconds(600))
        #expect(manifest.timeout(of: .validate) == .seconds(60))
    }

    @Test func `A phase is stopped by TERM, a protected one by nothing, unless the manifest says otherwise`() throws {
        let manifest = try decode(
            "protected_phases = [\"execute\", \"check\"]\nstop = { execute = \"INT\", download = \"HUP\" }")
        #expect(manifest.invocation.stopSignal(for: .execute) == .interrupt)
        #expect(manifest.invocation.stopSignal(for: .check) == nil)
        #expect(manifest.invocation.stopSignal(for: .download) == .hangUp)
        #expect(try decode("").invocation.stopSignal(for: .execute) == .terminate)
        #expect(StopSignal.allCases.map(\.number) == [1, 2, 3, 10, 12, 15])
    }

    @Test func `It runs as root, as the user, or as an account`() throws {
        #expect(try decode("run_as = \"user\"").runAs == .invokingUser)
        #expect(try decode("run_as = \"backup\"").runAs == .named("backup"))
    }

    @Test func `It starts in its own directory, at home, or at a path`() throws {
        #expect(try decode("directory = \"tmp\"").directory == .temporary)
        #expect(try decode("directory = \"home\"").directory == .home)
        #expect(try decode("directory = \"/srv\"").directory == .path("/srv"))
        #expect(
            try faults("directory = \"srv\"") == [
                "1:13: \"directory\" must be \"tmp\", \"home\" or an absolute path, not \"srv\""
            ])
    }

    @Test(
        "An unknown key is refused with the nearest valid one",
        arguments: [
            ("seperate_download = true", #"1:1: unknown key "seperate_download" (did you mean "separate_download"?)"#),
            ("[mutexes]\nupdat = []", #"2:1: unknown key "updat" in [mutexes] (did you mean "update"?)"#),
            ("stop = { exec = \"INT\" }", #"1:10: unknown key "exec" in [stop]"#),
            (
                "[timeouts]\nself-update = \"1m\"",
                #"2:1: unknown key "self-update" in [timeouts] (did you mean "self_update"?)"#
            ),
            ("demand.update.cpu = 1", #"1:15: unknown key "cpu" in [demand.update] (did you mean "cpus"?)"#),
        ])
    func unknownKeys(text: String, expected: String) throws {
        #expect(try faults(text) == [expected])
    }

    @Test func `A phase's name in a table of commands is told the command`() throws {
        #expect(
            try faults("[mutexes]\nexecute = []\ncheck = []") == [
                "2:1: [mutexes] is keyed by command: write \"update\" for the phase execute",
                "3:1: [mutexes] is keyed by command: write \"estimate_update\" for the phase check",
            ])
    }

    @Test(
        "A value that cannot be meant is refused where it stands",
        arguments: [
            ("name = \"apt2\"", #"1:8: "name" must be "apt", as the file is named, not "apt2""#),
            ("executable = \"\"", #"1:14: "executable" must be a text that is not empty"#),
            ("estimate = 1", #"1:12: "estimate" must be true or false, not an integer"#),
            ("applicable_if = \"x\"", #"1:17: "applicable_if" must be a list of strings, not a string"#),
            ("applicable_if = [\"\"]", #"1:18: "" in "applicable_if" is not the name of a program"#),
            ("sudo_programs = [\"apt\"]", #"1:18: "apt" in "sudo_programs" is not an absolute path"#),
            ("path = [\"bin\"]", #"1:9: "bin" in "path" is not an absolute path, or one that begins with ~/"#),
            (
                "stop = { execute = \"KILL\" }",
                #"1:20: "execute" in [stop] must be one of "HUP", "INT", "QUIT", "USR1", "USR2", "TERM", not "KILL""#
            ),
            (
                "dynamic = [\"mutex\"]",
                #"1:12: "mutex" in "dynamic" is not one of "applicable_if", "sudo_programs", "requires", "after", "conflicts", "mutexes", "free" (did you mean "mutexes"?)"#
            ),
            (
                "protected_phases = [\"update\"]",
                #"1:21: "update" in "protected_phases" is not one of "check", "download", "execute""#
            ),
            (
                "requires = [\"apt\"]",
                #"1:13: "apt" in "requires" is not the name of another plugin ([a-z0-9][a-z0-9._-]{0,63})"#
            ),
            (
                "after = [\"A b\"]",
                #"1:10: "A b" in "after" is not the name of another plugin ([a-z0-9][a-z0-9._-]{0,63})"#
            ),
            (
                "timeouts.update = \"soon\"",
                #"1:19: "update" in [timeouts] must be a duration such as "90s", "10m" or "1h30m", not "soon""#
            ),
            (
                "timeouts.update = \"0s\"",
                #"1:19: "update" in [timeouts] must be a duration such as "90s", "10m" or "1h30m", not "0s""#
            ),
            ("demand.update.cpus = 0", #"1:22: "cpus" in [demand.update] must be a number of CPUs over 0"#),
            (
                "demand.update.memory = \"much\"",
                #"1:24: "memory" in [demand.update] must be a size such as "300M" or "1.5G", not "much""#
            ),
            (
                "capabilities.update.cap_sys_admn = \"mounts\"",
                #"1:21: unknown key "cap_sys_admn" in [capabilities.update] (did you mean "cap_sys_admin"?)"#
            ),
            (
                "capabilities.update.sys_admin = \"\"",
                #"1:33: "sys_admin" in [capabilities.update] must be a text that says what needs it"#
            ),
            ("locks.update = [\"lock\"]", #"1:17: "lock" in "update" is not an absolute path"#),
            ("mutexes.update = [\"a=2\"]", #"1:19: "a" is a mutex and has no units; only network:download has"#),
            ("mutexes.update = [\"network:download=0\"]", #"1:19: "0" is not a number of units (1…1000)"#),
            (
                "mutexes.update = [\"a b\"]",
                #"1:19: "a b" is not the name of a mutex (letters, digits, - and _, or category:resource, whose resource may have . and +; 64 at most)"#
            ),
            (
                "free.update = [\"network:download\"]",
                #"1:16: "network:download" is not the name of a mutex (letters, digits, - and _, or category:resource, whose resource may have . and +; 64 at most)"#
            ),
            ("environment.UPDATE_ALL_X = \"1\"", #"1:13: "UPDATE_ALL_X" is set by update-all; use [settings]"#),
            ("environment.\"a b\" = \"1\"", #"1:13: "a b" is not the name of an environment variable"#),
            ("environment.A = []", #"1:17: "A" in [environment] must be a string, an integer or a boolean"#),
            ("settings.\"a b\" = 1", #"1:10: "a b" may have letters, digits, -, . and _ only"#),
            ("settings.a-b = 1\nsettings.a_b = 2", #"2:10: "a_b" and "a-b" are both UPDATE_ALL_APT_A_B"#),
        ])
    func invalidValues(text: String, expected: String) throws {
        #expect(try faults(text) == [expected])
    }

    @Test func `All that is wrong is told in one go, in the order of the file`() throws {
        let text = """
            nmae = "apt"
            run_as = 3
            requires = ["ok", "Not OK"]
            [timeouts]
            update = "1 h"
            [locks]
            upgrade = []
            """
        #expect(try faults(text).map { $0.prefix(4) } == ["1:1:", "2:10", "3:19", "5:10", "7:1:"])
    }

    @Test func `What is not TOML is told with its place`() throws {
        #expect(try faults("name = ").first?.hasPrefix("1:") == true)
        #expect(throws: Diagnostics.self) { try decode("\u{FFFE}= [[") }
    }

    @Test func `Sizes and durations are read in all their forms, and nothing else is`() throws {
        func memory(_ text: String) throws -> Int64? {
            try? decode("demand.update.memory = \"\(text)\"").demand[.execute]?.memory?.bytes
        }
        func timeout(_ text: String) throws -> Duration? {
            try? decode("timeouts.update = \"\(text)\"").timeouts[.update]
        }
        #expect(
            try ["0", "4096", "2K", "1.5M", "3G", "1T"].map(memory) == [0, 4096, 2048, 1_572_864, 3 << 30, 1 << 40])
        for text in ["", "M", "-1M", "1e3", "inf", ".5M", "1.M", "1.2.3", "300MB", "9999999T", "0x10", "٣M"] {
            #expect(try memory(text) == nil, "\(text)")
        }
        #expect(try timeout("1d2h3m4s") == .seconds(93_784))
        #expect(try timeout("500ms") == .milliseconds(500))
        #expect(try timeout("1.5h") == .seconds(5400))
        for text in ["", "10", "1x", "s", "1m1h", "1s1s", "-1s", "1 s", "999999d"] {
            #expect(try timeout(text) == nil, "\(text)")
        }
    }

    @Test func `One mistyped key anywhere is reported on its line`() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let lines = completeManifest.split(separator: "\n").map(String.init)
        let plainKeys = lines.indices.filter { index in
            // Keys of [settings] are the plugin's own; a table's header is a key, too.
            index < (lines.firstIndex(of: "[settings]") ?? 0) && !lines[index].isEmpty
        }
        for _ in 0..<200 {
            let index = try #require(plainKeys.randomElement(using: &random))
            var changed = lines
            let letters = Array(lines[index])
            let end = letters.firstIndex { $0 == " " || $0 == "]" } ?? letters.count
            let start = letters[0] == "[" ? 1 : 0
            let place = Int.random(in: start..<end, using: &random)
            changed[index] = String(letters[..<place]) + "q" + String(letters[place...])
            let found = try faults(changed.joined(separator: "\n"))
            #expect(
                found.contains { $0.hasPrefix("\(index + 1):") && $0.contains("unknown key") },
                "seed \(seed), \(changed[index])")
        }
    }

    @Test func `A setting's variable has the plugin's name and its own, in upper case`() throws {
        let name = try Self.name("my-plugin.x")
        #expect(
            PluginSetting(key: "dist-upgrade.level", value: "").variableName(of: name)
                == "UPDATE_ALL_MY_PLUGIN_X_DIST_UPGRADE_LEVEL")
    }
}
