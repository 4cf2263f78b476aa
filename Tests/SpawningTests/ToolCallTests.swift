import Glibc
import LinuxSystem
import Testing

@testable import Spawning

@Suite("Calls of the machine's programs")
struct ToolCallTests {
    private func call(_ script: String, input: CInt? = nil, limit: Duration = .seconds(60)) throws -> ToolCall {
        try ToolCall("/bin/sh", ["-c", script], input: input, limit: limit)
    }

    @Test("Its lines are those of both streams, and any exit but 0 means that it was not done")
    func ends() throws {
        let done = try call("echo one; echo two >&2").finish()
        #expect(done.isDone)
        #expect(done.said == ["one", "two"])
        #expect(try !call("exit 3").finish().isDone)
    }

    @Test("It speaks English and has nothing of our environment")
    func environment() throws {
        setenv("TOOL_CALL_TEST", "1", 1)
        defer { unsetenv("TOOL_CALL_TEST") }
        // What a shell sets by itself.
        let variables = try call("env | grep -vE '^(PWD|SHLVL|OLDPWD|_)='").finish().said
        #expect(Set(variables) == ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"])
    }

    @Test("One that gives back what it reads is waited for until it does, and ends with its input")
    func holds() throws {
        let ends = try packetSocketPair()
        let ours = OwnedDescriptor(owning: ends.0)
        let theirs = OwnedDescriptor(owning: ends.1)
        try sendPacket(ours.raw, Array("\n".utf8))
        let cat = try call("exec cat", input: theirs.raw)
        #expect(cat.waitForOutput())
        #expect(processExists(cat.process))
        _ = consume ours
        #expect(try cat.finish().isDone)
    }

    @Test("One that ends without a word is not waited for; one that takes too long is broken off")
    func limits() throws {
        let silent = try call("echo only to errors >&2; exit 1")
        #expect(!silent.waitForOutput())
        #expect(try silent.finish().said == ["only to errors"])
        let slow = try call("exec sleep 1000", limit: .milliseconds(50))
        #expect(!slow.waitForOutput())
        #expect(try !slow.finish().isDone)
    }

    @Test("Only what is in the system's own directories is found")
    func search() {
        #expect(ToolCall.path(of: "sh")?.hasSuffix("bin/sh") == true)
        #expect(ToolCall.path(of: "there-is-no-such-program") == nil)
    }
}
