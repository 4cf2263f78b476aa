import HelperProtocol
import TestSupport
import Testing
import UpdateModel

@Suite("Requests to the helper")
struct RequestTests {
    static let group = StepGroup(StepID(PluginName("apt")!, .execute), attempt: 2, isProtected: true)
    static let writes = [
        ControlWrite(file: "memory.high", value: "805306368"), ControlWrite(file: "io.max", value: "8:0 rbps=1048576"),
    ]
    /// A step of the one's who asks, in the place of which an open file is executed.
    static func opened(_ program: HelperLaunch.Program) -> HelperRequest {
        var launch = HelperLaunch(group: group, program: program, hasExitRecord: true)
        launch.hasProgram = true
        return .launch(launch)
    }
    static let everyKind: [HelperRequest] = [
        .begin(RunID("20261121-073012-4711")!),
        .begin(
            RunID("20261121-073012-4711")!,
            callback: HelperCallback(directory: "/run/ä b", nonce: Array(0..<UInt8(HelperCallback.nonceSize)))),
        .makeGroup(group, writes), .makeGroup(group, []),
        .limit(.run, writes), .limit(.steps, []), .limit(.protected, writes), .limit(.step(group), writes),
        .kill(.steps), .freeze(true), .freeze(false), .remove(group),
        .launch(
            HelperLaunch(
                group: group,
                program: .plugin(
                    executable: "/usr/share/ä b", isDryRun: true,
                    hints: .init(cpus: 2, memory: 1 << 40, downloadRate: 1)),
                terminal: .controlling, hasExitRecord: true, nice: -20, isIdle: true)),
        .launch(
            HelperLaunch(
                group: group,
                program: .own(executable: "/bin/sh", arguments: ["-c", ""], environment: ["A=b"], directory: "/"),
                terminal: .none, noNewPrivileges: false)),
        .sudo(HelperSudo(group: group, program: "apt-get", arguments: ["-y", "", "ü"])),
        .sudo(HelperSudo(group: group, program: "", arguments: [])),
        opened(.own(executable: "/p", arguments: [], environment: [], directory: "/")),
        .signal(process: 4711, number: 15), .signalAll(group, number: 9), .reap(process: 2), .finish,
    ]

    @Test("every kind is read back as it was written", arguments: everyKind)
    func roundTrip(request: HelperRequest) throws {
        let bytes = try #require(request.encoded())
        #expect(HelperRequest(bytes: bytes) == request)
    }

