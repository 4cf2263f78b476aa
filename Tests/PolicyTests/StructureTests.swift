import PolicyFixtures
import Testing
import UpdateModel

@testable import Policy

@Suite("What is wrong with a policy")
struct StructureTests {
    @Test("is said all in one go, sorted by position, and nothing is merged")
    func allAtOnce() {
        let text = """
            enforcement = "requird"
            [run]
            memory_hihg = "25%"
            cpu_quota = "0%"
            nice = 3
            [stpe]
            [plugin.apt]
            memory_max = "1 GB"
            """
        #expect(
            messages(text) == [
                "base.toml:1:15: \"enforcement\" must be one of \"required\", \"preferred\", not \"requird\" "
                    + "(did you mean \"required\"?)",
                "base.toml:3:1: unknown key \"memory_hihg\" in [run] (did you mean \"memory_high\"?)",
                "base.toml:4:13: \"cpu_quota\" must be a share of one CPU above 0% such as \"150%\", "
                    + "\"50% of machine\", or \"infinity\", not \"0%\"",
                "base.toml:5:1: \"nice\" has no meaning in [run]; it belongs in [step] or [plugin.NAME]",
                "base.toml:6:2: unknown key \"stpe\" (did you mean \"step\"?)",
                "base.toml:8:14: \"memory_max\" must be a size above 0 such as \"512M\" or \"1.5G\", "
                    + "a share of the memory such as \"25%\", or \"infinity\", not \"1 GB\" (did you mean \"1G\"?)",
            ])
    }

    @Test("syntax errors of one file do not hide what is wrong with another")
    func severalFiles() {
        #expect(
            messages("[run\n", etc: ["x = 1"], set: ["run.paralel=2"]) == [
                "--set run.paralel=2: unknown key \"paralel\" in [run] (did you mean \"parallel\"?)",
                "base.toml:1:5: not valid TOML: table header: expected ']', saw '\\n'",
                "etc-0.toml:1:1: unknown key \"x\"",
            ])
    }

    @Test("a known key in the wrong place says where it belongs")
    func misplaced() {
        #expect(
            messages("memory_high = 1\n[step]\nsha256 = 'x'\nparallel = 2\n[plugin.a.check]\nsha256 = 'x'") == [
                "base.toml:1:1: \"memory_high\" has no meaning at the top of the file; "
                    + "it belongs in [run], [step] or [plugin.NAME]",
                "base.toml:3:1: \"sha256\" has no meaning in [step]; it belongs in [plugin.NAME]",
                "base.toml:4:1: \"parallel\" has no meaning in [step]; it belongs in [run]",
                "base.toml:6:1: \"sha256\" has no meaning in [plugin.a.check]; it belongs in [plugin.NAME]",
            ])
    }

    @Test("phases and names of plugins are checked")
    func names() {
        #expect(
            messages("[step.excute]\n[plugin.apt.downlod]\n[plugin.Apt]\n[plugin]\nnice = 3") == [
                "base.toml:1:7: unknown phase \"excute\" in [step] (did you mean \"execute\"?): "
                    + "phases are check, download, execute",
                "base.toml:2:13: unknown phase \"downlod\" in [plugin.apt] (did you mean \"download\"?): "
                    + "phases are check, download, execute",
                "base.toml:3:9: \"Apt\" is no name of a plugin: those are of a–z, 0–9, \".\", \"_\" and \"-\", "
                    + "at most 64, and begin with a letter or digit",
                "base.toml:5:1: \"nice\" needs the name of a plugin before it, as in [plugin.NAME]",
            ])
        #expect(
            messages("[step]\nexcute = 1")[0].contains("unknown key \"excute\" in [step] (did you mean \"execute\"?)"))
        #expect(messages("[step]\nnice = {}")[0].contains("\"nice\" must be an integer"))
    }

    @Test("a table that is none is named with its header")
    func noTable() {
        #expect(messages("run = 1") == ["base.toml:1:7: \"run\" must be a table [run], not an integer"])
        #expect(messages("plugin = 1")[0].contains("must be tables such as [plugin.apt], not an integer"))
        #expect(messages("plugin.a = 1")[0].contains("\"a\" needs the name of a plugin before it"))
        #expect(messages("step.check = 1")[0].contains("unknown key"))
    }

    @Test("memory_high above memory_max of the same table is refused at what came last")
    func pairs() {
        #expect(
            messages("[step]\nmemory_high = '2G'\nmemory_max = '1G'") == [
                "base.toml:2:1: \"memory_high\" in [step] is \"2G\", above \"memory_max\", which is \"1G\" (base.toml:3)"
            ])
        #expect(
            messages("[step]\nmemory_high = '20%'", set: ["step.memory_max=10%"]) == [
                "--set step.memory_max=10%: \"memory_max\" in [step] is \"10%\", below \"memory_high\", "
                    + "which is \"20%\" (base.toml:2)"
            ])
        #expect(messages("[step]\nmemory_high = '2G'\nmemory_max = '10%'\n[plugin.a]\nmemory_max = '1G'") == [])
        #expect(messages("[run]\nmemory_high = '2G'\nmemory_max = '2G'") == [])
    }
}

