import PolicyFixtures
import PolicyReports
import TestSupport
import Testing
import TomlDocument
import UpdateModel

@testable import Policy

/// contrib/schema/policy.schema.json, which editors use, and the parser say the same.
@Suite("The schema of policies")
struct SchemaTests {
    private let schema: JSONSchema

    init() throws {
        let checkout = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        schema = try JSONSchema(contentsOf: "\(checkout)/contrib/schema/policy.schema.json")
    }

    private func accepts(_ text: String) throws -> Bool {
        try schema.accepts(SchemaValue(.table(parseToml(Array(text.utf8), file: "a"))))
    }

    @Test("has in each table the keys that have a meaning there, and no others; each is described")
    func keys() {
        let properties = schema.at("properties")
        let phases = Set(Phase.allCases.map(\.rawValue))
        func expect(_ schema: [String: Any], _ table: PolicyTable, besides others: Set<String> = []) {
            let keys = Set(PolicyKey.allCases.filter { $0.home.includes(table) }.map(\.rawValue)).union(others)
            let found = Set((schema["properties"] as? [String: Any] ?? [:]).keys)
            #expect(found == keys, "contrib/schema/policy.schema.json, \(table.header)")
            #expect(schema["additionalProperties"] as? Bool == false)
        }
        expect(schema.root, .document, besides: Set(PolicyTable.named.keys).union(["step", "plugin"]))
        for (name, table) in PolicyTable.named { expect(properties[name] as? [String: Any] ?? [:], table) }
        expect(schema.at("properties", "step"), .step(nil), besides: phases)
        expect(schema.at("properties", "plugin", "additionalProperties"), .plugin(apt, nil), besides: phases)
        for phase in phases {
            expect(schema.at("properties", "step", "properties", phase), .step(.check))
            expect(
                schema.at("properties", "plugin", "additionalProperties", "properties", phase), .plugin(apt, .check))
        }
    }

    @Test("accepts what the parser accepts", arguments: ValueExamples.accepted)
    func accepted(table: String, line: String) throws {
        #expect(try accepts("[\(table)]\n\(line)"))
    }

    @Test("refuses what the parser refuses", arguments: ValueExamples.refused)
    func refused(table: String, line: String, message: String) throws {
        // What a pattern cannot say, or JSON has no value for.
        let beyond = ["allow = [\"22:00-22:00\"]", "cpu_quota = \"9999999%\"", "load_per_cpu = inf"]
        if beyond.contains(line) { return }
        #expect(try !accepts("[\(table)]\n\(line)"))
    }

    @Test("accepts random policies, and none of them with a key mistyped or in another table")
    func random() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<40 {
            let text = RandomPolicy.text(&generator)
            #expect(try accepts(text), "seed \(seed)\n\(text)")
            #expect(try !accepts(text + "\n[log.x]\ny = 1"), "seed \(seed)")
            #expect(
                try !accepts(text.replacing("[step]\n", with: "[step]\nparallel = 3\n") + "\n[windw]"), "seed \(seed)")
        }
    }

    @Test("knows the capabilities of the parser")
    func capabilities() throws {
        for name in capabilityNames {
            #expect(
                try accepts("[step]\ncapabilities = [\"\(name)\", \"\(name.dropFirst(4).uppercased())\"]"), "\(name)")
        }
    }
}

extension SchemaValue {
    init(_ content: TomlNode.Content) {
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