    @Test("a request that is cut anywhere, or has a byte too many, is none", arguments: everyKind)
    func truncation(request: HelperRequest) throws {
        let bytes = try #require(request.encoded())
        for count in 0..<bytes.count { #expect(HelperRequest(bytes: Array(bytes.prefix(count))) == nil) }
        #expect(HelperRequest(bytes: bytes + [0]) == nil)
    }

    @Test("a request of another version is refused", arguments: everyKind)
    func version(request: HelperRequest) throws {
        var bytes = try #require(request.encoded())
        bytes[0] += 1
        #expect(HelperRequest(bytes: bytes) == nil)
    }

    @Test("the number of descriptors is that of the streams, the exit record and the program")
    func descriptors() {
        let counts = Self.everyKind.map(\.descriptorCount).filter { $0 > 0 }
        #expect(counts == [2, 2, 4, 4, 4])
    }

    @Test("nobody hands over what is executed as root")
    func rootsProgram() {
        let opened = Self.opened(.plugin(executable: "/p", isDryRun: false, hints: .init()))
        #expect(opened.encoded() == nil)
    }

    @Test("a nonce of another size is not written", arguments: [0, 15, 17])
    func refusedNonces(size: Int) {
        let callback = HelperCallback(directory: "/run", nonce: Array(repeating: 1, count: size))
        #expect(HelperRequest.begin(RunID("20261121-073012-4711")!, callback: callback).encoded() == nil)
    }

    @Test(
        "a program, or a directory, that is relative, too long or has a NUL in it is not written",
        arguments: ["", "sh", "/a\0b", "/" + String(repeating: "p", count: HelperRequest.maximumPathSize)])
    func refusedPaths(path: String) {
        let programs: [HelperLaunch.Program] = [
            .plugin(executable: path, isDryRun: false, hints: .init()),
            .own(executable: path, arguments: [], environment: [], directory: "/"),
            .own(executable: "/bin/sh", arguments: [], environment: [], directory: path),
        ]
        for program in programs {
            #expect(HelperRequest.launch(HelperLaunch(group: Self.group, program: program)).encoded() == nil)
        }
    }

    @Test("a command for sudo that is too long is not written")
    func longCommands() {
        let arguments = [
            Array(repeating: "", count: HelperRequest.maximumStrings + 1),
            [String(repeating: "x", count: HelperRequest.maximumStringsSize)],
            Array(repeating: String(repeating: "x", count: 700), count: 100),
        ]
        for list in arguments {
            #expect(HelperRequest.sudo(HelperSudo(group: Self.group, program: "id", arguments: list)).encoded() == nil)
        }
        let path = String(repeating: "p", count: HelperRequest.maximumPathSize + 1)
        #expect(HelperRequest.sudo(HelperSudo(group: Self.group, program: path, arguments: [])).encoded() == nil)
    }

    @Test(
        "a control file that is not one of ours cannot be named", arguments: ["cgroup.procs", "../x", "memory.reclaim"])
    func refusedFiles(file: String) {
        #expect(HelperRequest.limit(.steps, [ControlWrite(file: file, value: "1")]).encoded() == nil)
    }

    @Test("more arguments than fit are not written, as many as fit are")
    func strings() throws {
        func launch(_ arguments: [String]) -> HelperRequest {
            .launch(
                HelperLaunch(
                    group: Self.group,
                    program: .own(executable: "/bin/sh", arguments: arguments, environment: [], directory: "/")))
        }
        let long = String(repeating: "x", count: HelperRequest.maximumStringsSize - 1)
        let longest = launch([long])
        #expect(HelperRequest(bytes: try #require(longest.encoded())) == longest)
        #expect(launch([long, ""]).encoded() == nil)
        #expect(launch(Array(repeating: "", count: HelperRequest.maximumStrings + 1)).encoded() == nil)
    }

    @Test(
        "a process, a signal, an attempt or a nice level that cannot be is refused",
        arguments: [
            HelperRequest.signal(process: 1, number: 15), .signal(process: -1, number: 15),
            .signal(process: 7, number: 0),
            .signal(process: 7, number: 32), .signalAll(group, number: -9), .reap(process: 0),
            .launch(
                HelperLaunch(
                    group: group, program: .own(executable: "/a", arguments: [], environment: [], directory: "/"),
                    nice: 20)),
            .launch(
                HelperLaunch(
                    group: group, program: .plugin(executable: "/a", isDryRun: false, hints: .init(cpus: 0)))),
        ])
    func refusedNumbers(request: HelperRequest) {
        #expect(request.encoded().flatMap { HelperRequest(bytes: $0) } == nil)
    }

    @Test("an attempt before the first one is not written")
    func attempt() {
        let group = StepGroup(StepID(PluginName("apt")!, .execute), attempt: 0, isProtected: false)
        #expect(HelperRequest.makeGroup(group, []).encoded() == nil)
    }

    @Test("random bytes, and valid requests with random changes, never trap, and what is read can be written again")
    func randomBytes() {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            let bytes = randomPacket(like: Self.everyKind.compactMap { $0.encoded() }, &generator)
            guard let request = HelperRequest(bytes: bytes) else { continue }
            #expect(request.encoded() == bytes, "seed \(seed)")
        }
    }

    @Test("bytes beyond the largest request are refused unread")
    func tooLong() {
        #expect(HelperRequest(bytes: [UInt8](repeating: 1, count: HelperRequest.maximumSize + 1)) == nil)
    }
}

/// A packet of random bytes, or one of `valid` with up to four bytes changed.
func randomPacket(like valid: [[UInt8]], _ generator: inout SeededGenerator) -> [UInt8] {
    guard Bool.random(using: &generator), var bytes = valid.randomElement(using: &generator) else {
        let length = Int.random(in: 0...64, using: &generator)
        var bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
        if !bytes.isEmpty { bytes[0] = HelperRequest.version }
        if bytes.count > 1 { bytes[1] %= 13 }
        return bytes
    }
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
    }
    return bytes
}
