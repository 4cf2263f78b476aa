import Glibc
import LinuxSystem
import Testing

@testable import Spawning

@Suite("Calls of the machine's programs")
struct ToolCallTests {
    private func call(_ script: String, input: CInt? = nil, limit: Duration = .seconds(60)) throws -> ToolCall {
        try ToolCall("/bin/sh", ["-c", script], input: input, limit: limit)
    }

    @Test("Its lines are those of both streams in their order, and any exit but 0 means that it was not done")
    func ends() throws {
        let done = try call("echo one; echo two >&2; echo three").finish()
        #expect(done.isDone)
        #expect(done.said == ["one", "two", "three"])
        #expect(try !call("exit 3").finish().isDone)
    }

    @Test("It speaks English and has nothing of our environment")
    func environment() throws {
        setenv("TOOL_CALL_TEST", "1", 1)
        defer { unsetenv("TOOL_CALL_TEST") }
        // Without what a shell sets by itself.
        let variables = try call("env | grep -vE '^(PWD|SHLVL|OLDPWD|_)='").finish().said
        #expect(Set(variables) == ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"])
    }

    @Test("It reads what it is given, to the end")
    func input() throws {
        let file = try sealedFile("input", containing: Array("to be read".utf8))
        #expect(try call("exec cat", input: file.raw).finish().said == ["to be read"])
    }

    @Test("One that gives back what is said to it is waited for until it does, and ends when nothing more is said")
    func echo() throws {
        let cat = try call("echo first; exec cat")
        #expect(cat.echoes("there"))
        #expect(processExists(cat.process))
        let ended = try cat.finish()
        #expect(ended.isDone)
        #expect(ended.said == ["first", "there"])
    }

    @Test("One that ends without an answer is not waited for; one that takes too long is broken off")
    func limits() throws {
        let failing = try call("echo a complaint >&2; exit 1")
        #expect(!failing.echoes("there"))
        #expect(try failing.finish().said == ["a complaint"])
        let slow = try call("exec sleep 1000", limit: .milliseconds(50))
        #expect(!slow.echoes("there"))
        #expect(try !slow.finish().isDone)
    }

    @Test("Of one that says too much the beginning is kept")
    func flood() throws {
        let ended = try call("yes | head -c 300000").finish()
        #expect(ended.isDone)
        #expect(ended.said.count == 32_768)
    }

    @Test("Only what is in the system's own directories is found")
    func search() {
        #expect(ToolCall.path(of: "sh")?.hasSuffix("bin/sh") == true)
        #expect(ToolCall.path(of: "there-is-no-such-program") == nil)
    }
}
