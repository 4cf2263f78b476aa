import Glibc
import LinuxSystem
import Spawning
import Testing

@testable import Launching

@Suite("A program that is open before it is started") struct OpenProgramTests {
    private func sealed(_ content: [UInt8]) throws -> OpenProgram { try OpenProgram(sealing: content, of: "/no/where") }

    private func request(_ program: OpenProgram, _ arguments: [String] = []) -> LaunchRequest {
        var wanted = LaunchingTests.request("/no/where", arguments)
        wanted.program = program
        return wanted
    }

    @Test("It runs whatever its path leads to, and sees that path as its name", arguments: LaunchMethod.allCases)
    func program(method: LaunchMethod) throws {
        let cat = request(try sealed(readFile("/bin/cat", limit: 1 << 24)), ["/proc/self/cmdline"])
        #expect(try run(cat, with: InProcessLauncher(method: method)).stdout == "/no/where\0/proc/self/cmdline\0")
    }

    @Test("It has the three standard descriptors and no other")
    func descriptors() throws {
        let ls = try run(request(try sealed(readFile("/bin/ls", limit: 1 << 24)), ["-l", "/proc/self/fd"]))
        #expect(ls.stdout.split(separator: "\n").dropFirst().count == 4, "0, 1, 2 and what ls reads: \(ls.stdout)")
    }

    @Test("A script runs by its interpreter, which finds it by its number", arguments: LaunchMethod.allCases)
    func script(method: LaunchMethod) throws {
        let script = try sealed(Array("#!/bin/sh -u\nprintf '%s|' \"$0\" \"$@\"; pwd\n".utf8))
        let finished = try run(request(script, ["a b", "c"]), with: InProcessLauncher(method: method))
        #expect(finished.stdout == "/dev/fd/\(OpenProgram.number)|a b|c|/\n", "\(finished.stderr)")
    }

    @Test(
        "A person's process can read a script that root opened, and write to nobody's copy",
        .enabled(if: geteuid() == 0))
    func person() throws {
        let text = "#!/bin/sh\nid -u\necho other >/dev/fd/\(OpenProgram.number) || echo sealed\n"
        var wanted = request(try sealed(Array(text.utf8)))
        wanted.identity = Identity(user: 65534, group: 65534, groups: [])
        #expect(try run(wanted).stdout == "65534\nsealed\n")
    }

    @Test("What was opened is executed after its file was replaced, and after its directory was")
    func replaced() throws {
        let directory = try TemporaryDirectory()
        try makeDirectory("\(directory.path)/a", mode: 0o755)
        let path = "\(directory.path)/a/tool"
        try writeFile(path, "#!/bin/sh\necho right\n")
        let program = OpenProgram(try openFile(path, O_RDONLY))
        try #require(rename("\(directory.path)/a", "\(directory.path)/b") == 0)
        try makeDirectory("\(directory.path)/a", mode: 0o755)
        try writeFile(path, "#!/bin/sh\necho wrong\n")
        chmod("\(directory.path)/b/tool", 0o755)
        var wanted = LaunchingTests.request(path)
        wanted.program = program
        #expect(try run(wanted).stdout == "right\n")
    }

    @Test("What is no program is an error of its start, with its path")
    func noProgram() throws {
        let wanted = request(try sealed(Array("nothing".utf8)))
        let error = try #require(throws: LaunchError.self) { try InProcessLauncher().launch(wanted) }
        #expect(error.stage == .execute && error.errno.rawValue == ENOEXEC && "\(error)".contains("/no/where"))
    }
}
