import PluginInvocation
import PluginManifests
import Testing
import UpdateModel

@Suite struct InvocationTests {
    private func plugin(_ name: String = "apt", manifest text: String? = nil) throws -> DiscoveredPlugin {
        let name = try #require(PluginName(name))
        let manifest = try text.map { try Manifest(parsing: Array($0.utf8), file: "\(name).toml", name: name) }
        return DiscoveredPlugin(
            name: name, directory: "/p", executable: "/p/\(name).sh", manifest: manifest, manifestPath: nil,
            mentions: [.isApplicable, .dryRun])
    }

    private func context() throws -> InvocationContext {
        InvocationContext(
            run: try #require(RunID("20261121-073012-4711")), user: "ada", home: "/home/ada", path: "/usr/bin:/bin",
            temporaryDirectory: "/run/x")
    }

    private func environment(_ invocation: Invocation) -> [String] { invocation.environment.map(\.description) }

    @Test func `A command is the first argument, and a dry run the second`() throws {
        let ask = Invocation(.isApplicable, of: try plugin(), in: try context())
        #expect(ask.executable == "/p/apt.sh")
        #expect(ask.arguments == ["/p/apt.sh", "is-applicable"])
        let dryRun = Invocation(.update, of: try plugin(), dryRun: true, in: try context())
        #expect(dryRun.arguments == ["/p/apt.sh", "update", "--dry-run"])
    }

    @Test func `The environment holds what the protocol names and nothing else`() throws {
        #expect(
            environment(Invocation(.isApplicable, of: try plugin(), in: try context())) == [
                "PATH=/usr/bin:/bin", "HOME=/home/ada", "USER=ada", "LOGNAME=ada", "LANG=C.UTF-8", "LC_ALL=C.UTF-8",
                "TMPDIR=/run/x", "UPDATE_ALL_RUN_ID=20261121-073012-4711", "UPDATE_ALL_PHASE=check",
                "UPDATE_ALL_PLUGIN_FILE=/p/apt.sh", "UPDATE_ALL_PLUGIN_TMPDIR=/run/x",
            ])
    }

    @Test func `Terminal, proxies, timer, hints and settings come along where they are`() throws {
        var context = try context()
        context.terminal = "xterm-256color"
        context.proxies = Proxies(environment: [
            "http_proxy": "http://a", "HTTP_PROXY": "http://b", "NO_PROXY": "local",
        ])
        context.isScheduled = true
        var limits = Limits(memoryHigh: ByteCount(1000), memoryMax: ByteCount(2000), cpuQuota: Fraction(1.5))
        context.hints = ResourceHints(limits, downloadRate: ByteCount(500), machineCPUs: 8)
        context.settings = [PluginSetting(key: "level", value: "9")]
        let plugin = try plugin(
            manifest:
                "environment = { DEBIAN_FRONTEND = \"noninteractive\", PATH = \"/sbin\" }\nsettings = { level = 1, a-b = true }"
        )
        #expect(
            environment(Invocation(.update, of: plugin, in: context)) == [
                "PATH=/sbin", "HOME=/home/ada", "USER=ada", "LOGNAME=ada", "LANG=C.UTF-8", "LC_ALL=C.UTF-8",
                "TMPDIR=/run/x", "TERM=xterm-256color", "http_proxy=http://a", "HTTP_PROXY=http://a", "no_proxy=local",
                "NO_PROXY=local", "UPDATE_ALL_CPUS=2", "MAKEFLAGS=-j2", "CARGO_BUILD_JOBS=2", "GOMAXPROCS=2",
                "npm_config_jobs=2", "UPDATE_ALL_MEMORY_BYTES=1000", "UPDATE_ALL_DOWNLOAD_RATE_BYTES=500",
                "DEBIAN_FRONTEND=noninteractive", "UPDATE_ALL_APT_LEVEL=9", "UPDATE_ALL_APT_A_B=true",
                "UPDATE_ALL_RUN_ID=20261121-073012-4711", "UPDATE_ALL_PHASE=execute",
                "UPDATE_ALL_PLUGIN_FILE=/p/apt.sh", "UPDATE_ALL_PLUGIN_TMPDIR=/run/x",
                "UPDATE_ALL_SCHEDULED=1",
            ])
        limits.memoryHigh = nil
        #expect(ResourceHints(limits, downloadRate: nil, machineCPUs: 8).memory == ByteCount(2000))
    }

    @Test(
        "CPUs are the quota rounded up, at least one, at most the machine's",
        arguments: [(0.01, 1), (1, 1), (1.01, 2), (7.5, 8), (64, 8), (.infinity, 8)] as [(Double, Int)])
    func cpus(quota: Double, expected: Int) {
        #expect(ResourceHints(Limits(cpuQuota: Fraction(quota)), downloadRate: nil, machineCPUs: 8).cpus == expected)
    }

    @Test func `Without limits there are no hints`() {
        #expect(ResourceHints(Limits(), downloadRate: nil, machineCPUs: 8) == ResourceHints())
    }

    @Test func `A setting cannot take the place of our own variables`() throws {
        var context = try context()
        context.settings = [PluginSetting(key: "id", value: "forged")]
        let invocation = Invocation(.update, of: try plugin("run"), in: context)
        #expect(
            environment(invocation).filter { $0.hasPrefix("UPDATE_ALL_RUN_ID") } == [
                "UPDATE_ALL_RUN_ID=20261121-073012-4711"
            ])
    }

    @Test func `It starts in the private directory, at home, or where the manifest says`() throws {
        func directory(_ text: String?) throws -> String {
            Invocation(.download, of: try plugin(manifest: text), in: try context()).directory
        }
        #expect(try directory(nil) == "/run/x")
        #expect(try directory("directory = \"tmp\"") == "/run/x")
        #expect(try directory("directory = \"home\"") == "/home/ada")
        #expect(try directory("directory = \"/srv\"") == "/srv")
    }

    @Test func `The phase is that of the command`() throws {
        func phase(_ command: PluginCommand) throws -> String? {
            Invocation(command, of: try plugin(), in: try context()).environment.first {
                $0.name == "UPDATE_ALL_PHASE"
            }?.value
        }
        #expect(try phase(.estimateDownload) == "check")
        #expect(try phase(.download) == "download")
        #expect(try phase(.update) == "execute")
        #expect(Phase.allCases.map { PluginCommand(doing: $0).phase } == Phase.allCases)
    }

    @Test func `A dry run that the plugin does not know would be a real one: it is a fault of the caller`() async {
        await #expect(processExitsWith: .failure) {
            let name = try #require(PluginName("plain"))
            let run = try #require(RunID("20261121-073012-4711"))
            let plugin = DiscoveredPlugin(
                name: name, directory: "/p", executable: "/p/plain", manifest: nil, manifestPath: nil, mentions: [])
            let context = InvocationContext(run: run, user: "a", home: "/", path: "/bin", temporaryDirectory: "/t")
            _ = Invocation(.update, of: plugin, dryRun: true, in: context)
        }
    }

    @Test func `Answers are bounded, and work is not an answer`() {
        for command in PluginCommand.allCases {
            let isWork = [.download, .update, .selfUpdate, .selfUpgrade, .validate].contains(command)
            #expect((command.answerLimit == nil) == isWork)
        }
        #expect(PluginCommand.estimateUpdate.answerLimit == ByteCount(4 << 20))
        #expect(PluginCommand.getMutexes.answerLimit == ByteCount(65_536))
        #expect(PluginCommand.selfUpdate.description == "self-update")
    }
}
