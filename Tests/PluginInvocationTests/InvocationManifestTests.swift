import PluginManifests
import TestSupport
import Testing
import TomlDocument
import UpdateModel

@testable import PluginInvocation

@Suite("What calls need of a manifest")
struct InvocationManifestTests {
    private func read(_ text: String) throws -> InvocationManifest {
        try InvocationManifest(parsing: Array(text.utf8), file: "apt.toml", name: #require(PluginName("apt")))
    }

    private func readWhole(_ text: String) throws -> Manifest {
        try Manifest(parsing: Array(text.utf8), file: "apt.toml", name: #require(PluginName("apt")))
    }

    @Test("is the same whether the rest is read or not")
    func same() throws {
        let manifest = try read(completeManifest)
        #expect(try readWhole(completeManifest).invocation == manifest)
        #expect(manifest.runAs == .root && manifest.dryRun == true && manifest.protectedPhases == [.execute])
        #expect(manifest.stopSignal(for: .execute) == .interrupt)
        #expect(manifest.capabilities != [:] && manifest.settings != [] && manifest.environment != [])
    }

    @Test("leaves what planning needs to planning, but knows the names of its keys")
    func otherKeys() throws {
        for key in InvocationManifest.otherKeys {
            #expect(try read("\(key) = 1979-05-27").runAs == nil, "\(key)")
            #expect(throws: Diagnostics.self, "\(key)") { try readWhole("\(key) = 1979-05-27") }
        }
        let error = #expect(throws: Diagnostics.self) { try read("protected_phase = [\"execute\"]") }
        #expect(error?.description.contains("did you mean \"protected_phases\"?") == true)
    }

    @Test("is refused where something is wrong with it")
    func wrong() {
        for text in ["run_as = 1", "directory = \"here\"", "stop = { execute = \"KILL\" }", "name = \"other\"", "x"] {
            #expect(throws: Diagnostics.self, "\(text)") { try read(text) }
        }
    }
}
