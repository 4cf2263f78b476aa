import PluginManifests
import Testing
import TomlDocument
import UpdateModel

@testable import PluginProtocol

@Suite struct PluginReviewTests {
    private static let full = """
        applicable_if = []
        run_as = "user"
        estimate = false
        separate_download = false
        """

    private func review(_ script: String, manifest: String? = full, programs: Set<String> = ["/bin/sh"]) throws
        -> [String]
    {
        let name = try #require(PluginName("a"))
        let bytes = manifest.map { Array($0.utf8) }
        let file = PluginFile(path: "/p/a", contents: Array(script.utf8))
        let plugin = DiscoveredPlugin(
            name: name, directory: "/p", executable: "/p/a",
            manifest: try bytes.map { try Manifest(parsing: $0, file: "/p/a.toml", name: name) },
            manifestPath: manifest == nil ? nil : "/p/a.toml",
            mentions: file.commands.contains(.isApplicable) ? .isApplicable : [])
        return PluginReview(of: plugin, manifestText: bytes, file: file, isProgram: programs.contains).findings
            .map(\.description)
    }

    @Test func `A plugin whose manifest and script fit each other has nothing to be said of it`() throws {
        #expect(try review("#!/bin/sh\ncase $1 in update) ;; *) exit 2 ;; esac\n") == [])
        #expect(try review("\u{7F}ELF\0", manifest: Self.full) == [])
    }

    @Test(
        arguments: [
            ("", "/p/a: error: it is empty"),
            (
                "echo\n",
                "/p/a: error: it does not begin with #!, so that the kernel cannot start it: begin it with #!/bin/sh"
            ),
            ("#!\n", "/p/a: error: no interpreter follows #! in its first line"),
            ("#! /usr/bin/perl -w\n", "/p/a: error: /usr/bin/perl, its interpreter, is not on this machine"),
            ("#!/bin/env ruby\n", "/p/a: error: /bin/env, its interpreter, is not on this machine"),
            (
                "#!/bin/sh\r\necho\r\n",
                "/p/a: error: its lines end in carriage returns, which become part of the interpreter's name:"
                    + " convert it with: sed -i 's/\\r$//' /p/a"
            ),
        ])
    func `A first line that the kernel cannot use is an error`(script: String, finding: String) throws {
        #expect(try review(script) == [finding])
    }

    @Test func `An interpreter that env looks for must be there`() throws {
        #expect(try review("#!/bin/env ruby\n", programs: ["/bin/env", "ruby"]) == [])
        let findings = try review("#!/bin/env ruby\n", programs: ["/bin/env"])
        #expect(findings == ["/p/a: error: ruby, its interpreter, is not on this machine"])
        #expect(try review("#!/bin/env -S ruby -w\n", programs: ["/bin/env"]) == [])
    }

    @Test func `What the manifest promises and the script does not have is a warning at its line`() throws {
        let manifest = """
            applicable_if = []
            run_as = "user"
            estimate = true
            separate_download = true
            self_update = true
            dry_run = true
            """
        #expect(
            try review("#!/bin/sh\n", manifest: manifest) == [
                "/p/a.toml:6:1: warning: --dry-run is not in /p/a: what is to be a dry run would be an update",
                "/p/a.toml:5:1: warning: self-update is not in /p/a",
                "/p/a.toml:4:1: warning: download is not in /p/a",
                "/p/a.toml:3:1: warning: estimate-update is not in /p/a",
            ])
        #expect(try review("#!/bin/sh\n# --dry-run self-update download estimate-update", manifest: manifest) == [])
    }

    @Test func `What the manifest leaves open and the script does not answer is told with the line to add`() throws {
        #expect(
            try review("#!/bin/sh\n", manifest: "") == [
                "/p/a.toml: error: add applicable_if = [], since /p/a does not answer is-applicable:"
                    + " it would never apply",
                "/p/a.toml: warning: add estimate = false, since /p/a does not answer estimate-update:"
                    + " each plan begins with a warning",
                "/p/a.toml: note: add run_as = \"user\", since /p/a does not answer does-require-sudo:"
                    + " a process more before each plan",
                "/p/a.toml: note: add separate_download = false, since /p/a does not answer can-separate-download:"
                    + " a process more before each plan",
            ])
        let script = "#!/bin/sh\n# is-applicable estimate-update does-require-sudo can-separate-download"
        #expect(try review(script, manifest: "") == [])
    }

    @Test func `A plugin without a manifest is told what that costs`() throws {
        #expect(
            try review("#!/bin/sh\n", manifest: nil) == [
                "/p/a: note: it has no manifest and does not mention is-applicable: it is asked nothing and always runs"
            ])
        #expect(
            try review("#!/bin/sh\n# is-applicable", manifest: nil) == [
                "/p/a: note: without a manifest it is asked up to 15 questions before each plan;"
                    + " a.toml would answer them"
            ])
    }
}
