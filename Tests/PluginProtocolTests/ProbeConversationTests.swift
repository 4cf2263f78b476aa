import PluginInvocation
import PluginManifests
import PluginProtocol
import RunModel
import TestSupport
import Testing
import UpdateModel

@Suite struct ProbeConversationTests {
    private static let full = """
        applicable_if = ["apt-get"]
        run_as = "root"
        separate_download = true
        estimate = true
        """

    private func plugin(
        manifest text: String? = nil, mentions: Mentions = [.isApplicable, .estimateUpdate]
    ) throws -> DiscoveredPlugin {
        let name = try #require(PluginName("apt"))
        let manifest = try text.map { try Manifest(parsing: Array($0.utf8), file: "apt.toml", name: name) }
        return DiscoveredPlugin(
            name: name, directory: "/p", executable: "/p/apt", manifest: manifest, manifestPath: nil, mentions: mentions
        )
    }

    /// What a plugin that was asked came to, and what it was asked.
    private struct Talk {
        var facts: PluginFacts
        var questions: [ProbeQuestion] = []
        var commands: [String] { questions.map(\.command.rawValue) }
    }

    /// Holds the whole conversation with a plugin that answers `answers`, and yes to everything else.
    private func talk(
        with plugin: DiscoveredPlugin, for purpose: ProbeConversation.Purpose = .plan, isOnPath: Bool = true,
        _ answers: [PluginCommand: Answer] = [:], otherwise: Answer = Answer(.exited(0))
    ) -> Talk {
        var questions: [ProbeQuestion] = []
        var conversation = ProbeConversation(with: plugin, for: purpose) { _ in isOnPath }
        var action = conversation.begin()
        while case .ask(let question) = action {
            questions.append(question)
            action = conversation.take(answers[question.command] ?? otherwise)
        }
        guard case .finish(let facts) = action else { preconditionFailure() }
        return Talk(facts: facts, questions: questions)
    }

    private func said(_ text: String) -> Answer { Answer(.exited(0), output: Array(text.utf8)) }

    private func names(_ texts: String...) -> [PluginName] { texts.compactMap(PluginName.init) }
    private func mutexes(_ texts: String...) -> Set<MutexName> { Set(texts.compactMap(MutexName.init)) }

    private let updates =
        #"{"data":{"package_count":2,"total_bytes":1000,"estimated_seconds":30,"memory_bytes":5000,"cpus":2}}"#

    // MARK: What is asked

