import Glibc
import LinuxSystem
import Spawning
import SystemPackage
import Testing
import UpdateModel

@testable import Execution

@Suite("Plugins on disk") struct PluginFinderTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("Executables and manifests are found through symbolic links; what is neither is passed over")
    func finding() throws {
        try directory.script("p/apt", "true")
        try directory.write("p/apt.toml", "name = \"apt\"\nrun_as = \"root\"\n")
        try directory.script("elsewhere/tool.sh", "--dry-run")
        directory.link("p/linked", to: "../elsewhere/tool.sh")
        directory.link("p/broken", to: "../elsewhere/gone")
        directory.link("p/loop", to: "loop")
        try directory.write("p/notes", "text")
        try directory.write("p/plain.sh", "#!/bin/sh\n", mode: 0o755)
        try directory.script("p/folder/inner", "true")
        let found = findPlugins(in: ["\(directory.path)/p", "\(directory.path)/absent"])
        #expect(found.problems == [])
        #expect(found.plugins.map(\.name.rawValue) == ["apt", "linked", "plain"])
        #expect(found.plugins[0].manifest?.runAs == .root)
        #expect(found.plugins[1].speaksProtocol)
        #expect(found.plugins[1].allowsDryRun)
        #expect(!found.plugins[2].speaksProtocol)
    }

    @Test("A manifest that cannot be read leaves its plugin out, since nobody knows what it protects")
    func unreadable() throws {
        try directory.script("p/big", "true")
        try directory.write("p/big.toml", "# " + String(repeating: "x", count: 1 << 20))
        let found = findPlugins(in: ["\(directory.path)/p"])
        #expect(found.plugins.isEmpty)
        #expect(
            found.problems.map(\.description) == [
                "\(directory.path)/p/big.toml: the manifest cannot be read: File too large."
                    + " Without it the plugin is left out"
            ])
    }

    @Test("A place that cannot be read is a problem, since there may be plugins in it; one that is not there is none")
    func unreadableDirectory() throws {
        let file = try directory.write("file", "")
        let found = findPlugins(in: [file, "\(directory.path)/absent"])
        #expect(
            found.problems.map(\.description) == [
                "\(file): the directory cannot be read: Not a directory. Its plugins are left out"
            ])
    }

    @Test("A later directory overrides an earlier one, and a manifest that is broken is a problem with a place")
    func overriding() throws {
        try directory.script("one/a", "true")
        try directory.script("two/a", "true")
        try directory.write("two/b.toml", "nam = 1\n")
        let found = findPlugins(in: ["\(directory.path)/one", "\(directory.path)/two"])
        #expect(found.plugins.map(\.executable) == ["\(directory.path)/two/a"])
        #expect(found.problems.first?.description.contains("two/b.toml:1:1") == true)
    }

    @Test("A manifest's executable must be there", arguments: ["/no/such/file", "."])
    func missingExecutable(path: String) throws {
        try directory.write("a.toml", "executable = \"\(path)\"\n")
        let found = findPlugins(in: [directory.path])
        #expect(found.plugins == [])
        #expect(found.problems.count == 1)
    }

    @Test("A slash at the end of a directory's path is not doubled in those of its plugins")
    func trailingSlash() throws {
        try directory.script("a", "true")
        #expect(findPlugins(in: ["\(directory.path)//"]).plugins.map(\.executable) == ["\(directory.path)/a"])
    }

    @Test("Words of the protocol are found wherever they are in a large file")
    func largeFile() throws {
        let filler = String(repeating: "x", count: 65_530)
        try directory.write("big", "\(filler)is-applicable\(filler)--dry-run", mode: 0o755)
        let found = findPlugins(in: [directory.path]).plugins
        #expect(found.first?.speaksProtocol == true)
        #expect(found.first?.allowsDryRun == true)
    }

    @Test("The components of a path are those of its links' targets, too")
    func components() throws {
        try directory.script("real/tool", "true")
        directory.link("absolute", to: "\(directory.path)/real")
        directory.link("real/relative", to: "../absolute/./tool")
        let components = try pathComponents(of: "\(directory.path)/absolute/relative")
        let paths = components.map(\.path)
        #expect(paths.first == "/")
        #expect(paths.last == "\(directory.path)/real/tool")
        #expect(paths.contains("\(directory.path)/absolute"))
        #expect(paths.contains("\(directory.path)/real/relative"))
        #expect(components.filter { $0.kind == .symbolicLink }.count == 3)
        #expect(components.last?.kind == .file)
        #expect(components.last?.mode == 0o755)
        #expect(components.last?.owner == geteuid())
        #expect(try pathComponents(of: "/../..").map(\.path) == ["/"])
    }

    @Test("Links in a circle, and what does not exist, are errors")
    func circle() throws {
        directory.link("a", to: "b")
        directory.link("b", to: "a")
        #expect(throws: Errno.tooManySymbolicLinkLevels) { try pathComponents(of: "\(directory.path)/a") }
        #expect(throws: Errno.noSuchFileOrDirectory) { try pathComponents(of: "\(directory.path)/c") }
    }

    @Test("Paths are made absolute from where we are")
    func absolute() {
        #expect(absolutePath("/a/b") == "/a/b")
        #expect(absolutePath("a").hasSuffix("/a"))
        #expect(absolutePath("a").hasPrefix("/"))
    }

    @Test("Programs are executable files of the PATH; directories are none")
    func programs() throws {
        try directory.script("bin/tool", "true")
        try directory.write("bin/data", "x")
        try directory.script("bin/folder/inner", "true")
        let lookup = ProgramLookup(path: "/nowhere:\(directory.path)/bin")
        #expect(lookup.isOnPath("tool"))
        #expect(!lookup.isOnPath("data"))
        #expect(!lookup.isOnPath("folder"), "a directory can be entered, not run")
        #expect(!lookup.isOnPath("absent"))
        #expect(lookup.isOnPath("\(directory.path)/bin/tool"))
        try removeFile("\(directory.path)/bin/tool")
        #expect(lookup.isOnPath("tool"), "asked once")
    }
}
