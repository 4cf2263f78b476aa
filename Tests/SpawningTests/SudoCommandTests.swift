import Glibc
import LinuxSystem
import Policy
import Testing
import UpdateModel

@testable import Spawning

/// Files of root's are only to be had where root runs the tests.
@Suite("A command for a step's sudo", .enabled(if: geteuid() == 0))
struct SudoCommandTests {
    private func executable(_ program: String, with arguments: [String] = [], _ programs: [String]) throws -> String {
        let right = SudoRight(
            StepID(PluginName("notes")!, .execute), programs: programs, settings: StepSettings(), needs: [])
        return try SudoCommand(program: program, arguments: arguments).executable(in: right)
    }

    private func refusal(_ program: String, _ programs: [String]) -> String {
        let refusal = #expect(throws: SudoRefusal.self) { try executable(program, programs) }
        return refusal?.reason ?? ""
    }

    @Test("is the program of the list, by its name or its path, also where its directory has two names")
    func found() throws {
        let path = try #require(["/usr/bin/env", "/bin/env"].first { fileExists($0) })
        #expect(try executable("env", [path]) == path)
        #expect(try executable(path, ["/bin/true", path]) == path)
        if let target = try? linkTarget("/bin"), target.hasSuffix("usr/bin") {
            #expect(try executable("env", ["/bin/env"]) == "/bin/env")
            #expect(try executable("/bin/env", ["/usr/bin/env"]) == "/usr/bin/env")
        }
    }

    @Test("has the arguments that the list says, or any")
    func arguments() throws {
        let list = ["/usr/bin/env -u x", "/usr/bin/env \"\"", "/usr/bin/env * y"]
        #expect(try executable("env", with: ["-u", "x"], list) == "/usr/bin/env")
        #expect(try executable("env", with: [], list) == "/usr/bin/env")
        for arguments in [["-u"], ["-u", "x", "sh"], ["-u x"], [""], ["z", "y"]] {
            #expect(throws: SudoRefusal.self, "\(arguments)") { try executable("env", with: arguments, list) }
        }
        #expect(try executable("env", with: ["-u", "x", "sh"], ["/usr/bin/env"]) == "/usr/bin/env")
    }

    @Test("is refused where its path is not whole, or not in the list")
    func refused() {
        for program in ["./env", "bin/env", "/usr/bin/../bin/env", "//usr/bin/env", "/usr/bin/./env", "/usr/bin/", "/"]
        {
            #expect(refusal(program, ["/usr/bin/env", "/usr/bin/../bin/env"]).contains("its whole path"), "\(program)")
        }
        for program in ["", ".", "..", "no-such-program"] {
            #expect(refusal(program, ["/usr/bin/env"]).contains("command not found"), "\(program)")
        }
        #expect(refusal("/tmp/env", ["/usr/bin/env"]).contains("the sudo of notes may not run /tmp/env"))
        #expect(refusal("env", []).contains("may not run"))
    }

    @Test("is refused where others than root can change the program, whatever the list says")
    func distrusted() throws {
        var template = Array("/run/sudo-command-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let top = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { try? removeTree(top) }
        let path = "\(top)/tool"
        do { _ = try openFile(path, O_WRONLY | O_CREAT, mode: 0o755) }
        #expect(try executable(path, [path]) == path)
        // Another name of the same file does what its name says.
        symlink(path, "\(top)/other")
        #expect(refusal("\(top)/other", [path]).contains("may not run"))
        chmod(path, 0o775)
        #expect(refusal(path, [path]).contains("is not safe to run as root"))
        chmod(path, 0o755)
        chown(path, 4711, 4711)
        #expect(refusal(path, [path]).contains("is not safe to run as root"))
        unlink(path)
        #expect(refusal(path, [path]).contains("cannot be checked"))
    }

    @Test("gets a directory by its descriptor, root's variables, and no capability but the usual ones")
    func request() throws {
        let root = try #require(try Account.numbered(0))
        var caller = root
        (caller.name, caller.user, caller.group) = ("pat", 1000, 1001)
        let right = SudoRight(
            StepID(PluginName("notes")!, .execute), programs: ["/usr/bin/env"], settings: StepSettings(), needs: [])
        let (request, streams) = try SudoCommand(program: "env", arguments: ["-u", "x"]).request(
            as: root, for: caller, right: right, descriptors: [0, 1, 2, 17], leaf: nil)
        #expect(streams == ProcessStreams(input: 0, output: 1, errors: 2))
        #expect(request.directory == "/proc/self/fd/17")
        #expect(request.arguments == ["-u", "x"] && request.executable == "/usr/bin/env")
        #expect(request.environment.contains("SUDO_COMMAND=/usr/bin/env -u x"))
        for variable in ["SUDO_USER=pat", "SUDO_UID=1000", "SUDO_GID=1001", "HOME=\(root.home)", "PATH=\(securePath)"] {
            #expect(request.environment.contains(variable))
        }
        #expect(request.noNewPrivileges)
        #expect(request.boundingSet == (try CapabilitySet(names: StepSettings().boundingSet(needs: []))))
        #expect(request.identity == Identity(root))
        let question = SudoRight(
            StepID(PluginName("notes")!, .check), programs: ["/usr/bin/env"], settings: StepSettings(), needs: [])
        #expect(throws: SudoRefusal.self) {
            try SudoCommand(program: "env", arguments: []).request(
                as: root, for: caller, right: question, descriptors: [0, 1, 2, 17], leaf: nil)
        }
    }
}
