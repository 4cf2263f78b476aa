import Glibc
import JSONDocument
import TestSupport
import Testing

/// The program on a terminal of 80×24.
@Suite(.timeLimit(.minutes(2)))
struct TerminalTests {
    let site: Site
    init() throws { site = try Site() }

    /// What the terminal shows of all that was written to it.
    private func screen(_ output: [UInt8]) -> ScreenModel {
        var screen = ScreenModel(columns: 80, rows: 24) { _ in 1 }
        screen.feed(output)
        return screen
    }

    @Test("the compact display ends with the summary and leaves the terminal as it was")
    func compact() throws {
        try site.plugin("one", update: "echo a; echo b")
        try site.plugin("two", update: "exit 1")
        let program = try site.start("run", "--yes", streams: .terminal)
        let ended = try program.finish()
        #expect(ended.code == 1)
        let shown = screen(ended.output)
        #expect(shown.isCursorVisible && shown.wrapsLines && !shown.isUpdating)
        #expect(shown.unexpected.isEmpty, "\(shown.unexpected)")
        let tail = shown.everything.suffix(8).joined(separator: "\n")
        #expect(tail.contains("finished") && tail.contains("1 succeeded") && tail.contains("1 failed"), "\(tail)")
        #expect(try program.echoes)
    }

    @Test("an escape sequence of a plugin never reaches the terminal")
    func escapes() throws {
        try site.plugin("one", update: "printf 'x\\033]0;title\\007y\\033[2Jz\\033c\\n\\302\\2332J\\n'; exit 1")
        let ended = try site.start("run", "--yes", streams: .terminal).finish()
        #expect(screen(ended.output).unexpected.isEmpty, "\(screen(ended.output).unexpected)")
        #expect(!ended.text.contains("title\u{7}") && !ended.text.contains("\u{1B}c"))
    }

    @Test("colours are there on a terminal, and not with NO_COLOR", arguments: [false, true])
    func colours(isUnwanted: Bool) throws {
        try site.plugin("one")
        let ended = try site.start(
            "run", "--yes", environment: isUnwanted ? ["NO_COLOR": "1"] : [:], streams: .terminal
        ).finish()
        #expect(ended.code == 0)
        // Bold and faint are no colours.
        let hasColour = (30...37).contains { ended.text.contains("\u{1B}[\($0)m") || ended.text.contains(";\($0)m") }
        #expect(hasColour == !isUnwanted)
    }

    @Test("a person is asked, and nothing is run without a yes", arguments: [("y\n", true), ("n\n", false)])
    func question(answer: String, isRun: Bool) throws {
        try site.plugin("one", update: "touch \(site.path)/ran")
        let program = try site.start("run", streams: .terminal)
        try program.wait(for: "the question") { $0.outputText.contains("[Y/n]") }
        try program.type(answer)
        #expect(try program.finish().code == 0)
        #expect((access("\(site.path)/ran", F_OK) == 0) == isRun)
    }

    @Test("Ctrl-C at the question is 130, and nothing is run")
    func interruptedQuestion() throws {
        try site.plugin("one", update: "touch \(site.path)/ran")
        let program = try site.start("run", streams: .terminal)
        try program.wait(for: "the question") { $0.outputText.contains("[Y/n]") }
        try program.type("\u{3}")
        #expect(try program.finish().code == 130)
        #expect(access("\(site.path)/ran", F_OK) != 0)
    }

    /// A run in the middle of a step, its display drawn.
    private func drawnRun() throws -> (Program, Signpost) {
        let (begun, gate) = (try site.signpost("begun"), try site.signpost("gate"))
        try site.plugin("one", update: "\(begun.say("begun"))\n\(gate.stop)")
        let program = try site.start("run", "--yes", streams: .terminal)
        _ = try begun.next()
        try program.wait(for: "a hidden cursor") { !screen($0.output).isCursorVisible }
        #expect(try !program.echoes)
        return (program, gate)
    }

    @Test("Ctrl-C leaves the terminal with its cursor and its echo")
    func interrupt() throws {
        let (program, gate) = try drawnRun()
        try program.type("\u{3}")
        let ended = try withExtendedLifetime(gate) { try program.finish() }
        #expect(ended.code == 130, "\(ended.text)")
        #expect(screen(ended.output).isCursorVisible)
        #expect(try program.echoes)
    }

    /// The terminal is the shell's, which goes on: where its session's leader dies the kernel hangs it up.
    @Test("kill -9 leaves the shell a terminal with its cursor and its echo, since the guardian puts it right")
    func killed() throws {
        let (begun, gate) = (try site.signpost("begun"), try site.signpost("gate"))
        try site.plugin("one", update: "\(begun.say("begun"))\nexec sleep 60")
        let shell = try site.start(
            ["-c", "\"$@\"; \(gate.stop)", "sh", Site.executable, "run", "--yes"] + site.places,
            executable: "/bin/sh", streams: .terminal)
        _ = try begun.next()
        try shell.wait(for: "a hidden cursor") { !screen($0.output).isCursorVisible }
        #expect(try !shell.echoes)
        kill(try #require(try shell.children.first { $0.name == "update-all" }).pid, SIGKILL)
        try shell.wait(limit: 5, for: "the cursor") { screen($0.output).isCursorVisible }
        #expect(try shell.echoes)
        try gate.letGo()
        try shell.finish()
    }

    @Test("after Ctrl-Z and SIGCONT a run ends as if nothing had been")
    func suspended() throws {
        let (program, gate) = try drawnRun()
        try program.type("\u{1A}")
        try program.waitForStop()
        try program.wait(for: "the cursor") { screen($0.output).isCursorVisible }
        #expect(try program.echoes)
        program.signal(SIGCONT)
        try program.wait(for: "a hidden cursor") { !screen($0.output).isCursorVisible }
        try gate.letGo()
        let ended = try program.finish()
        #expect(ended.code == 0)
        let shown = screen(ended.output)
        #expect(shown.isCursorVisible && shown.unexpected.isEmpty)
        #expect(shown.everything.joined().contains("1 succeeded"))
        #expect(try program.echoes)
    }
}
