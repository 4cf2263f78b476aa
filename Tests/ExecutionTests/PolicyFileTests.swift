import Testing
import UpdateModel

@testable import Execution

@Suite("Policies on disk") struct PolicyFileTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        try directory.write("share/policies/background.toml", "[run]\nparallel = 1\n")
        try directory.write("share/policies/workstation.toml", "extends = \"background\"\n[run]\ndownloads = 5\n")
        try directory.write("share/policies/shared-server.toml", "[run]\nparallel = 7\n")
        try directory.write("share/policies/README", "no policy")
    }

    private func places(isSystemWide: Bool = false) -> Places {
        var places = Places(
            environment: [:], executable: "/usr/bin/update-all", userID: isSystemWide ? 0 : 1000,
            home: "\(directory.path)/home", stateDirectory: nil, pluginDirectories: [])
        places.share = "\(directory.path)/share"
        places.system = "\(directory.path)/etc"
        return places
    }

    private func run(choice: String? = nil, _ assignments: [String] = [], isSystemWide: Bool = false) throws
        -> RunSettings
    {
        let machine = MachineFacts(
            hostName: "a", memory: ByteCount(1 << 30), cpus: 2, pageSize: 4096, controllers: [])
        return try loadPolicy(places(isSystemWide: isSystemWide), choice: choice, assignments: assignments)
            .run(on: machine)
    }

    @Test("A person has the workstation's policy, root that of a shared server")
    func defaults() throws {
        #expect(try run().parallel == 1)
        #expect(try run().downloads == 5)
        #expect(try run(isSystemWide: true).parallel == 7)
    }

    @Test("A policy is chosen by its name or by a path, and extends others by name or relative path")
    func choice() throws {
        #expect(try run(choice: "background").downloads == 2)
        let path = try directory.write("own/mine.toml", "extends = \"./parts/part.toml\"\n[run]\nparallel = 4\n")
        try directory.write("own/parts/part.toml", "extends = \"workstation\"\n[run]\ndownloads = 6\n")
        #expect(try run(choice: path).parallel == 4)
        #expect(try run(choice: path).downloads == 6)
        let absolute = try directory.write("own/other.toml", "extends = \"\(directory.path)/own/parts/part.toml\"\n")
        #expect(try run(choice: absolute).downloads == 6)
    }

    @Test("Layers: shipped, /etc and its parts in order, the person's own, --set")
    func layers() throws {
        try directory.write("etc/policy.toml", "[run]\nparallel = 20\n")
        #expect(try run().parallel == 20)
        try directory.write("etc/policy.d/20.toml", "[run]\nparallel = 22\n")
        try directory.write("etc/policy.d/10.toml", "[run]\nparallel = 21\n")
        try directory.write("etc/policy.d/30.bak", "nonsense")
        #expect(try run().parallel == 22)
        try directory.write("home/.config/update-all/policy.toml", "[run]\nparallel = 3\n")
        #expect(try run().parallel == 3)
        #expect(try run(isSystemWide: true).parallel == 22, "root has no file of its own")
        #expect(try run(["run.parallel=2"]).parallel == 2)
    }

    @Test("A name that is no policy's is wrong usage, with the nearest one")
    func unknownName() {
        let error = runError { _ = try run(choice: "workstatoin") }
        #expect(error?.exitCode == .usage)
        #expect(
            error?.description
                == "no policy is called \"workstatoin\" (did you mean \"workstation\"?): there are background, "
                + "shared-server, workstation; a file is given by its path, ./workstatoin")
        let missing = runError { _ = try run(choice: "./gone.toml") }
        #expect(missing?.description == "./gone.toml: there is no such file")
        #expect(missing?.exitCode == .usage)
    }

    @Test("Without shipped policies the built-in one serves")
    func nothingShipped() throws {
        var places = places()
        places.share = nil
        #expect(throws: Never.self) { try loadPolicy(places, choice: nil, assignments: []) }
        let error = runError { _ = try loadPolicy(places, choice: "background", assignments: []) }
        #expect(error?.description.contains("none are installed") == true)
    }

    @Test("What cannot be read, or is no policy, is wrong usage with the file's name")
    func unreadable() throws {
        let wrong = try directory.write("wrong.toml", "[run]\nparalell = 2\n")
        let error = runError { _ = try run(choice: wrong) }
        #expect(error?.exitCode == .usage)
        #expect(error?.description.contains("wrong.toml:2:1") == true)
        try directory.write("etc/policy.toml/inner", "")
        #expect(runError { _ = try run() }?.description.contains("etc/policy.toml: cannot be read") == true)
    }

    @Test("Files are checked each for itself, with what they extend")
    func check() throws {
        let good = try directory.write("good.toml", "extends = \"background\"\n")
        let lost = try directory.write("lost.toml", "extends = \"nothing\"\n")
        let wrong = try directory.write("wrong.toml", "[run]\nparallel = \"x\"\n")
        #expect(try checkPolicies([good], places()) == [])
        let complaints = try checkPolicies([good, lost, wrong], places())
        #expect(complaints.count == 2)
        #expect(complaints[1].contains("wrong.toml:2:"))
        #expect(runError { _ = try checkPolicies(["/no/file.toml"], places()) }?.exitCode == .usage)
    }
}