@Suite("Layers")
struct LayerTests {
    @Test("without any text the built-in policy holds, which needs nothing of the machine")
    func builtIn() throws {
        let policy = try merge()
        #expect(policy.name == "built-in")
        #expect(policy.enforcement == .preferred)
        #expect(policy.run(on: machine).limits == Limits())
        #expect(policy.run(on: machine).parallel == nil)
        let step = policy.step(apt, .execute, on: machine)
        #expect(step.limits == Limits())
        var expected = StepSettings()
        expected.nice = 10
        expected.largestMemory = machine.memory
        #expect(step == expected)
        #expect(policy.ioPaths.isEmpty)
    }

    @Test("a step that was killed for memory may have what the run has, and at most the machine's memory")
    func memoryRetries() throws {
        func step(_ text: String) throws -> StepSettings {
            try merge(base: "\(text)\n[step]\noom_retry = 2").step(apt, .execute, on: machine)
        }
        #expect(try step("").oomRetries == 2)
        #expect(try step("").largestMemory == machine.memory)
        #expect(try step("[run]\nmemory_max = \"1G\"").largestMemory == ByteCount(1 << 30))
        #expect(try step("[run]\nmemory_high = \"512M\"\nmemory_max = \"1G\"").largestMemory == ByteCount(512 << 20))
        #expect(try step("[run]\nmemory_max = \"64G\"").largestMemory == machine.memory)
    }

    @Test("built-in < base < /etc in order < user < --set in order, key by key, with the origin of each")
    func precedence() throws {
        let policy = try merge(
            base: "[run]\nparallel = 2\ndownloads = 3\ntasks_max = 1\ncpu_weight = 1\nio_weight = 1",
            etc: ["[run]\ndownloads = 4\ntasks_max = 2\ncpu_weight = 2", "[run]\ntasks_max = 3\ncpu_weight = 3"],
            user: "\n[run]\ncpu_weight = 4", set: ["run.io_weight=2", "run.io_weight=3"])
        let origins = policy.settings.filter { $0.slot.table == .run }.map { "\($0.slot) \($0.setting.origin)" }
        #expect(
            origins == [
                "run.cpu_weight user.toml:3", "run.downloads etc-0.toml:2", "run.io_weight --set run.io_weight=3",
                "run.parallel base.toml:2", "run.tasks_max etc-1.toml:2",
            ])
        #expect(policy.settings.first { $0.slot.key == .nice }?.setting.origin.description == "built-in")
        #expect(policy.run(on: machine).limits.ioWeight == 3)
        #expect(PolicyLayer.allCases == PolicyLayer.allCases.sorted())
    }

    @Test("[step] < [step.PHASE] < [plugin.NAME] < [plugin.NAME.PHASE], and infinity takes a limit away")
    func tables() throws {
        let policy = try merge(
            base: """
                [step]
                nice = 1
                memory_max = "1G"
                tasks_max = 5
                cpu_quota = "50% of machine"
                [step.download]
                nice = 2
                [plugin.apt]
                nice = 3
                memory_max = "infinity"
                tasks_max = "infinity"
                [plugin.apt.download]
                nice = 4
                cpu_quota = "infinity"
                """)
        let git = try #require(PluginName("git"))
        #expect(policy.step(git, .execute, on: machine).nice == 1)
        #expect(policy.step(git, .download, on: machine).nice == 2)
        #expect(policy.step(apt, .execute, on: machine).nice == 3)
        #expect(policy.step(apt, .download, on: machine).nice == 4)
        #expect(policy.step(git, .execute, on: machine).limits.cpuQuota == Fraction(4))
        #expect(policy.step(git, .execute, on: machine).limits.memoryMax == ByteCount(1 << 30))
        #expect(policy.step(apt, .execute, on: machine).limits == Limits(cpuQuota: Fraction(4)))
        #expect(policy.step(apt, .download, on: machine).limits == Limits())
    }

    @Test("the paths of all I/O caps are known, so that their disks can be looked up")
    func ioPaths() throws {
        func cap(_ path: String) -> String { "[{ path = \"\(path)\", read_iops_max = 1 }]" }
        let policy = try merge(base: "[run]\nio = \(cap("/"))\n[plugin.a.check]\nio = \(cap("/srv"))")
        #expect(policy.ioPaths == ["/", "/srv"])
    }
}

@Suite("extends")
struct ExtendsTests {
    @Test("puts the other policy just below the one that names it, in any layer")
    func chain() throws {
        let policy = try merge(
            base: "extends = 'mid'\n[run]\nparallel = 1", etc: ["extends = 'low'"],
            others: [
                "mid": "extends = 'low'\n[run]\nparallel = 2\ndownloads = 2",
                "low": "[run]\ndownloads = 9\ntasks_max = 9",
            ])
        #expect(policy.run(on: machine).parallel == 1)
        #expect(policy.run(on: machine).downloads == 9)
        #expect(policy.settings.first { $0.slot.key == .downloads }?.setting.origin.layer == .etc)
        #expect(policy.run(on: machine).limits.tasksMax == 9)
    }

