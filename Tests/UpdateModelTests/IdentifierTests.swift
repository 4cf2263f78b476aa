import Testing
import UpdateModel

@Suite struct IdentifierTests {
    @Test("A plugin's name begins with a letter or digit and has at most 64 of a-z 0-9 . _ -")
    func pluginNames() {
        for name in ["a", "0", "apt", "node.js", "a-b_c.d", String(repeating: "x", count: 64)] {
            #expect(PluginName(name)?.rawValue == name)
        }
        for name in ["", ".a", "-a", "_a", "Apt", "a b", "a/b", "ä", "aä", "a\n", String(repeating: "x", count: 65)] {
            #expect(PluginName(name) == nil, "\(name)")
        }
        #expect(PluginName("apt-get".prefix(3))?.description == "apt")
    }

    @Test("Phases are in the order in which they run")
    func phases() {
        #expect(Phase.allCases.shuffled().sorted() == [.check, .download, .execute])
        #expect("\(Phase.execute)" == "execute")
    }

    @Test("A step is written plugin/phase; steps sort by plugin, then in running order")
    func steps() {
        let (apt, pipx) = (PluginName("apt")!, PluginName("pipx")!)
        let sorted = [
            StepID(apt, .check), StepID(apt, .download), StepID(apt, .execute), StepID(pipx, .check),
        ]
        #expect(sorted.shuffled().sorted() == sorted)
        #expect(sorted.map(\.description) == ["apt/check", "apt/download", "apt/execute", "pipx/check"])
    }

    @Test("A run is named after its start and its process, and the name reads back")
    func runIDs() {
        let start = Timestamp(millisecondsSince1970: 1_795_246_212_345)
        let run = RunID(start: start, processID: 4711)
        #expect(run.description == "20261121-073012-4711")
        #expect(RunID(run.rawValue) == run)
        #expect(run < RunID("20261121-073013-1")!)
    }

    @Test("A run's name tells its process, where the number is one that a process can have")
    func processOfRun() {
        #expect(RunID("20261121-073012-4711")?.processID == 4711)
        #expect(RunID("20261121-073012-0")?.processID == nil)
        #expect(RunID("20261121-073012-2147483647")?.processID == .max)
        #expect(RunID("20261121-073012-4294967296")?.processID == nil)
    }

    @Test(
        "A name of another form is no run",
        arguments: [
            "", "20261121", "20261121-073012", "20261121-073012-", "20261121-073012-1-2", "2026112-0730120-1",
            "20261121-073012-x", "../../etc-073012-1", "20261121-073012-12345678901", "20261121-07301２-1",
        ])
    func foreignNames(text: String) {
        #expect(RunID(text) == nil)
    }
}
