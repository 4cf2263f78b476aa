import Testing

@testable import Execution

@Suite("Reviewing plugins on disk") struct PluginReviewingTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private let path = "/usr/local/bin:/usr/bin:/bin"

    @Test("The bundled plugins have no mistake that their files show")
    func bundled() throws {
        let checkout = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        let found = try findPlugins(at: "\(checkout)/contrib/plugins")
        #expect(!found.plugins.isEmpty && found.problems == [])
        // Whose they are says nothing of where they will be installed.
        let findings = found.plugins.flatMap { review($0, programPath: path) }
            .filter { $0.weight != .note && !$0.diagnostic.message.contains("as root it would not run here") }
        #expect(findings == [])
    }

    @Test("A plugin is found by its directory, its executable and its manifest")
    func finding() throws {
        try directory.script("p/a.sh", "true")
        try directory.write("p/a.toml", "applicable_if = []\n")
        try directory.script("p/b", "true")
        for name in ["a.sh", "a.toml"] {
            #expect(try findPlugins(at: "\(directory.path)/p/\(name)").plugins.map(\.name.rawValue) == ["a"])
        }
        #expect(try findPlugins(at: "\(directory.path)/p").plugins.map(\.name.rawValue) == ["a", "b"])
        try directory.write("p/b.toml", "nme = 1\n")
        let broken = try findPlugins(at: "\(directory.path)/p/b")
        #expect(broken.plugins.isEmpty && broken.problems.count == 1)
        #expect(try findPlugins(at: "\(directory.path)/p/a.sh").problems == [])
    }

    @Test("Commands count that stand in a file which the plugin reads")
    func shared() throws {
        try directory.script("p/a", ". \"${0%/*}/common.sh\"")
        try directory.write(
            "p/a.toml", "applicable_if = []\nrun_as = \"user\"\nseparate_download = false\nestimate = true\n")
        let plugin = try #require(try findPlugins(at: "\(directory.path)/p/a").plugins.first)
        #expect(
            review(plugin, programPath: path).map(\.diagnostic.message) == [
                "estimate-update is not in \(directory.path)/p/a"
            ])
        try directory.write("p/common.sh", "case $1 in estimate-update) ;; esac\n")
        #expect(review(plugin, programPath: path) == [])
    }
}
