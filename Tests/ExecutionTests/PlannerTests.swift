import PluginInvocation
import PluginManifests
import PluginProtocol
import Policy
import RunModel
import RunPolicy
import Scheduling
import Testing
import UpdateModel

@testable import Execution

private let machine = MachineFacts(
    hostName: "db7", memory: ByteCount(16 << 30), cpus: 8, pageSize: 4096, controllers: Set(Controller.allCases),
    disks: ["/": .disk("8:0")])

/// Facts of a plugin that runs.
private func facts(
    _ plugin: String, _ phases: [Phase] = [.execute], _ adjust: (inout PluginFacts) -> Void = { _ in }
) -> PluginFacts {
    var facts = PluginFacts(plugin: found(plugin), verdict: .runs)
    facts.phases = phases.map { PhaseFacts(phase: $0) }
    adjust(&facts)
    return facts
}

/// The parameter's name hides the function's elsewhere.
private func found(_ text: String) -> DiscoveredPlugin { plugin(text) }

@Suite("From facts to a plan") struct PlannerTests {
    private func prepare(
        _ facts: [PluginFacts], policy text: String? = nil, on machine: MachineFacts = machine,
        notSelected: [PluginName] = [], sudo: SudoSituation = SudoSituation(),
        _ adjust: (inout Execution.Selection) -> Void = { _ in }
    ) throws -> PreparedRun {
        var selection = Execution.Selection()
        adjust(&selection)
        var planner = Planner(policy: try policy(text), machine: machine, selection: selection) { runAs, plugin, _ in
            switch runAs {
            case .root:
                .failure(PersonaRefusal(outcome: .needsAuth, reason: "it runs as root; run update-all as root"))
            case .invokingUser: .success("alice")
            case .named(let name): .success(name)
            }
        }
        planner.sudo = sudo
        return try planner.plan(facts, notSelected: notSelected)
    }

    private func plan(_ facts: [PluginFacts], policy text: String? = nil) throws -> Plan {
        try prepare(facts, policy: text).plan
    }

    @Test("A question gets little where the policy says nothing of its phase, and what it says where it does")
    func questions() throws {
        func rules(_ text: String?) throws -> QuestionRules {
            Planner(policy: try policy(text), machine: machine, selection: Execution.Selection()) { _, _, _ in
                .success("alice")
            }.questionRules(name("apt"))
        }
        let small = try rules(nil)
        #expect(small.settings.limits.memoryHigh == ByteCount(512 << 20))
        #expect(small.settings.limits.memoryMax == ByteCount(1 << 30))
        #expect(small.settings.limits.tasksMax == 256)
        #expect(small.hints.memory == ByteCount(512 << 20))
        let other = try rules("[step.check]\nmemory_high = \"2G\"\nmemory_max = \"3G\"\ntasks_max = 9")
        #expect(other.settings.limits.memoryHigh == ByteCount(2 << 30))
        #expect(other.settings.limits.memoryMax == ByteCount(3 << 30))
        #expect(other.settings.limits.tasksMax == 9)
    }

    @Test("Each download is told its share of the rate that the policy gives the run")
    func downloadRate() throws {
        func rate(_ text: String) throws -> ByteCount? {
            try prepare([facts("apt", [.download, .execute])], policy: "[run]\ndownload_rate = \"20M\"\n\(text)")
                .commands[step("apt", .download)]?.hints.downloadRate
        }
        #expect(try rate("parallel = 4\ndownloads = 2") == ByteCount(10 << 20))
        #expect(try rate("parallel = 1\ndownloads = 2") == ByteCount(20 << 20))
    }

    @Test("Each new download has its share of the moment; the sum is the rate")
    func downloadShares() throws {
        var shares = try prepare(
            [facts("a", [.download, .execute]), facts("b", [.download, .execute]), facts("c", [.download])],
            policy: "[run]\ndownload_rate = \"20M\"\nparallel = 4\ndownloads = 2"
        ).downloadShares
        #expect(shares.begin(step("a", .download)) == ByteCount(10 << 20))
        #expect(shares.begin(step("a", .execute)) == nil)
        shares.end(step("b", .download))
        shares.end(step("a", .download))
        #expect(shares.begin(step("c", .download)) == ByteCount(20 << 20))
        var none = try prepare([facts("a", [.download])], policy: "").downloadShares
        #expect(none.begin(step("a", .download)) == nil)
    }