@Suite("Where things are kept") struct PlaceTests {
    private func places(
        _ environment: [String: String] = [:], executable: String = "/usr/bin/update-all", user: UInt32 = 1000,
        state: String? = nil, plugins: [String] = []
    ) -> Places {
        Places(
            environment: environment, executable: executable, userID: user, home: "/home/alice", stateDirectory: state,
            pluginDirectories: plugins)
    }

    @Test("A person's places follow XDG, relative paths ignored")
    func person() {
        let plain = places()
        #expect(plain.state == "/home/alice/.local/state/update-all")
        #expect(plain.logs == plain.state)
        #expect(plain.userPolicy == "/home/alice/.config/update-all/policy.toml")
        #expect(
            plain.pluginDirectories == [
                "/usr/share/update-all/plugins", "/etc/update-all/plugins.d",
                "/home/alice/.config/update-all/plugins.d",
            ])
        #expect(plain.policies == "/usr/share/update-all/policies")
        let moved = places(["XDG_STATE_HOME": "/s", "XDG_CONFIG_HOME": "relative"])
        #expect(moved.state == "/s/update-all")
        #expect(moved.userPolicy == plain.userPolicy)
    }

    @Test("Root's are the system's")
    func root() {
        let root = places(user: 0)
        #expect(root.state == "/var/lib/update-all")
        #expect(root.logs == "/var/log/update-all")
        #expect(root.userPolicy == nil)
        #expect(root.pluginDirectories == ["/usr/share/update-all/plugins", "/etc/update-all/plugins.d"])
        #expect(root.runDirectory(RunID("20261121-073012-1")!) == "/var/log/update-all/runs/20261121-073012-1")
    }

    @Test("--state-dir has state and logs, and --plugin-dir replaces every other place")
    func options() {
        let places = places(["UPDATE_ALL_PLUGIN_PATH": "/x:/y"], state: "/d", plugins: ["/p"])
        #expect(places.state == "/d")
        #expect(places.logs == "/d")
        #expect(places.pluginDirectories == ["/p"])
        #expect(self.places(["UPDATE_ALL_PLUGIN_PATH": "/x:/y"]).pluginDirectories.suffix(2) == ["/x", "/y"])
    }

    @Test(
        "A program in its build folder has the source tree's policies and no plugins; companions are beside it or in libexec"
    )
    func buildFolder() throws {
        let tree = try TemporaryDirectory()
        try tree.write("policies/a.toml", "")
        try tree.write(".build/release/update-all-guardian", "", mode: 0o755)
        let built = places(executable: "\(tree.path)/.build/release/update-all")
        #expect(built.share == tree.path)
        #expect(built.guardian == "\(tree.path)/.build/release/update-all-guardian")
        #expect(!built.pluginDirectories.contains { $0.hasPrefix(tree.path) })
        try tree.write("prefix/libexec/update-all/update-all-guardian", "", mode: 0o755)
        #expect(
            places(executable: "\(tree.path)/prefix/bin/update-all").guardian
                == "\(tree.path)/prefix/libexec/update-all/update-all-guardian")
        #expect(places(executable: "/nowhere/at/all/update-all").share == nil)
        #expect(places(executable: "/nowhere/at/all/update-all").policies == nil)
    }
}

@Suite("The list of policies") struct PolicyListTests {
    @Test("names all that are shipped, which is in use, what it extends, and the files over it")
    func list() throws {
        let directory = try TemporaryDirectory()
        try directory.write("share/policies/background.toml", "description = \"behind\"\n")
        try directory.write("share/policies/broken.toml", "[rnu]\n[step]\nnice = 90\n")
        try directory.write("share/policies/workstation.toml", "extends = \"background\"\ndescription = \"own\"\n")
        try directory.write("etc/policy.toml", "description = \"ours\"\n")
        let mine = try directory.write("mine.toml", "extends = \"background\"\n")
        var places = Places(
            environment: [:], executable: "/usr/bin/update-all", userID: 1000, home: "\(directory.path)/home",
            stateDirectory: nil, pluginDirectories: [])
        places.share = "\(directory.path)/share"
        places.system = "\(directory.path)/etc"
        let entries = try listPolicies(places, choice: nil)
        #expect(entries.map(\.name) == ["background", "broken", "workstation", "policy"])
        #expect(entries.map(\.use) == [.extended, .none, .base, .over])
        #expect(entries.map(\.description) == ["behind", nil, "own", "ours"])
        #expect(entries.map(\.complaints) == [0, 2, 0, 0])
        let chosen = try listPolicies(places, choice: mine)
        #expect(chosen.map(\.use) == [.extended, .none, .none, .base, .over])
        #expect(chosen[3].name == mine && chosen[3].file == mine)
    }
}
