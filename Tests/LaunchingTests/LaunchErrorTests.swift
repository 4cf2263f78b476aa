import CLinux
import Glibc
import LinuxSystem
import Spawning
import SystemPackage
import Testing
import UpdateModel

@testable import Launching

@Suite("What a failed start says")
struct LaunchErrorTests {
    @Test("The stages here are those of the C side")
    func stages() {
        #expect(LaunchStage.killed.rawValue == CLX_STAGE_KILLED.rawValue)
        #expect(LaunchStage.prepare.rawValue == CLX_STAGE_PREPARE.rawValue)
        #expect(LaunchStage.boundingSet.rawValue == CLX_STAGE_BOUNDING_SET.rawValue)
        #expect(LaunchStage.directory.rawValue == CLX_STAGE_DIRECTORY.rawValue)
        #expect(LaunchStage.allCases.count == Int(CLX_STAGE_KILLED.rawValue))
    }

    @Test("A missing program, a missing interpreter and a file that is no program are told apart")
    func execute() throws {
        let missing = try failure(request("/does/not/exist"))
        #expect(
            missing.description
                == "could not start /does/not/exist: execute it: No such file or directory (there is no such file)")
        let directory = try TemporaryDirectory()
        let script = directory.path + "/script"
        try writeFile(script, "#!/does/not/exist\n", mode: 0o755)
        #expect(try failure(request(script)).advice.contains("interpreter"))
        try writeFile(script, "no program\n")
        #expect(try failure(request(script)).errno == .execFormatError)
        chmod(script, 0o644)
        #expect(try failure(request(script)).errno == .permissionDenied)
    }

    @Test("A directory that cannot be entered is named")
    func directory() throws {
        var wanted = request("/bin/true")
        wanted.directory = "/does/not/exist"
        let error = try failure(wanted)
        #expect(error.stage == .directory)
        #expect(error.description.contains("enter /does/not/exist: No such file or directory"))
    }

    @Test("A string with a NUL byte is not cut but refused")
    func zeroByte() throws {
        let error = try failure(request("/bin/echo", ["a\0b"]))
        #expect(error.stage == .prepare)
        #expect(error.advice.contains("NUL"))
    }

    @Test("A descriptor that is not open fails at its stage")
    func descriptors() throws {
        var wanted = request("/bin/true")
        wanted.extraDescriptors = [HandedDescriptor(source: 999_999, target: 3)]
        let error = try failure(wanted)
        #expect(error.stage == .descriptors)
        #expect(error.errno == .badFileDescriptor)
        wanted.extraDescriptors = (0..<14).map { HandedDescriptor(source: 1, target: 3 + $0) }
        #expect(try failure(wanted).stage == .prepare, "more than there is room for")
    }

    @Test("A limit that not even root may set fails at its stage", .enabled(if: isRoot, "needs root"))
    func resourceLimits() throws {
        var wanted = request("/bin/true")
        wanted.resourceLimits = [
            ResourceLimit(resource: CInt(RLIMIT_NOFILE.rawValue), soft: 1 << 40, hard: 1 << 40)
        ]
        let error = try failure(wanted)
        #expect(error.stage == .resourceLimits)
        #expect(error.errno == .notPermitted)
    }

    @Test("More groups than the kernel takes fail at their stage", .enabled(if: isRoot, "needs root"))
    func groups() throws {
        var wanted = request("/bin/true")
        wanted.identity = Identity(user: 1234, group: 2345, groups: [gid_t](repeating: 1, count: 65_537))
        #expect(try failure(wanted).stage == .groups)
    }

    @Test("A terminal is not taken from what is none")
    func terminal() throws {
        var path = Array("/bin/true".utf8CString)
        let null = try openFile("/dev/null", O_RDWR)
        var result = clx_spawned()
        path.withUnsafeMutableBufferPointer { path in
            let arguments = [path.baseAddress, nil]
            let handed = (0..<3).map { clx_handed(source: null.raw, target: $0) }
            arguments.withUnsafeBufferPointer { arguments in
                handed.withUnsafeBufferPointer { handed in
                    var spec = clx_spec()
                    spec.path = UnsafePointer(path.baseAddress)
                    spec.arguments = arguments.baseAddress
                    spec.environment = arguments.baseAddress.map { $0 + 1 }
                    spec.group = -1
                    spec.handed = handed.baseAddress
                    spec.handed_count = handed.count
                    spec.settings = CLX_SET_TERMINAL.rawValue
                    var launch: OpaquePointer?
                    #expect(clx_begin(&spec, &result, &launch) == 0)
                    #expect(clx_wait(launch, &result) == -1)
                    clx_release(launch)
                }
            }
        }
        #expect(result.stage == CLX_STAGE_TERMINAL)
        #expect(Errno(rawValue: result.error) == .inappropriateIOCTLForDevice)
    }
}