    @Test func `A plugin without a manifest is asked everything, whether it applies first, mutexes after the estimate`()
        throws
    {
        let found = talk(with: try plugin())
        #expect(
            found.commands == [
                "is-applicable", "does-require-sudo", "get-mutexes", "estimate-update-mutexes",
                "estimate-update-dependency", "estimate-update", "can-separate-download", "estimate-download",
                "sudo-programs-paths", "runs-after", "get-dependency", "download-mutexes", "download-dependency",
                "update-mutexes", "update-dependency",
            ])
    }

    @Test func `A plugin that says no to all it can is asked little and runs its update`() throws {
        let found = talk(with: try plugin(), [.isApplicable: Answer(.exited(0))], otherwise: Answer(.exited(2)))
        #expect(!found.commands.contains("download-mutexes"))
        #expect(!found.commands.contains("estimate-download"))
        #expect(!found.commands.contains("sudo-programs-paths"))
        #expect(found.facts.verdict == .runs)
        #expect(found.facts.phases.map(\.phase) == [.execute])
        #expect(found.facts.warnings == [])
    }

    @Test func `Exit code 1 of estimate-update is an answer only of a plugin that has the command`() throws {
        let refusal = [PluginCommand.estimateUpdate: Answer(.exited(1))]
        #expect(
            talk(with: try plugin(), refusal).facts.verdict
                == .notApplicable("it says so: estimate-update exited with code 1"))
        #expect(talk(with: try plugin(mentions: .isApplicable), refusal).facts.verdict == .runs)
        #expect(talk(with: try plugin(manifest: "", mentions: []), refusal).facts.verdict == .runs)
        let certain = try plugin(manifest: "estimate = true", mentions: [])
        #expect(
            talk(with: certain, refusal).facts.verdict
                == .notApplicable("it says so: estimate-update exited with code 1"))
    }

    @Test func `get-mutexes is asked before the estimate, which holds them, and again after it`() throws {
        let told = said(#"{"mutexes":["dpkg"]}"#)
        let found = talk(with: try plugin(), [.getMutexes: told, .estimateUpdate: said(updates)])
        #expect(found.commands.filter { $0 == "get-mutexes" }.count == 2)
        let estimate = try #require(found.questions.first { $0.command == .estimateUpdate })
        #expect(estimate.mutexes == mutexes("dpkg"))
        let once = talk(
            with: try plugin(manifest: Self.full.replacing("= true", with: "= false") + "\ndynamic = [\"mutexes\"]"),
            [.getMutexes: told])
        #expect(once.commands == ["get-mutexes", "update-mutexes"])
        #expect(once.facts.phases.map(\.mutexes) == [mutexes("dpkg")])
    }

    @Test func `What does work holds the manifest's mutexes, and knows of locks and conflicts`() throws {
        let text = """
            \(Self.full)
            conflicts = ["snap"]
            [mutexes]
            estimate_update = ["pkgmgr:apt"]
            [free]
            estimate_update = ["system:network"]
            [locks]
            estimate_update = ["/var/lib/apt/lists/lock"]
            """
        let found = talk(with: try plugin(manifest: text), [.estimateUpdate: said(#"{"data":{"package_count":2}}"#)])
        #expect(found.commands == ["estimate-update", "estimate-download"])
        for question in found.questions {
            #expect(question.mutexes == mutexes("pkgmgr:apt"))
            #expect(question.free == mutexes("system:network"))
            #expect(question.locks == ["/var/lib/apt/lists/lock"])
            #expect(question.conflicts == names("snap"))
        }
    }

    @Test func `A question that cannot be asked ends the conversation as whoever gives it up says`() throws {
        var conversation = ProbeConversation(with: try plugin(), for: .plan) { _ in true }
        _ = conversation.begin()
        guard case .finish(let facts) = conversation.giveUp(with: .refused(.failed, "it is not root's")) else {
            Issue.record("it goes on")
            return
        }
        #expect(facts.verdict == .refused(.failed, "it is not root's"))
    }

    @Test func `A file that does not speak the protocol is asked nothing and runs as a plain update`() throws {
        let found = talk(with: try plugin(mentions: []))
        #expect(found.questions.isEmpty)
        #expect(found.facts.verdict == .runs)
        #expect(found.facts.phases == [step(.execute) { $0.stopSignal = .terminate }])
        #expect(found.facts.runAs == .invokingUser)
    }

    @Test func `Nothing is asked that the manifest answers`() throws {
        #expect(
            talk(with: try plugin(manifest: Self.full), [.estimateUpdate: said(updates)]).commands == [
                "estimate-update"
            ])
        let silent = talk(with: try plugin(manifest: Self.full.replacing("estimate = true", with: "estimate = false")))
        #expect(silent.questions.isEmpty)
        #expect(silent.facts.phases.map(\.phase) == [.download, .execute])
        #expect(silent.facts.estimate == nil)
    }

    @Test func `What a manifest does not say is asked, and absent lists are empty`() throws {
        #expect(
            talk(with: try plugin(manifest: "")).commands == [
                "is-applicable", "does-require-sudo", "estimate-update", "can-separate-download", "estimate-download",
                "sudo-programs-paths",
            ])
    }

    @Test(
        "What is dynamic is asked besides what stands in the manifest",
        arguments: [
            ("applicable_if", ["is-applicable"]), ("sudo_programs", []), ("requires", ["get-dependency"]),
            ("after", ["runs-after"]), ("conflicts", ["get-dependency"]),
            ("mutexes", ["get-mutexes", "estimate-update-mutexes", "download-mutexes", "update-mutexes"]),
            ("free", ["estimate-update-dependency", "download-dependency", "update-dependency"]),
        ] as [(String, [String])])
    func dynamic(key: String, expected: [String]) throws {
        let found = talk(
            with: try plugin(manifest: "\(Self.full)\ndynamic = [\"\(key)\"]"), [.estimateUpdate: said(updates)])
        #expect(found.commands.filter { $0 != "estimate-update" } == expected)
    }

    @Test func `A missing program is the answer, without a process`() throws {
        let found = talk(with: try plugin(manifest: Self.full), isOnPath: false)
        #expect(found.questions.isEmpty)
        #expect(found.facts.verdict == .notApplicable("apt-get is not on PATH"))
        #expect(found.facts.phases.isEmpty)
    }

    @Test func `For a list only what a list shows is asked`() throws {
        let found = talk(with: try plugin(), for: .list)
        #expect(found.commands == ["is-applicable", "does-require-sudo"])
        #expect(found.facts.callsSudo)
        #expect(found.facts.verdict == .runs)
        #expect(found.facts.phases.isEmpty)
    }

    @Test func `A question has the manifest's timeout, and the estimate its mutexes`() throws {
        let text = """
            dynamic = ["mutexes", "free"]
            timeouts = { is_applicable = "3s" }
            mutexes = { estimate_update = ["a"] }
            free = { estimate_update = ["x"] }
            """
        let found = talk(
            with: try plugin(manifest: text),
            [.estimateUpdateMutexes: said("b"), .estimateUpdateDependency: said("y"), .estimateUpdate: said(updates)])
        #expect(found.questions.first?.timeout == .seconds(3))
        let estimate = try #require(found.questions.first { $0.command == .estimateUpdate })
        #expect(estimate.timeout == .seconds(120))
        #expect(estimate.mutexes == mutexes("a", "b"))
        #expect(estimate.free == mutexes("x", "y"))
    }

    // MARK: Verdicts

    @Test func `Any other exit than 0 means that it does not apply`() throws {
        let found = talk(with: try plugin(), [.isApplicable: Answer(.exited(77))])
        #expect(found.commands == ["is-applicable"])
        #expect(found.facts.verdict == .notApplicable("it says so: is-applicable exited with code 77"))
    }

    @Test func `A question that is never answered fails the check`() throws {
        let hung = talk(with: try plugin(), [.isApplicable: Answer(.timedOut(after: .seconds(10)))])
        #expect(hung.facts.verdict == .failed(.timedOut, "is-applicable: Command timed out after 10s"))
        let killed = talk(with: try plugin(), [.estimateUpdate: Answer(.signalled(9), lastErrorLine: "oops")])
        #expect(killed.facts.verdict == .failed(.failed, "estimate-update: it was ended by signal 9: oops"))
        let gone = talk(with: try plugin(), [.isApplicable: Answer(.notStarted("no such file"))])
        #expect(gone.facts.verdict == .failed(.failed, "is-applicable: it could not be started: no such file"))
    }

    @Test func `Nothing more is asked of what is up to date or does not apply`() throws {
        let upToDate = talk(with: try plugin(manifest: ""), [.estimateUpdate: said(#"{"data":{"applicable":false}}"#)])
        #expect(upToDate.facts.verdict == .upToDate)
        #expect(upToDate.commands.last == "estimate-update")
        let other = talk(with: try plugin(manifest: ""), [.estimateUpdate: Answer(.exited(1))])
        #expect(other.facts.verdict == .notApplicable("it says so: estimate-update exited with code 1"))
        let reason = talk(
            with: try plugin(manifest: ""), [.estimateUpdate: Answer(.exited(1), lastErrorLine: "nothing is installed")]
        )
        #expect(
            reason.facts.verdict
                == .notApplicable("it says so: estimate-update exited with code 1: nothing is installed"))
        let failed = talk(with: try plugin(manifest: ""), [.estimateUpdate: Answer(.exited(7))])
        #expect(failed.facts.verdict == .failed(.failed, "estimate-update: it exited with code 7"))
        #expect(failed.facts.phases.isEmpty)
    }

    @Test func `An error that may pass is asked again after 2 and 4 seconds, three times in all`() throws {
        let transient = said(#"{"status":"error","data":null,"error":{"code":"TIMEOUT","message":"slow"}}"#)
        let found = talk(with: try plugin(manifest: Self.full), [.estimateUpdate: transient])
        #expect(found.commands == ["estimate-update", "estimate-update", "estimate-update"])
        #expect(found.questions.map(\.delay) == [.zero, .seconds(2), .seconds(4)])
        #expect(found.facts.verdict == .failed(.failed, "estimate-update: TIMEOUT: slow (asked 3 times)"))
    }

    @Test func `An error that passed leaves no trace`() throws {
        var conversation = ProbeConversation(with: try plugin(manifest: Self.full), for: .plan) { _ in true }
        _ = conversation.begin()
        _ = conversation.take(said(#"{"status":"error","error":{"code":"NETWORK_ERROR"}}"#))
        guard case .finish(let facts) = conversation.take(said(updates)) else {
            Issue.record("the conversation goes on")
            return
        }
        #expect(facts.verdict == .runs)
        #expect(facts.warnings.isEmpty)
    }

    // MARK: What comes of it

    private func step(_ phase: Phase, _ change: (inout PhaseFacts) -> Void) -> PhaseFacts {
        var step = PhaseFacts(phase: phase)
        change(&step)
        return step
    }

    @Test func `The manifest and the estimate make the phases`() throws {
        let found = talk(
            with: try plugin(manifest: completeManifest), [.estimateUpdate: said(updates)],
            otherwise: Answer(.exited(1)))
        let download = step(.download) {
            $0.mutexes = mutexes("pkgmgr:apt")
            $0.demand = Demand(memory: ByteCount(3 << 29), downloads: 2, memorySource: .manifest)
            $0.stopSignal = .terminate
        }
        let execute = step(.execute) {
            $0.mutexes = mutexes("pkgmgr:apt", "pkgmgr:dpkg")
            $0.free = mutexes("system:reboot")
            $0.locks = ["/var/lib/dpkg/lock-frontend"]
            $0.demand = Demand(
                cpus: 2, memory: ByteCount(5000), cpusSource: .estimate, memorySource: .estimate)
            $0.duration = .seconds(30)
            $0.isProtected = true
            $0.stopSignal = .interrupt
            $0.timeout = .seconds(5400)
        }
        #expect(found.facts.phases == [download, execute])
        #expect(found.facts.phases.map(\.command) == [.download, .update])
        #expect(found.facts.download == ByteCount(1000))
        #expect(found.facts.estimate?.packageCount == 2)
        #expect(found.facts.runAs == .root)
        #expect(found.facts.requires == names("base"))
        #expect(found.facts.after == names("snap"))
        #expect(found.facts.conflicts == names("dnf"))
        #expect(found.facts.sudoPrograms == ["/usr/bin/apt-get"])
        #expect(found.facts.name.rawValue == "apt")
    }

    @Test func `Every download phase holds one unit of the pool`() throws {
        let found = talk(with: try plugin(manifest: Self.full))
        #expect(found.facts.phases.map(\.demand.downloads) == [1, 0])
        #expect(found.facts.phases.allSatisfy { !$0.mutexes.contains(.downloadsPool) })
    }

    @Test func `Static and dynamic lists are joined, each name once, the plugin itself left out`() throws {
        let text = """
            \(Self.full)
            requires = ["base"]
            after = ["snap"]
            conflicts = ["dnf"]
            dynamic = ["requires", "after", "conflicts", "mutexes", "free"]
            [mutexes]
            update = ["a"]
            [free]
            update = ["x"]
            """
        let found = talk(
            with: try plugin(manifest: text),
            [
                .estimateUpdate: said(updates), .runsAfter: said("snap\npip\napt\n"),
                .getDependency: said(#"{"dependencies":["base","core","apt"],"conflicts":["zypper"]}"#),
                .getMutexes: said(#"{"mutexes":["all"]}"#), .downloadMutexes: said("d"), .updateMutexes: said("a\nb"),
                .downloadDependency: said("w"), .updateDependency: said("y"),
            ])
        #expect(found.facts.requires == names("base", "core"))
        #expect(found.facts.after == names("snap", "pip"))
        #expect(found.facts.conflicts == names("dnf", "zypper"))
        #expect(found.facts.phases.map(\.mutexes) == [mutexes("all", "d"), mutexes("all", "a", "b")])
        #expect(found.facts.phases.map(\.free) == [mutexes("w"), mutexes("x", "y")])
    }

    @Test func `Where a query fails the static list serves, and a warning says so`() throws {
        let text =
            "\(Self.full)\ndynamic = [\"mutexes\", \"after\", \"requires\"]\nafter = [\"snap\"]\nmutexes = { update = [\"a\"] }"
        let found = talk(
            with: try plugin(manifest: text),
            [
                .estimateUpdate: said(updates), .updateMutexes: Answer(.timedOut(after: .seconds(10))),
                .getDependency: said("{"),
            ],
            otherwise: Answer(.exited(3)))
        #expect(found.facts.verdict == .runs)
        #expect(found.facts.phases.last?.mutexes == mutexes("a"))
        #expect(found.facts.after == names("snap"))
        #expect(
            found.facts.warnings == [
                "apt: get-mutexes: it exited with code 3", "apt: estimate-update-mutexes: it exited with code 3",
                "apt: runs-after: it exited with code 3",
                "apt: get-dependency: its answer is not JSON (1:2: expected a key, found the end of the text)",
                "apt: download-mutexes: it exited with code 3", "apt: update-mutexes: Command timed out after 10s",
            ])
    }

    @Test func `Of get-dependency only what is dynamic is taken`() throws {
        let answer = said(#"{"dependencies":["a"],"conflicts":["b"]}"#)
        let found = talk(
            with: try plugin(manifest: "\(Self.full)\ndynamic = [\"conflicts\"]"),
            [.estimateUpdate: said(updates), .getDependency: answer])
        #expect(found.facts.requires.isEmpty)
        #expect(found.facts.conflicts == names("b"))
    }

    @Test func `A plugin that requires sudo and names no account runs as the user and calls sudo itself`() throws {
        let found = talk(with: try plugin(manifest: ""), [.sudoProgramsPaths: said("/usr/bin/snap\n")])
        #expect(found.facts.runAs == .invokingUser)
        #expect(found.facts.callsSudo)
        #expect(found.facts.sudoPrograms == ["/usr/bin/snap"])
        let other = talk(with: try plugin(manifest: ""), [.doesRequireSudo: Answer(.timedOut(after: .seconds(10)))])
        #expect(!other.facts.callsSudo)
        #expect(other.facts.warnings.first == "apt: does-require-sudo: Command timed out after 10s; taken as no")
    }

    @Test func `A plugin that runs as the user by its manifest calls sudo if there are programs for it`() throws {
        func sudo(_ text: String, _ said: Answer = Answer(.exited(1))) throws -> Talk {
            let plugin = try plugin(manifest: "\(Self.full.replacing("root", with: "user"))\n\(text)")
            return talk(with: plugin, [.estimateUpdate: self.said(updates)], otherwise: said)
        }
        #expect(try sudo("").facts.callsSudo == false)
        let listed = try sudo("sudo_programs = [\"/bin/a\"]")
        #expect(listed.facts.callsSudo)
        #expect(listed.commands == ["estimate-update"])
        let asked = try sudo("dynamic = [\"sudo_programs\"]", said("/bin/b\n"))
        #expect(asked.facts.callsSudo)
        #expect(asked.facts.sudoPrograms == ["/bin/b"])
        #expect(try sudo("dynamic = [\"sudo_programs\"]").facts.callsSudo == false)
    }

    @Test func `The download's own estimate serves where the other has no bytes`() throws {
        let withoutBytes = said(#"{"data":{"package_count":1,"estimated_seconds":9}}"#)
        let found = talk(
            with: try plugin(manifest: Self.full),
            [
                .estimateUpdate: withoutBytes,
                .estimateDownload: said(#"{"data":{"total_bytes":77,"estimated_seconds":4}}"#),
            ])
        #expect(found.commands == ["estimate-update", "estimate-download"])
        #expect(found.facts.download == ByteCount(77))
        #expect(found.facts.phases.map(\.duration) == [.seconds(4), .seconds(9)])
        let failed = talk(
            with: try plugin(manifest: Self.full),
            [.estimateUpdate: withoutBytes, .estimateDownload: Answer(.exited(5))])
        #expect(failed.facts.download == nil)
        #expect(failed.facts.warnings == ["apt: estimate-download: it exited with code 5"])
    }

    @Test func `Whatever a plugin answers, the conversation ends within 18 questions and its order holds`() throws {
        let seed = UInt64.random(in: .min ... .max)
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let outputs = [
            "", "apt\nsnap\n", updates, "{}", "[", #"{"mutexes":["a"]}"#,
            #"{"status":"error","error":{"code":"TIMEOUT"}}"#,
            #"{"data":{"applicable":false}}"#, "\u{FFFD}", "/usr/bin/x",
        ].map { Array($0.utf8) }
        let manifests = [nil, "", Self.full, "dynamic = [\"mutexes\", \"free\"]", completeManifest]
        for _ in 0..<2000 {
            let plugin = try plugin(manifest: manifests.randomElement(using: &random) ?? nil)
            var conversation = ProbeConversation(with: plugin, for: .plan) { _ in true }
            var action = conversation.begin()
            var asked: [PluginCommand] = []
            while case .ask(let question) = action {
                asked.append(question.command)
                let endings: [Answer.Ending] = [
                    .exited(0), .exited(0), .exited(0), .exited(0), .exited(1), .exited(2), .exited(9), .signalled(6),
                    .timedOut(after: question.timeout), .notStarted("x"),
                ]
                let ending = endings.randomElement(using: &random) ?? .exited(0)
                action = conversation.take(Answer(ending, output: outputs.randomElement(using: &random) ?? []))
            }
            #expect(asked.count <= 18, "seed \(seed)")
            if asked.contains(.isApplicable) { #expect(asked.first == .isApplicable, "seed \(seed)") }
            let estimate = asked.lastIndex(of: .estimateUpdate) ?? -1
            let phaseMutexes: [PluginCommand] = [.downloadMutexes, .updateMutexes]
            #expect(phaseMutexes.allSatisfy { (asked.firstIndex(of: $0) ?? .max) > estimate }, "seed \(seed)")
            guard case .finish(let facts) = action else { continue }
            #expect((facts.verdict == .runs) == !facts.phases.isEmpty, "seed \(seed)")
        }
    }
}
