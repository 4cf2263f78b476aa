// As much of JSON Schema (draft 7) as the schemas for editors use, to compare them with the code.

import Foundation

/// A value as TOML and JSON both have it.
public indirect enum SchemaValue: Sendable {
    case string(String)
    case integer(Int64)
    case number(Double)
    case boolean(Bool)
    case array([SchemaValue])
    case object([String: SchemaValue])

    fileprivate var plain: AnyHashable {
        switch self {
        case .string(let text): text
        case .integer(let number): number
        case .number(let number): number
        case .boolean(let flag): flag
        case .array, .object: "neither a constant nor an element of an enumeration here"
        }
    }
}

/// A schema that says of values whether they are valid. A keyword that it does not know is a failure of the test.
public final class JSONSchema {
    public let root: [String: Any]
    private var expressions: [String: Regex<AnyRegexOutput>] = [:]
    private static let remarks: Set = ["$schema", "title", "description", "definitions"]

    /// - Parameter path: of the file.
    public init(contentsOf path: String) throws {
        let data = try Data(contentsOf: URL(filePath: path))
        guard let root = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
            throw CocoaError(.fileReadCorruptFile)
        }
        self.root = root
    }

    /// The schema at a path of keys.
    public func at(_ keys: String...) -> [String: Any] {
        keys.reduce(root) { schema, key in resolved(schema[key] as? [String: Any] ?? [:]) }
    }

    public func accepts(_ value: SchemaValue) throws -> Bool { try accepts(value, root) }

    private func resolved(_ schema: [String: Any]) -> [String: Any] {
        guard let reference = schema["$ref"] as? String else { return schema }
        return reference.dropFirst(2).split(separator: "/").reduce(root) { $0[String($1)] as? [String: Any] ?? [:] }
    }

    private func accepts(_ value: SchemaValue, _ schema: [String: Any]) throws -> Bool {
        let schema = resolved(schema)
        for (keyword, argument) in schema where !Self.remarks.contains(keyword) {
            guard try holds(keyword, argument, for: value, in: schema) else { return false }
        }
        return true
    }

    private struct UnknownKeyword: Error { let name: String }

    private func holds(_ keyword: String, _ argument: Any, for value: SchemaValue, in schema: [String: Any]) throws
        -> Bool
    {
        let schemas = argument as? [[String: Any]] ?? []
        let number = (argument as? NSNumber)?.doubleValue ?? 0
        switch keyword {
        case "type": return (argument as? [String] ?? [argument as? String ?? ""]).contains { Self.isA($0, value) }
        case "enum": return (argument as? [AnyHashable] ?? []).contains(value.plain)
        case "const": return argument as? AnyHashable == value.plain
        case "anyOf": return try schemas.contains { try accepts(value, $0) }
        case "allOf": return try schemas.allSatisfy { try accepts(value, $0) }
        case "not": return try !accepts(value, argument as? [String: Any] ?? [:])
        case "pattern":
            guard case .string(let text) = value else { return true }
            return try text.firstMatch(of: expression(argument as? String ?? "")) != nil
        case "minLength":
            guard case .string(let text) = value else { return true }
            return text.unicodeScalars.count >= Int(number)
        case "minimum": return Self.number(value).map { $0 >= number } ?? true
        case "maximum": return Self.number(value).map { $0 <= number } ?? true
        case "exclusiveMinimum": return Self.number(value).map { $0 > number } ?? true
        case "items":
            guard case .array(let elements) = value else { return true }
            return try elements.allSatisfy { try accepts($0, argument as? [String: Any] ?? [:]) }
        case "properties", "additionalProperties", "propertyNames", "required", "minProperties":
            guard case .object(let members) = value else { return true }
            return try holds(keyword, argument, for: members, in: schema)
        default: throw UnknownKeyword(name: keyword)
        }
    }

    private func holds(
        _ keyword: String, _ argument: Any, for members: [String: SchemaValue], in schema: [String: Any]
    ) throws -> Bool {
        let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
        switch keyword {
        case "properties":
            return try members.allSatisfy { try accepts($0.value, properties[$0.key] ?? [:]) }
        case "additionalProperties":
            let others = members.filter { properties[$0.key] == nil }
            guard let schema = argument as? [String: Any] else { return others.isEmpty }
            return try others.values.allSatisfy { try accepts($0, schema) }
        case "propertyNames":
            return try members.keys.allSatisfy { try accepts(.string($0), argument as? [String: Any] ?? [:]) }
        case "required": return (argument as? [String] ?? []).allSatisfy { members[$0] != nil }
        default: return members.count >= (argument as? Int ?? 0)
        }
    }

    private func expression(_ pattern: String) throws -> Regex<AnyRegexOutput> {
        if let known = expressions[pattern] { return known }
        let expression = try Regex(pattern)
        expressions[pattern] = expression
        return expression
    }

    private static func isA(_ type: String, _ value: SchemaValue) -> Bool {
        switch (type, value) {
        case ("string", .string), ("integer", .integer), ("number", .integer), ("number", .number),
            ("boolean", .boolean), ("array", .array), ("object", .object):
            true
        default: false
        }
    }

    private static func number(_ value: SchemaValue) -> Double? {
        switch value {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }
}
