import PolicyFixtures
import TestSupport
import Testing
import UpdateModel

@testable import Policy
@testable import PolicyReports

@Suite("A policy as a document")
struct PolicyDocumentTests {
    @Test("is TOML in the order of the reference, with the origin of each value where that is asked for")
    func text() throws {
        let policy = try merge(
            base: "extends = \"other\"\n[run]\nparallel = 3\nmemory_max = \"1024M\"",
            etc: ["[plugin.apt]\ntimeout = \"90m\""],
            set: ["step.nice=3"], others: ["other": "description = \"all\"\n[step]\nstop_grace = \"1500ms\"\nnice = 5"])
        #expect(
            policy.document(origins: false, on: machine) == """
                description = "all"
                enforcement = "preferred"

                [run]
                memory_max = "1G"
                parallel = 3
                downloads = 2

                [step]
                nice = 3
                no_new_privileges = true
                leftovers = "kill"
                stop_grace = "1s500ms"
                wait_timeout = "30m"
                pty = "auto"

                [plugin.apt]
                timeout = "1h30m"

                """)
        let lines = policy.document(origins: true, on: machine).split(separator: "\n")
        #expect(lines[0] == "description = \"all\"        # other:1")
        #expect(lines.contains("memory_max = \"1G\"  # base.toml:4"))
        #expect(lines.contains("nice = 3                  # --set step.nice=3"))
        #expect(lines.contains("pty = \"auto\"              # built-in"))
        #expect(lines.contains("timeout = \"1h30m\"  # etc-0.toml:2"))
    }

    @Test("of one plugin has each value that is in force for a phase, whatever table it comes from")
    func plugin() throws {
        let pin = String(repeating: "a", count: 64)
        let policy = try merge(
            base: """
                [step]
                nice = 1
                memory_max = "1G"
                [step.download]
                nice = 2
                [plugin.apt]
                nice = 3
                sha256 = "\(pin)"
                [plugin.apt.execute]
                nice = 4
                [plugin.other]
                nice = 5
                """)
        let document = policy.document(of: apt, origins: true, on: machine)
        #expect(document.hasPrefix("[plugin.apt]\nsha256 = \"\(pin)\"  # base.toml:8\n\n[plugin.apt.check]\n"))
        #expect(document.contains("nice = 3                  # base.toml:7\n"))
        #expect(document.contains("nice = 4                  # base.toml:10\n"))
        #expect(!document.contains("other"))
        // Over any policy it gives the plugin the same.
        let again = try merge(base: "[step]\nnice = 9\ntasks_max = \"infinity\"", etc: [document])
        for phase in Phase.allCases {
            var given = again.step(apt, phase, on: machine)
            // What /etc gives is also the most that a further try may have.
            #expect(given.largestMemory == ByteCount(1 << 30))
            given.largestMemory = policy.step(apt, phase, on: machine).largestMemory
            #expect(given == policy.step(apt, phase, on: machine))
        }
    }

    @Test("reads back as the same policy, whatever it is and however many layers it has")
    func roundTrip() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<150 {
            let policy = try merge(
                base: RandomPolicy.text(&generator),
                user: Bool.random(using: &generator) ? RandomPolicy.text(&generator) : nil)
            for origins in [false, true] {
                let document = policy.document(origins: origins, on: machine)
                let again = try? merge(base: document)
                #expect(again?.canonicalText == policy.canonicalText, "seed \(seed)\n\(document)")
            }
            let own = policy.document(of: apt, origins: false, on: machine)
            let again = try? merge(base: RandomPolicy.text(&generator), user: own)
            for phase in Phase.allCases {
                let (here, there) = (again?.step(apt, phase, on: machine), policy.step(apt, phase, on: machine))
                // What a weaker policy says besides is not taken back: only what is said must come through.
                #expect(here?.nice == there.nice || there.nice == nil, "seed \(seed)\n\(own)")
                #expect(here?.timeout == there.timeout || there.timeout == nil, "seed \(seed)\n\(own)")
                #expect(here?.leftovers == there.leftovers, "seed \(seed)\n\(own)")
            }
        }
    }

    @Test("has nothing in it that drives a terminal or ends a comment, whatever a file is called")
    func hostileNames() throws {
        let name = "a\u{1B}[2J\nnice = 3 #\u{202E}.toml"
        let text = PolicyText(file: name, bytes: Array("description = \"x\\u001B\\u009B\"".utf8))
        let policy = try mergePolicy(PolicyTexts(base: text)) { _, _ in nil }
        let document = policy.document(origins: true, on: machine)
        #expect(document.hasPrefix("description = \"x\\u001B\\u009B\"  # a?[2J?nice = 3 #?.toml:1\n"))
    }
}
