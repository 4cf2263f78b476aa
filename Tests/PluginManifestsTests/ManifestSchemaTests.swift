import Foundation
import PluginInvocation
import TestSupport
import Testing
import TomlDocument
import UpdateModel

@testable import PluginManifests

/// contrib/schema/plugin.schema.json, which editors use, and the decoder say the same.
@Suite("The schema of manifests")
struct ManifestSchemaTests {
    private static let checkout = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
    private let schema: JSONSchema

    init() throws { schema = try JSONSchema(contentsOf: "\(Self.checkout)/contrib/schema/plugin.schema.json") }

    private func isValid(_ text: String) throws -> (schema: Bool, decoder: Bool) {
        let table = try parseToml(Array(text.utf8), file: "a")
        let decoded = try? Manifest(parsing: Array(text.utf8), file: "a.toml", name: #require(PluginName("a")))
        return (try schema.accepts(SchemaValue(.table(table))), decoded != nil)
    }

    @Test("has the keys that the decoder asks for, and no others")
    func keys() throws {
        let decoders = ["PluginInvocation/InvocationManifestDecoder", "PluginManifests/ManifestDecoder"]
        let source = try decoders.map { decoder in
            try String(contentsOfFile: "\(Self.checkout)/Sources/\(decoder).swift", encoding: .utf8)
        }.joined()
        let asked = source.matches(of: /\breader\.\w+\("(\w+)"/).map { String($0.1) }
        #expect(asked.count > 20)
        #expect(Set(asked) == Set((schema.root["properties"] as? [String: Any] ?? [:]).keys))
        let timeouts = schema.at("properties", "timeouts", "properties")
        #expect(Set(timeouts.keys) == Set(PluginCommand.allCases.map(\.manifestKey)))
        #expect(
            schema.at("properties", "dynamic", "items")["enum"] as? [String]
                == [
                    DynamicKey.applicableIf, .sudoPrograms, .requires, .after, .conflicts, .mutexes, .free,
                ].map(\.rawValue))
        #expect(Set(DynamicKey.allCases).count == 7)
        #expect(
            schema.at("properties", "stop", "properties", "check")["enum"] as? [String]
                == StopSignal.allCases.map(\.rawValue))
    }

    @Test(
        "accepts and refuses what the decoder does",
        arguments: [
            ("", true), ("name = \"a\"\nversion = \"1\"", true), ("executable = \"\"", false), ("nmae = \"a\"", false),
            ("requires = [\"b\"]", true), ("after = [\"B\"]", false), ("run_as = \"\"", false), ("estimate = 1", false),
            ("dynamic = [\"mutexes\"]", true), ("dynamic = [\"locks\"]", false), ("directory = \"tmp\"", true),
            ("directory = \"somewhere\"", false), ("directory = \"/srv\"", true),
            ("stop = { execute = \"INT\" }", true),
            ("stop = { execute = \"KILL\" }", false), ("protected_phases = [\"execute\"]", true),
            ("protected_phases = [\"update\"]", false), ("environment = { A = \"b\" }", true),
            ("environment = { TMPDIR = \"b\" }", false), ("environment = { UPDATE_ALL_X = \"b\" }", false),
            ("timeouts = { update = \"1h30m\" }", true), ("timeouts = { update = \"0s\" }", false),
            ("timeouts = { update = 90 }", false), ("timeouts = { execute = \"1h\" }", false),
            ("[demand]\nupdate = { cpus = 1.5, memory = \"300M\" }", true), ("[demand]\nupdate = { cpus = 0 }", false),
            ("[demand]\nupdate = { memory = \"300MB\" }", false), ("[mutexes]\nupdate = [\"pkgmgr:apt\"]", true),
            ("[mutexes]\nexecute = [\"a\"]", false), ("[locks]\nupdate = [\"/var/lock\"]", true),
            ("[locks]\nupdate = [\"lock\"]", false), ("[free]\ndownload = [\"x\"]", true),
            ("sudo_programs = [\"/bin/x\"]", true), ("sudo_programs = [\"x\"]", false),
            ("applicable_if = [\"\"]", false), ("path = [\"~/.tool/bin\", \"/opt/tool/bin\"]", true),
            ("path = [\"bin\"]", false), ("path = [\"~alice/bin\"]", false), ("path = [\"/a:/b\"]", false),
            ("[settings]\ndist_upgrade = true", true), ("enabled = false", true), ("self_update = true", true),
            ("validate = true", true), ("validate = 1", false),
            ("[capabilities.update]\ncap_sys_admin = \"mounts\"", true),
            ("[capabilities]\nestimate_update = { NET_RAW = \"pings\" }", true),
            ("[capabilities]\ncap_sys_admin = \"mounts\"", false),
            ("[capabilities.update]\ncap_sys_admn = \"mounts\"", false),
            ("[capabilities.update]\ncap_sys_admin = \"\"", false),
            ("[capabilities.update]\ncap_sys_admin = true", false),
        ])
    func values(text: String, expected: Bool) throws {
        let (bySchema, byDecoder) = try isValid(text)
        #expect(bySchema == expected, "the schema")
        #expect(byDecoder == expected, "the decoder")
    }
}

extension SchemaValue {
    fileprivate init(_ content: TomlNode.Content) {
        switch content {
        case .string(let text), .dateTime(let text): self = .string(text)
        case .integer(let number): self = .integer(number)
        case .float(let number): self = .number(number)
        case .boolean(let flag): self = .boolean(flag)
        case .array(let elements): self = .array(elements.map { SchemaValue($0.content) })
        case .table(let table):
            self = .object(
                Dictionary(uniqueKeysWithValues: table.entries.map { ($0.key, SchemaValue($0.value.content)) }))
        }
    }
}
