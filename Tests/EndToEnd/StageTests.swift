import Foundation
import Glibc
import JSONDocument
import LinuxSystem
import Testing

/// update-all and its guardian killed, stopped and let go on, at each stage of a run. docs/states.md says in which test
/// each of its rows is; the kernel tests do the same to a commit of a real package manager.
@Suite(.timeLimit(.minutes(3)))
struct StageTests {
    let site: Site
    init() throws { site = try Site() }

    enum Stage: String, CaseIterable, CustomTestStringConvertible {
        case asking, running, commit
        var testDescription: String { rawValue }
    }

    /// A run that has come to a stage, and stays there.
    private struct Staged {
        let program: Program
        let gate: Signpost
        /// The processes of the step or question that it is at.
        let processes: [pid_t]

        func guardian() throws -> pid_t {
            try #require(try program.children.first { $0.name == "update-all-guar" }).pid
        }
    }

    private func start(to stage: Stage, streams: Program.Streams = .pipes) throws -> Staged {
        let (begun, gate) = (try site.signpost("begun"), try site.signpost("gate"))
        let body = "sleep 60 > /dev/null 2>&1 &\n\(begun.say("pids $$ $!"))\n\(gate.stop)\nkill $!\necho last"
        switch stage {
        case .asking:
            try site.script("one", "case $1 in is-applicable) \(body) ;; update) ;; *) exit 2 ;; esac")
        case .running:
            try site.plugin("one", update: body)
        case .commit:
            try site.plugin("one", update: body, manifest: "protected_phases = [\"execute\"]")
        }
        let program = try site.start("run", "--yes", "--ui", streams == .pipes ? "json" : "auto", streams: streams)
        let words = try begun.next().split(separator: " ")
        return Staged(program: program, gate: gate, processes: words.compactMap { pid_t($0) })
    }

    @Test(
        "After kill -9 the unprotected is gone in two seconds, a commit is not, and the next run tells",
        arguments: Stage.allCases)
    func killed(at stage: Stage) throws {
        let staged = try start(to: stage)
        staged.program.signal(SIGKILL)
        let killedAt = monotonicSeconds()
        for pid in staged.processes {
            let isGone = hasEnded(pid, within: stage == .commit ? 0 : max(0, killedAt + 2 - monotonicSeconds()))
            #expect(isGone == (stage != .commit))
        }
        #expect(try staged.program.finish().signal == SIGKILL)
        try staged.gate.letGo()
        for pid in staged.processes { #expect(hasEnded(pid, within: 10)) }
        // Its guardian may still be putting things away.
        try waitForReport()

        try site.plugin("one")
        let next = try site.start("run", "--yes").finish()
        #expect(next.code == 0, "\(next.errorText)")
        switch stage {
        case .asking: #expect(next.errorText.contains("was killed"), "\(next.errorText)")
        case .running: #expect(next.errorText.contains("was killed, and with it one/execute"), "\(next.errorText)")
        case .commit:
            #expect(next.errorText.contains("one/execute of that run went on and succeeded"), "\(next.errorText)")
        }
        #expect(try shell("ls '\(site.path)/state/tmp'") == "", "what the dead run left is swept")
        #expect(try shell("ls '\(site.path)/state' | grep -v -e lock -e runs -e tmp -e version || true") == "")
    }

    /// Waits until no guardian of this site's runs is left, which holds a lock on its report meanwhile.
    private func waitForReport() throws {
        try shell("for f in '\(site.path)'/state/*; do test -f $f && flock --timeout 10 $f true; done; true")
    }

    @Test("Stopped and let go on it ends as if nothing had been", arguments: Stage.allCases)
    func stopped(at stage: Stage) throws {
        let staged = try start(to: stage)
        staged.program.signal(SIGSTOP)
        try staged.program.waitForStop()
        try staged.gate.letGo()
        // What runs goes on meanwhile, and ends.
        for pid in staged.processes { #expect(hasEnded(pid, within: 10)) }
        staged.program.signal(SIGCONT)
        let ended = try staged.program.finish()
        #expect(ended.code == 0, "\(ended.errorText)")
        #expect(try ended.events.outcome("one") == "succeeded")
        if stage != .asking {
            #expect(try site.read("\(site.runDirectory)/one.execute.log") == Array("last\n".utf8))
        }
    }

    @Test(
        "A guardian that is killed is replaced, and the new one does all that the first would have",
        arguments: Stage.allCases)
    func guardianKilled(at stage: Stage) throws {
        let staged = try start(to: stage)
        let first = try staged.guardian()
        kill(first, SIGKILL)
        let deadline = monotonicSeconds() + 10
        // A commit is the next one's when it has been handed the log.
        while try !staged.program.children.contains(where: {
            $0.name == "update-all-guar" && $0.pid != first && (stage != .commit || hasOpen("one.execute.log", $0.pid))
        }) {
            try #require(monotonicSeconds() < deadline, "no other was started, or told of the commit")
            poll(nil, 0, 10)
        }
        staged.program.signal(SIGKILL)
        let killedAt = monotonicSeconds()
        for pid in staged.processes where stage != .commit {
            #expect(hasEnded(pid, within: max(0, killedAt + 2 - monotonicSeconds())))
        }
        try staged.gate.letGo()
        for pid in staged.processes { #expect(hasEnded(pid, within: 10)) }
        try waitForReport()
        if stage == .commit {
            #expect(try site.read("\(site.runDirectory)/one.execute.log") == Array("last\n".utf8))
        }
    }

    /// Whether a process has a file of that name open.
    private func hasOpen(_ name: String, _ process: pid_t) -> Bool {
        let directory = "/proc/\(process)/fd"
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return entries.contains { entry in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/\(entry)")
            return target?.hasSuffix("/\(name)") == true
        }
    }

    @Test("A guardian that is stopped holds nothing up, and ends when it goes on", arguments: Stage.allCases)
    func guardianStopped(at stage: Stage) throws {
        let staged = try start(to: stage)
        let guardian = try staged.guardian()
        kill(guardian, SIGSTOP)
        try staged.gate.letGo()
        let ended = try staged.program.finish()
        #expect(ended.signal == nil)
        kill(guardian, SIGCONT)
        #expect(hasEnded(guardian, within: 10))
    }

    @Test("kill -9 of a stopped update-all is a kill: its steps end as well")
    func killedWhileStopped() throws {
        let staged = try start(to: .running)
        staged.program.signal(SIGSTOP)
        try staged.program.waitForStop()
        staged.program.signal(SIGKILL)
        let killedAt = monotonicSeconds()
        for pid in staged.processes { #expect(hasEnded(pid, within: max(0, killedAt + 2 - monotonicSeconds()))) }
    }

    @Test("Stopped while its display draws, and let go on, it ends as if nothing had been")
    func stoppedWhileDrawing() throws {
        let staged = try start(to: .running, streams: .terminal)
        try staged.program.wait(for: "a drawn step") { $0.outputText.contains("one") }
        staged.program.signal(SIGSTOP)
        try staged.program.waitForStop()
        try staged.gate.letGo()
        staged.program.signal(SIGCONT)
        let ended = try staged.program.finish()
        #expect(ended.code == 0)
        #expect(ended.text.contains("1 succeeded"))
    }
}