    @Test("is told which file names what, and in which order")
    func finds() throws {
        var asked: [String] = []
        let texts = PolicyTexts(base: PolicyText(file: "/p/a.toml", bytes: Array("extends = '../b'".utf8)))
        _ = try mergePolicy(texts) { name, file in
            asked.append("\(name) from \(file)")
            return PolicyText(file: "/b.toml", bytes: [])
        }
        #expect(asked == ["../b from /p/a.toml"])
    }

    @Test("of an unknown policy is an error, with the name that was meant")
    func unknown() {
        #expect(
            messages("\nextends = 'backgroud'", others: ["background": ""]) == [
                "base.toml:2:1: \"extends\": cannot read a policy \"backgroud\" (did you mean \"background\"?)"
            ])
    }

    @Test("in a cycle is an error that shows the way round")
    func cycle() {
        #expect(
            messages("extends = 'a'", others: ["a": "extends = 'b'", "b": "extends = 'a'"]) == [
                "b:1:1: \"extends\" makes a cycle: base.toml → a → b → a"
            ])
    }

    @Test("goes 16 files deep and no further")
    func depth() {
        let others = Dictionary(uniqueKeysWithValues: (1...20).map { ("p\($0)", "extends = 'p\($0 + 1)'") })
        #expect(messages("extends = 'p6'", others: others.merging(["p20": ""]) { $1 }) == [])
        #expect(
            messages("extends = 'p5'", others: others.merging(["p20": ""]) { $1 }) == [
                "p19:1:1: \"extends\" makes a chain of more than 16 policies"
            ])
    }

    @Test("reports what is wrong with every file of the chain")
    func errorsInChain() {
        #expect(messages("extends = 'a'\nx = 1", others: ["a": "y = 2"]).count == 2)
    }
}

@Suite("--set")
struct SetTests {
    @Test("takes TOML where it parses as that and a bare string otherwise")
    func values() throws {
        let policy = try merge(set: [
            "plugin.bigbuild.memory_max=1G", "run.parallel=2", "enforcement=required", "step.cpu_weight=idle",
            "plugin.my.tool.execute.nice=7", "plugin.\"a.check\".nice=8", "step.capabilities=[\"cap_kill\"]",
            "run.memory_max=\"2G\"", "step.download.timeout=5m", "run.cpu_quota=50% of machine",
            "step.no_new_privileges=false",
            "description=a = b\n[run]",
        ])
        let big = try #require(PluginName("bigbuild"))
        #expect(policy.step(big, .check, on: machine).limits.memoryMax == ByteCount(1 << 30))
        #expect(policy.run(on: machine).parallel == 2)
        #expect(policy.enforcement == .required)
        let step = policy.step(big, .download, on: machine)
        #expect(step.limits.cpuWeight == .idle)
        #expect(step.capabilities == ["cap_kill"])
        #expect(step.timeout == .seconds(300))
        #expect(!step.noNewPrivileges)
        #expect(policy.step(try #require(PluginName("my.tool")), .execute, on: machine).nice == 7)
        #expect(policy.step(try #require(PluginName("a.check")), .download, on: machine).nice == 8)
        #expect(policy.run(on: machine).limits.memoryMax == ByteCount(2 << 30))
        #expect(policy.run(on: machine).limits.cpuQuota == Fraction(4))
        #expect(policy.description == "a = b\n[run]")
        #expect(policy.settings.contains { $0.slot.description == "plugin.\"a.check\".nice" })
    }

    @Test(
        "says what is wrong, naming itself",
        arguments: [
            ("run.parallel", "this must be KEY=VALUE, such as plugin.apt.memory_max=1G"),
            ("=1", "this must be KEY=VALUE, such as plugin.apt.memory_max=1G"),
            ("rnu.parallel=1", "there is no table [rnu] (did you mean \"run\"?)"),
            ("step.chek.nice=1", "unknown phase \"chek\" in [step] (did you mean \"check\"?)"),
            (
                "plugin.memory_max=1",
                "\"\" is no name of a plugin: those are of a–z, 0–9, \".\", \"_\" and \"-\", at most 64, and begin with a letter or digit"
            ),
            ("run.parallel=many", "\"parallel\" must be an integer, 1…1024, not \"many\""),
            ("extends=background", "\"extends\" can only be in a file"),
            ("run.run.parallel=1", "there is no table [run.run]"), ("paralel=1", "unknown key \"paralel\""),
            ("parallel=1", "\"parallel\" has no meaning at the top of the file; it belongs in [run]"),
            (
                "run.io=[{ path = \"/\" }]",
                "\"io\" limits nothing here: give one of read_bandwidth_max, write_bandwidth_max, read_iops_max, write_iops_max"
            ),
        ])
    func refused(assignment: String, message: String) {
        #expect(messages(set: [assignment]) == ["--set \(assignment): \(message)"])
    }
}
