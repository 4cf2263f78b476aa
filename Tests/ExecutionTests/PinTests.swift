import Digest
import Glibc
import LinuxSystem
import PluginManifests
import Spawning
import Testing

@testable import Execution
@testable import Launching

@Suite("What a pin is compared with is what runs") struct PinTests {
    private let directory: TemporaryDirectory
    private let plugin: DiscoveredPlugin
    private let pin: String
    private let right = "#!/bin/sh\necho right\n"
    private let wrong = "#!/bin/sh\necho wrong\n"

    init() throws {
        directory = try TemporaryDirectory()
        let path = try directory.write("place/tool", right, mode: 0o775)
        plugin = DiscoveredPlugin(
            name: name("tool"), directory: "\(directory.path)/place", executable: path, manifest: nil,
            manifestPath: nil,
            mentions: [])
        pin = sha256(Array(right.utf8))
    }

    /// What runs when the plugin is started now.
    private func run(_ program: OpenProgram?) throws -> String {
        var request = LaunchRequest(
            executable: plugin.executable, arguments: [], environment: ["PATH=/bin"], directory: "/", leaf: nil)
        request.program = program
        let process = try InProcessLauncher().launch(request)
        guard let output = process.takeStdout() else { return "" }
        var end = pollfd(fd: process.pidfd, events: Int16(POLLIN), revents: 0)
        #expect(poll(&end, 1, 20_000) == 1)
        _ = try process.reap()
        return String(decoding: try readToEnd(output.raw), as: UTF8.self)
    }

    enum Attack: CaseIterable { case rewritten, replaced, linked, directoryRenamed, directoryLinked }

    private func carryOut(_ attack: Attack) throws {
        let (path, place) = (plugin.executable, plugin.directory)
        switch attack {
        case .rewritten: try directory.write("place/tool", wrong, mode: 0o775)
        case .replaced:
            try directory.write("other", wrong, mode: 0o755)
            try #require(rename("\(directory.path)/other", path) == 0)
        case .linked:
            try directory.write("other", wrong, mode: 0o755)
            try removeFile(path)
            try #require(symlink("../other", path) == 0)
        case .directoryRenamed:
            try #require(rename(place, place + ".old") == 0)
            try directory.write("place/tool", wrong, mode: 0o755)
        case .directoryLinked:
            try #require(rename(place, place + ".old") == 0)
            try directory.write("other/tool", wrong, mode: 0o755)
            try #require(symlink("other", place) == 0)
        }
    }

    @Test("whatever is done to its path or its content between the two", arguments: Attack.allCases)
    func attacked(attack: Attack) throws {
        let program = try #require(try pinnedProgram(of: plugin, pin: pin))
        try carryOut(attack)
        #expect(try run(nil) == "wrong\n", "the attack would have succeeded")
        #expect(try run(program) == "right\n")
        // And it is seen the next time.
        #expect(throws: PersonaRefusal.self) { try pinnedProgram(of: plugin, pin: pin) }
    }

    @Test("what only root can change is started by its path", .enabled(if: isRoot))
    func roots() throws {
        chmod(plugin.executable, 0o755)
        #expect(try pinnedProgram(of: plugin, pin: pin) == nil)
        try changeOwner(plugin.directory, user: 65534, group: 65534)
        #expect(try pinnedProgram(of: plugin, pin: pin) != nil)
    }

    @Test("without a pin nothing is opened")
    func unpinned() throws {
        #expect(try pinnedProgram(of: plugin, pin: nil) == nil)
    }
}
