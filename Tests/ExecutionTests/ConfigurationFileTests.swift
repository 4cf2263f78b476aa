import Configuration
import Testing
import UpdateModel

@testable import Execution

@Suite("The configuration on disk") struct ConfigurationFileTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        try directory.write("share/policies/background.toml", "[run]\nparallel = 1\n")
        try directory.write("share/policies/workstation.toml", "[run]\nparallel = 5\n")
        try directory.write("share/policies/shared-server.toml", "[run]\nparallel = 7\n")
    }

    private func places(isSystemWide: Bool = false) -> Places {
        var places = Places(
            environment: [:], executable: "/usr/bin/update-all", userID: isSystemWide ? 0 : 1000,
            home: "\(directory.path)/home", stateDirectory: nil, pluginDirectories: [])
        places.share = "\(directory.path)/share"
        places.system = "\(directory.path)/etc"
        return places
    }

    private func load(file: String? = nil, isSystemWide: Bool = false) throws -> Configuration {
        try loadConfiguration(places(isSystemWide: isSystemWide), file: file, commandLine: Configuration())
    }

    private func parallel(isSystemWide: Bool = false) throws -> Int? {
        let machine = MachineFacts(
            hostName: "a", memory: ByteCount(1 << 30), cpus: 2, pageSize: 4096, controllers: [])
        let places = places(isSystemWide: isSystemWide)
        return try loadPolicy(places, load(isSystemWide: isSystemWide), assignments: []).run(on: machine).parallel
    }

    @Test("Layers: the machine's, the person's; a file that is named takes the place of both")
    func layers() throws {
        #expect(try load().display?.origin == .builtIn)
        try directory.write("etc/config.toml", "[display]\nui = 'plain'\ncolor = 'never'\n")
        try directory.write("home/.config/update-all/config.toml", "[display]\nui = 'quiet'\n")
        #expect(try load().display?.value == .quiet)
        #expect(try load().colour?.value == .never)
        #expect(try load(isSystemWide: true).display?.value == .plain, "root has no file of its own")
        let named = try directory.write("named.toml", "[display]\nverbose = true\n")
        #expect(try load(file: named).display?.value == .auto)
        #expect(try load(file: named).isVerbose?.value == true)
    }

    @Test("Its policy takes the shipped default's place")
    func policy() throws {
        #expect(try parallel() == 5)
        #expect(try parallel(isSystemWide: true) == 7)
        try directory.write("etc/config.toml", "policy = 'background'\n")
        #expect(try parallel() == 1)
        try directory.write("home/.config/update-all/config.toml", "policy = './own.toml'\n")
        try directory.write("home/.config/update-all/own.toml", "[run]\nparallel = 3\n")
        #expect(try parallel() == 3)
    }

    @Test("A policy that does not exist is told at the place that names it; one that is wrong, at its own")
    func wrongPolicy() throws {
        let file = try directory.write("etc/config.toml", "policy = 'backgruond'\n")
        let error = runError { _ = try parallel() }
        #expect(error?.exitCode == .usage)
        #expect(error?.description.hasPrefix("\(file):1:10: no policy is called \"backgruond\" (did you") == true)
        try directory.write("share/policies/background.toml", "[rnu]\n")
        try directory.write("etc/config.toml", "policy = 'background'\n")
        #expect(runError { _ = try parallel() }?.description.contains("background.toml:1:2: unknown key") == true)
    }

    @Test("A file that is named and does not exist is wrong usage")
    func missing() throws {
        let error = runError { _ = try load(file: "\(directory.path)/gone.toml") }
        #expect(error?.exitCode == .usage)
        #expect(error?.description == "\(directory.path)/gone.toml: there is no such file")
    }

    @Test("Checking tells what is wrong with one file, its policy and its plugins, and nothing of the others")
    func check() throws {
        try directory.write("etc/config.toml", "nonsense")
        let text = ConfigurationText(layer: .file, file: "a.toml", bytes: Array("[plugins]\nenable = ['x']".utf8))
        let findings = checkConfiguration(text, [], places())
        #expect(findings.errors.isEmpty)
        #expect(findings.warnings == ["a.toml:2:11: warning: there is no plugin \"x\" here"])
        let wrong = ConfigurationText(layer: .file, file: "b.toml", bytes: Array("policy = 'x'".utf8))
        #expect(checkConfiguration(wrong, [], places()).errors.first?.hasPrefix("b.toml:1:10: no policy") == true)
    }
}
