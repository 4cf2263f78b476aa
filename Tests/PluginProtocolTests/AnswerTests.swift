import PluginManifests
import PluginProtocol
import RunModel
import Testing

@Suite struct AnswerTests {
    private func said(_ text: String, _ code: Int32 = 0) -> Answer { Answer(.exited(code), output: Array(text.utf8)) }

    @Test func `Only exit 0 is a yes`() {
        #expect(said("").isYes)
        #expect(!said("", 1).isYes)
        #expect(!Answer(.signalled(9)).isYes)
        #expect(!Answer(.timedOut(after: .seconds(1))).isYes)
    }

    @Test func `Names of plugins come one a line, each once`() {
        let answer = said("apt\n  snap \r\n\napt\n").pluginNames()
        #expect(answer.value?.map(\.rawValue) == ["apt", "snap"])
        #expect(answer.warnings.isEmpty)
    }

    @Test func `What is not a name is told, and the rest stands`() {
        let answer = said("apt\nUsage: x\n").pluginNames()
        #expect(answer.value?.map(\.rawValue) == ["apt"])
        #expect(answer.warnings == ["\"Usage: x\" is not the name of a plugin"])
        let many = said((0..<50).map { "Not \($0)\n" }.joined())
        #expect(many.pluginNames().warnings.count == 8)
        #expect(many.heldMutexes().warnings.count == 8)
    }

    @Test func `Paths of programs are absolute`() {
        let answer = said("/usr/bin/apt-get\napt\n").paths()
        #expect(answer.value == ["/usr/bin/apt-get"])
        #expect(answer.warnings == ["\"apt\" is not an absolute path"])
    }

    @Test func `Mutexes of a phase come one a line, with units for the pool`() {
        let answer = said("DPKG\nnetwork:download=3\nbad name\n").heldMutexes()
        #expect(answer.value?.mutexes.map(\.rawValue) == ["dpkg"])
        #expect(answer.value?.downloads == 3)
        #expect(answer.warnings.count == 1)
    }

    @Test func `What must be free is a mutex and not the pool`() {
        let answer = said("dpkg\nnetwork:download\n").freeMutexes()
        #expect(answer.value?.map(\.rawValue) == ["dpkg"])
        #expect(answer.warnings == ["\"network:download\" is not the name of a mutex"])
    }

    @Test func `get-mutexes is a JSON object`() {
        #expect(said(#"{"mutexes":["dpkg"]}"#).mutexes().value?.mutexes.map(\.rawValue) == ["dpkg"])
        #expect(said("{}").mutexes().value == MutexClaims())
        #expect(said("dpkg").mutexes().warnings == ["its answer is not JSON (1:1: expected a value, found 'd')"])
        #expect(said("[]").mutexes().warnings == ["its answer is not a JSON object"])
        #expect(
            said(#"{"mutexes":"dpkg"}"#).mutexes().warnings == ["\"mutexes\" in its answer is not a list of strings"])
    }

    @Test func `get-dependency is a JSON object of required and conflicting plugins`() {
        let answer = said(#"{"dependencies":["apt","No"],"conflicts":["snap"]}"#).dependencies()
        #expect(answer.value?.requires.map(\.rawValue) == ["apt"])
        #expect(answer.value?.conflicts.map(\.rawValue) == ["snap"])
        #expect(answer.warnings == ["\"No\" is not the name of a plugin"])
        #expect(said(#"{"conflicts":null}"#).dependencies().value == Dependencies())
    }

    @Test func `Exit 1 and 2 mean that a command is not offered; anything else is told`() {
        for code: Int32 in [1, 2] {
            #expect(said("apt", code).pluginNames().value == nil)
            #expect(said("apt", code).pluginNames().warnings.isEmpty)
        }
        var failed = said("apt", 3)
        failed.lastErrorLine = "E: no"
        #expect(failed.pluginNames().value == nil)
        #expect(failed.pluginNames().warnings == ["it exited with code 3: E: no"])
        #expect(Answer(.signalled(11)).paths().warnings == ["it was ended by signal 11"])
        #expect(Answer(.timedOut(after: .seconds(10))).mutexes().warnings == ["Command timed out after 10s"])
        #expect(Answer(.notStarted("no such file")).paths().warnings == ["it could not be started: no such file"])
        #expect(
            Answer(.exited(0), isCut: true).paths().warnings == ["its answer is longer than the 64 KiB that are read"])
    }

    @Test func `A version is the first line of a yes`() {
        #expect(said(" 1.2.3 \nbuilt today\n").version() == "1.2.3")
        #expect(said("").version() == nil)
        #expect(said("usage", 2).version() == nil)
    }

    @Test func `A timeout is told in seconds`() {
        #expect(timeoutMessage(after: .seconds(3600)) == "Command timed out after 3600s")
        #expect(timeoutMessage(after: .milliseconds(1500)) == "Command timed out after 1.5s")
    }

    @Test func `A self-update is done, not supported, or failed`() {
        #expect(SelfUpdateAnswer(said("")) == .done)
        #expect(SelfUpdateAnswer(said("", 1)) == .notSupported)
        #expect(SelfUpdateAnswer(said("", 2)) == .failed("it exited with code 2"))
        #expect(SelfUpdateAnswer(Answer(.signalled(9))) == .failed("it was ended by signal 9"))
    }
}
