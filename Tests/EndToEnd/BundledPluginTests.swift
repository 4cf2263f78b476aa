import Glibc
import JSONDocument
import Testing

/// Bundled plugins as they are shipped, on real tools: a clone, a virtual environment and an application that are behind.
@Suite(.timeLimit(.minutes(5)))
struct BundledPluginTests {
    let site: Site
    init() throws { site = try Site() }

    private var plugins: String { "\(checkout)/contrib/plugins" }

    /// Installs a bundled plugin, with `settings` in the place of those of its manifest.
    /// - Parameter environment: of the tool, as an inline table.
    private func install(_ name: String, settings: String, environment: String = "{}") throws {
        try shell("cp '\(plugins)/common.sh' '\(plugins)/\(name)' '\(site.path)/plugins/'")
        let manifest = String(decoding: try site.read("\(plugins)/\(name).toml"), as: UTF8.self)
        let head = try #require(manifest.range(of: "\n[mutexes]") ?? manifest.range(of: "\n[demand]"))
        let demand = try #require(manifest.range(of: "\n[settings]"))
        try site.write(
            "plugins/\(name).toml",
            "\(manifest[..<head.lowerBound])\nenvironment = \(environment)\n"
                + "\(manifest[head.lowerBound..<demand.lowerBound])\n[settings]\n\(settings)\n")
    }

    /// Runs it, which may compile nothing and fetch nothing, but starts several interpreters.
    private func run() throws -> [JSONValue] {
        let ended = try site.start(["run", "--yes", "--ui", "json"] + site.places).finish(limit: 120)
        #expect(ended.code == 0, "\(ended.errorText)\n\(ended.text)")
        return try ended.events
    }

    /// The packages of the result, `NAME FROM TO`.
    private func updated(_ events: [JSONValue]) -> [String] {
        events.ofType("result").flatMap { $0["packages"]?.arrayValue ?? [] }.map { package in
            ["name", "from", "to"].compactMap { package[$0]?.stringValue }.joined(separator: " ")
        }
    }

    /// That there is nothing left to do.
    private func expectUpToDate(_ name: String) throws {
        let ended = try site.start(["check"] + site.places).finish(limit: 120)
        #expect(ended.code == 0, "\(ended.errorText)\n\(ended.text)")
        #expect(ended.text.contains("Up to date: \(name)"), "\(ended.text)")
    }

    private func prepare(_ script: String) throws -> String {
        let ended = try Program(
            "/bin/sh", ["-ec", "cd '\(site.path)'\n\(script)"],
            environment: ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": site.path]
        ).finish(limit: 120)
        try #require(ended.code == 0, "\(ended.errorText)\n\(ended.text)")
        return ended.text
    }

    private static func isThere(_ program: String) -> Bool { access("/usr/bin/\(program)", X_OK) == 0 }

    @Test("All bundled plugins have valid manifests")
    func manifests() throws {
        let ended = try site.start(["list", "--plugin-dir", plugins, "--state-dir", "\(site.path)/state"]).finish()
        #expect(ended.code == 0)
        #expect(ended.errorText == "")
        let names = try shell("ls '\(plugins)' | sed -n 's/\\.toml$//p'").split(separator: "\n")
        #expect(names.count >= 9)
        for name in names { #expect(ended.text.contains("\n  \(name) "), "\(name)") }
    }

    @Test("A clone is fetched, then forwarded; then it is up to date", .enabled(if: isThere("git"), "git is missing"))
    func git() throws {
        let commits = try prepare(
            """
            export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@localhost
            export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@localhost
            git init --quiet --initial-branch=main upstream
            git -C upstream commit --quiet --allow-empty --message one
            git clone --quiet upstream clone
            git -C upstream commit --quiet --allow-empty --message two
            git -C upstream log --reverse --abbrev=10 --format=%h
            """
        ).split(separator: "\n")
        try install("git", settings: "repositories = \"\(site.path)/clo*\"")
        let events = try run()
        #expect(updated(events) == ["\(site.path)/clone \(commits[0]) \(commits[1])"])
        #expect(events.ofType("phase_start").map { $0["phase"]?.stringValue } == ["download", "execute"])
        try expectUpToDate("git")
    }

    /// An index in a directory, and the environment that makes it pip's only one.
    private func index(_ wheels: String...) throws -> String {
        for wheel in wheels {
            _ = try prepare("python3 '\(checkout)/contrib/demo/make-wheel' index \(wheel)")
        }
        return "{ PIP_CONFIG_FILE = \"/dev/null\", PIP_NO_INDEX = \"1\", PIP_FIND_LINKS = \"\(site.path)/index\" }"
    }

    private let useIndex = "export PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_FIND_LINKS=$PWD/index"

    @Test(
        "A package in a virtual environment is upgraded; then it is up to date",
        .enabled(if: isThere("python3"), "python3 is missing"))
    func pip() throws {
        _ = try index("demo-wheel 1.0")
        _ = try prepare("\(useIndex)\npython3 -m venv venv\nvenv/bin/python -m pip install demo-wheel")
        let environment = try index("demo-wheel 2.0")
        try install("pip", settings: "environments = \"\(site.path)/venv\"\nuser = false", environment: environment)
        let events = try run()
        #expect(updated(events) == ["demo-wheel (\(site.path)/venv) 1.0 2.0"])
        try expectUpToDate("pip")
    }

    @Test(
        "An application of pipx is upgraded; then it is up to date", .enabled(if: isThere("pipx"), "pipx is missing"))
    func pipx() throws {
        _ = try index("wheel 0.1", "demo-app 1.0")
        _ = try prepare("\(useIndex)\nPIPX_HOME=$PWD/pipx PIPX_BIN_DIR=$PWD/bin pipx install demo-app")
        let environment = try index("demo-app 2.0")
        try install(
            "pipx", settings: "home = \"\(site.path)/pipx\"\nbin_directory = \"\(site.path)/bin\"",
            environment: environment)
        let events = try run()
        #expect(updated(events) == ["demo-app 1.0 2.0"])
        try expectUpToDate("pipx")
    }
}
