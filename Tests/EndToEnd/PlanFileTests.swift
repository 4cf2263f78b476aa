import Glibc
import JSONDocument
import Testing

/// Plans as files: saved, run, refused, drawn.
@Suite(.timeLimit(.minutes(2)))
struct PlanFileTests {
    let site: Site
    let file: String

    init() throws {
        site = try Site()
        file = "\(site.path)/plan.json"
        try site.plugin(
            "one", update: "echo one >> \(site.path)/done", manifest: "protected_phases = [\"execute\"]",
            tables: "[mutexes]\nupdate = [\"m:x\"]")
        try site.plugin(
            "two", update: "echo two >> \(site.path)/done", manifest: "requires = [\"one\"]",
            tables: "[mutexes]\nupdate = [\"m:x\"]")
        try site.plugin("three", update: "echo three >> \(site.path)/done", tables: "[mutexes]\nupdate = [\"m:x\"]")
    }

    private var done: String { (try? shell("cat '\(site.path)/done' 2> /dev/null")) ?? "" }

    @Test("a saved plan runs, and what was not in it does not")
    func runs() throws {
        let saved = try site.run("plan", "one", "two", "-o", file)
        #expect(saved.code == 0, "\(saved.errorText)")
        #expect(saved.errorText.contains("update-all run --plan \(file)"))
        #expect(try jsonLines(try site.read(file)).first?["steps"]?.arrayValue?.count == 2)
        #expect(done == "")
        let ended = try site.run("run", "--yes", "--plan", file)
        #expect(ended.code == 0, "\(ended.errorText)")
        #expect(done == "one\ntwo\n")
    }

    @Test("one that no longer fits is 2, runs nothing, and says what has changed")
    func refused() throws {
        #expect(try site.run("plan", "-o", file).code == 0)
        try site.plugin("two", update: "echo two >> \(site.path)/done")
        try shell("rm '\(site.path)'/plugins/three*")
        let ended = try site.run("run", "--yes", "--plan", file)
        #expect(ended.code == 2)
        #expect(ended.errorText.contains("no longer fits, and nothing was run"), "\(ended.errorText)")
        #expect(ended.errorText.contains("\n  two/execute has other predecessors, mutexes\n"))
        #expect(ended.errorText.contains("\n  three/execute is not to be done any more: its plugin is gone"))
        #expect(done == "")
    }

    @Test("another policy is refused, even where it changes no step")
    func otherPolicy() throws {
        #expect(try site.run("plan", "-o", file).code == 0)
        let ended = try site.run("run", "--yes", "--plan", file, "--set", "step.stop_grace=11s")
        #expect(ended.code == 2)
        #expect(ended.errorText.contains("says something else now"), "\(ended.errorText)")
    }

    @Test("what is no plan is 2 with its place; names of plugins beside it are wrong usage")
    func noPlan() throws {
        try site.write("plan.json", "{\"version\":1,\n\"policy\":7}\n")
        let wrong = try site.run("run", "--yes", "--plan", file)
        #expect(wrong.code == 2)
        #expect(wrong.errorText.hasPrefix("\(file):2:10: "), "\(wrong.errorText)")
        #expect(try site.run("run", "--yes", "--plan", "\(site.path)/gone").code == 2)
        #expect(try site.run("run", "one", "--plan", file).code == 2)
        #expect(try site.run("plan", "-o", "\(site.path)/no/such/folder").code == 2)
    }

    @Test("the same plan is a graph in Mermaid's language and in Graphviz's, which dot draws where it is installed")
    func graphs() throws {
        let mermaid = try site.run("plan", "--format", "mermaid")
        #expect(mermaid.code == 0)
        #expect(mermaid.text.hasPrefix("flowchart LR\n"))
        #expect(mermaid.text.split(separator: "\n").filter { $0.contains("/execute") }.count == 3)
        let dot = try site.run("plan", "--format", "dot")
        #expect(dot.code == 0)
        #expect(dot.text.contains("\"one/execute\" -> \"two/execute\""))
        #expect(dot.text.contains("label=\"m:x\", style=dashed"))
        try site.write("plan.dot", dot.text)
        guard try shell("command -v dot") != "" else { return }
        let drawn = try shell("dot -Tplain '\(site.path)/plan.dot' 2>&1")
        #expect(drawn.split(separator: "\n").filter { $0.hasPrefix("node ") }.count == 3, "\(drawn)")
    }
}