    @Test("A policy that changes leaves --timeout its ceiling, and counts more than it where it says a timeout itself")
    func laterTimeout() throws {
        let texts = PolicyTexts(
            base: nil,
            etc: [PolicyText(file: "/etc/update-all/policy.toml", bytes: Array("[step]\ntimeout = \"1h\"".utf8))],
            user: nil, shippedNames: [])
        var selection = Execution.Selection()
        selection.timeout = .seconds(10 * 3600)
        func planner(_ policy: MergedPolicy) -> Planner {
            Planner(policy: policy, machine: machine, selection: selection) { _, _, _ in .success("alice") }
        }
        let old = try mergePolicy(texts) { _, _ in nil }
        let commands = try planner(old).plan([facts("a"), facts("b")], notSelected: []).commands
        func timeout(_ plugin: String, _ policy: MergedPolicy) throws -> Duration? {
            planner(policy).revised(try #require(commands[step(plugin, .execute)])).settings.timeout
        }
        #expect(commands[step("a", .execute)]?.settings.timeout == .seconds(3600))
        #expect(try timeout("a", old) == .seconds(3600))
        let new = try old.setting(["plugin.a.timeout=5m", "plugin.b.timeout=9h"])
        selection.laterTimeouts = [.plugin(name("a"), nil), .plugin(name("b"), nil)]
        #expect(try timeout("a", new) == .seconds(300))
        #expect(try timeout("b", new) == .seconds(3600))
        selection.laterTimeouts = [.plugin(name("b"), nil)]
        #expect(try timeout("a", new) == .seconds(3600))
    }

    @Test("What an earlier run taught of a step's memory holds under a policy that changes, too")
    func lessonStays() throws {
        let policy = try policy("[step]\nmemory_max = \"512M\"\noom_retry = 1")
        var planner = Planner(policy: policy, machine: machine, selection: Execution.Selection()) { _, _, _ in
            .success("alice")
        }
        let run = RunID(start: Timestamp(millisecondsSince1970: 0), processID: 1)
        planner.record.noteKill(of: step("a", .execute), at: ByteCount(512 << 20), in: run)
        planner.record.noteSuccess(
            of: step("a", .execute), needing: ByteCount(700 << 20), under: ByteCount(1 << 30), in: run)
        let command = try #require(try planner.plan([facts("a")], notSelected: []).commands[step("a", .execute)])
        #expect(command.settings.limits.memoryMax == ByteCount(1 << 30))
        #expect(planner.revised(command).settings.limits.memoryMax == ByteCount(1 << 30))
    }

    @Test(
        "Who does not say that he keeps to the rate is named, unless the kernel holds it; what it cannot hold is named too"
    )
    func downloadDeviations() throws {
        var apt = facts("apt", [.download, .execute])
        var manifest = Manifest(name: apt.name)
        manifest.keepsDownloadRate = true
        apt.plugin.manifest = manifest
        let plugins = [apt, facts("git", [.execute]), facts("npm", [.execute])]
        func deviations(_ policy: String, refusal: String? = nil) throws -> [LimitDeviation] {
            var machine = machine
            machine.downloadLimitRefusal = refusal
            return try prepare(plugins, policy: "[run]\n\(policy)", on: machine).plan.deviations
        }
        let rate = LimitDeviation(
            control: "run.download_rate", requested: "\"20M\"", effective: nil,
            reason: "git, npm do not say that what is downloaded keeps to it")
        #expect(try deviations("download_rate = \"20M\"") == [rate])
        #expect(try deviations("download_rate = \"20M\"\ndownload_enforce = true").isEmpty)
        let refused = LimitDeviation(
            control: "run.download_enforce", requested: "true", effective: nil, reason: "no nft")
        #expect(
            try deviations("download_rate = \"20M\"\ndownload_enforce = true", refusal: "no nft") == [refused, rate])
        #expect(
            try deviations("download_enforce = true").map(\.reason) == ["the policy has no download_rate"])
    }

    @Test("What runs is planned with its account, its limits and what it holds")
    func steps() throws {
        let prepared = try prepare(
            [
                facts("apt", [.download, .execute]) { apt in
                    apt.phases[1].mutexes = [MutexName("pkgmgr:dpkg")!]
                    apt.phases[1].free = [MutexName("system:reboot")!]
                    apt.phases[1].isProtected = true
                    apt.phases[1].stopSignal = .interrupt
                    apt.phases[1].duration = .seconds(90)
                    apt.download = ByteCount(5000)
                }
            ],
            policy: """
                [step]
                memory_high = "512M"
                memory_max = "1G"
                [plugin.apt]
                run_as = "backup"
                timeout = "7m"
                """)
        let plan = prepared.plan
        #expect(plan.steps.map(\.id) == [step("apt", .download), step("apt")])
        #expect(plan.steps.map(\.runAs) == ["backup", "backup"])
        #expect(plan.steps[0].limits.map(\.file).contains("memory.max"))
        #expect(!plan.steps[1].limits.map(\.file).contains("memory.max"), "nothing may kill a commit")
        #expect(plan.steps[1].isProtected)
        #expect(plan.steps[1].after == [step("apt", .download)])
        #expect(plan.steps.map(\.durationIsKnown) == [false, true])
        #expect(plan.fetch == ByteCount(5000))
        #expect(plan.hostName == "db7")
        let command = try #require(prepared.commands[step("apt")])
        #expect(command.stopSignal == 2)
        #expect(command.settings.timeout == .seconds(420))
        #expect(command.command == .update)
        #expect(prepared.freeMutexes[step("apt")] == ["system:reboot"])
        #expect(prepared.downloads == [name("apt"): ByteCount(5000)])
        #expect(prepared.commands[step("apt", .download)]?.command == .download)
    }

    @Test("A person's --jobs and --timeout beat the policy's")
    func commandLine() throws {
        let text = "[run]\nparallel = 3\n[step]\ntimeout = \"1h\""
        let prepared = try prepare([facts("a")], policy: text) {
            $0.jobs = 1
            $0.timeout = .seconds(5)
        }
        #expect(prepared.plan.runLimits.contains("1 step at a time"))
        #expect(prepared.commands[step("a")]?.settings.timeout == .seconds(5))
        #expect(try plan([facts("a")], policy: text).runLimits.contains("3 steps at a time"))
    }

    @Test("Hints tell a step the tighter of its own and the run's limits")
    func hints() throws {
        let prepared = try prepare(
            [facts("a")], policy: "[run]\nmemory_high = \"1G\"\ncpu_quota = \"300%\"\n[step]\nmemory_high = \"2G\"")
        let hints = try #require(prepared.commands[step("a")]?.hints)
        #expect(
            hints
                == ResourceHints(
                    Limits(memoryHigh: ByteCount(1 << 30), cpuQuota: Fraction(3)), downloadRate: nil, machineCPUs: 8))
    }

    @Test("Of a plugin that has nothing to do nothing runs, with the reason")
    func verdicts() throws {
        func ended(_ plugin: String, _ verdict: PluginFacts.Verdict) -> PluginFacts {
            PluginFacts(plugin: found(plugin), verdict: verdict)
        }
        let plan = try plan([
            ended("a", .upToDate), ended("b", .notApplicable("snap is not on PATH")),
            ended("c", .failed(.timedOut, "it did not answer")), facts("d") { $0.runAs = .root },
        ])
        #expect(plan.steps == [])
        #expect(
            plan.skipped == [
                SkippedPlugin(plugin: name("a"), outcome: .upToDate, reason: "up to date"),
                SkippedPlugin(plugin: name("b"), outcome: .notApplicable, reason: "snap is not on PATH"),
                SkippedPlugin(plugin: name("c"), outcome: .timedOut, reason: "it did not answer"),
                SkippedPlugin(
                    plugin: name("d"), outcome: .needsAuth, reason: "it runs as root; run update-all as root"),
            ])
    }

    @Test("What requires a plugin that does not run is skipped, and says why; up to date is good enough")
    func requirements() throws {
        let up = PluginFacts(plugin: plugin("up"), verdict: .upToDate)
        let absent = PluginFacts(plugin: plugin("absent"), verdict: .notApplicable("no snapd here"))
        let plan = try prepare(
            [
                up, absent, facts("a") { $0.requires = [name("up")] }, facts("b") { $0.requires = [name("absent")] },
                facts("c") { $0.requires = [name("b")] }, facts("d") { $0.requires = [name("other")] },
            ], notSelected: [name("other")]
        ).plan
        #expect(plan.steps.map(\.id.plugin) == [name("a")])
        let reasons = plan.skipped.filter { $0.outcome == .skipped }.map { "\($0.plugin): \($0.reason)" }
        #expect(
            reasons == [
                "b: requires absent (not applicable: no snapd here)", "c: requires b (skipped)",
                "d: requires other (not selected)",
            ])
    }

    @Test("Plugins in conflict never run at the same time, and the plan says what one waits for")
    func conflicts() throws {
        let plan = try plan([facts("a") { $0.conflicts = [name("b")] }, facts("b")])
        #expect(plan.steps.map(\.wave) == [0, 1])
        #expect(plan.steps[1].waitsFor == "\(plan.steps[0].id) (conflicts)")
        #expect(plan.steps.allSatisfy { $0.mutexes == [] })
    }

    @Test("An unknown requirement or a circle is wrong usage, and says the way out")
    func errors() {
        let unknown = runError { _ = try plan([facts("apt"), facts("a") { $0.requires = [name("abt")] }]) }
        #expect(unknown?.exitCode == .usage)
        #expect(unknown?.description.contains("did you mean \"apt\"?") == true)
        let circle = runError {
            _ = try plan([facts("a") { $0.requires = [name("b")] }, facts("b") { $0.requires = [name("a")] }])
        }
        #expect(circle?.exitCode == .usage)
        #expect(circle?.description.contains("a → b → a") == true)
    }

    @Test("A dry run asks those that have one for execute alone, and commits nothing")
    func dryRun() throws {
        var manifest = Manifest(name: name("a"))
        manifest.dryRun = true
        var able = facts("a", [.download, .execute]) { $0.phases[1].isProtected = true }
        able.plugin = plugin("a", manifest: manifest)
        let prepared = try prepare([able, facts("b")]) { $0.isDryRun = true }
        #expect(prepared.plan.steps.map(\.id) == [step("a")])
        #expect(prepared.plan.steps.first?.isProtected == false)
        #expect(prepared.commands[step("a")]?.isDryRun == true)
        #expect(prepared.plan.skipped.map(\.outcome) == [.skipped])
    }

    @Test("A limit that is not enforced here is told once, however many steps it is for")
    func deviations() throws {
        var bare = machine
        bare.controllers = []
        bare.missingControllerReason = "this machine has none"
        let text = "[run]\nmemory_high = \"4G\"\n[step]\nmemory_high = \"1G\"\ntasks_max = 100"
        let plan = try prepare([facts("a"), facts("b")], policy: text, on: bare).plan
        #expect(plan.deviations.map(\.control) == ["memory.high", "pids.max"])
        #expect(plan.deviations.allSatisfy { $0.effective == nil && $0.reason == "this machine has none" })
        #expect(plan.steps.allSatisfy { $0.limits == [] })
    }

    @Test("Where the policy requires them, such limits end it with exit code 3 and the mend")
    func required() throws {
        var bare = machine
        bare.controllers = []
        bare.missingControllerReason = "this machine has none"
        let text = "enforcement = \"required\"\n[step]\nmemory_high = \"1G\""
        let error = runError { _ = try prepare([facts("a")], policy: text, on: bare) }
        #expect(error?.exitCode == .unenforceable)
        #expect(error?.description.contains("memory.high = 1073741824: this machine has none") == true)
        #expect(error?.description.contains("--set enforcement=preferred") == true)
        #expect(throws: Never.self) { try prepare([facts("a")], policy: text) }
    }

    @Test("A plugin that calls sudo itself keeps the privileges that sudo needs")
    func sudo() throws {
        let prepared = try prepare([facts("a") { $0.callsSudo = true }, facts("b")])
        #expect(prepared.commands[step("a")]?.settings.noNewPrivileges == false)
        #expect(prepared.commands[step("b")]?.settings.noNewPrivileges == true)
    }

    @Test("A plugin's sudo runs what it declares and the policy lists, and then its processes need no privileges")
    func sudoPrograms() throws {
        let policy = "[plugin.a]\nsudo_programs = [\"/bin/x\", \"/bin/y\"]"
        let caller = facts("a") {
            $0.callsSudo = true
            $0.sudoPrograms = ["/bin/y", "/bin/z"]
        }
        let root = SudoSituation(directory: "/shim", isRoot: true, canBecomeRoot: true)
        let command = try #require(try prepare([caller], policy: policy, sudo: root).commands[step("a")])
        #expect(command.sudo == SudoAccess(declared: ["/bin/y", "/bin/z"], allowed: ["/bin/y"]))
        #expect(command.settings.noNewPrivileges)
        // A person's own policy lists nothing for root.
        let person = SudoSituation(directory: "/shim", isRoot: false, canBecomeRoot: true)
        let other = try #require(try prepare([caller], policy: policy, sudo: person).commands[step("a")])
        #expect(other.sudo?.allowed == [] && !other.settings.noNewPrivileges)
        let nobody = SudoSituation(directory: "/shim", isRoot: true, canBecomeRoot: false)
        let plan = try prepare([caller], policy: policy, sudo: nobody).plan
        #expect(plan.skipped.map(\.outcome) == [.needsAuth])
        #expect(plan.skipped.first?.reason.contains("its sudo runs /bin/y as root") == true)
        // Not installed: the machine's sudo is what it finds.
        let plain = try #require(try prepare([caller], policy: policy).commands[step("a")])
        #expect(plain.sudo == nil && !plain.settings.noNewPrivileges)
    }

    @Test("What is selected are the plugins that were named, less those to be left out")
    func selection() {
        var selection = Execution.Selection()
        #expect(selection.includes(name("a")))
        selection.skip = [name("a")]
        #expect(!selection.includes(name("a")))
        selection.only = [name("a"), name("b")]
        #expect(["a", "b", "c"].map { selection.includes(name($0)) } == [false, true, false])
    }
}
