// Reads a table with typed getters and collects everything that is wrong with it, so that a person mends a file once.

import UpdateModel

/// A reader of one table. Ask for every key that may be there, then call `finish`, which reports the keys
/// that nobody asked for:
///
///     var reader = TomlTableReader(table, file: "plugin.toml")
///     let name = reader.string("name", required: true)
///     reader.table("timeouts") { inner in … }
///     let diagnostics = reader.finish()
///
/// A getter answers `nil` where the key is missing or its value is of another type; the latter is reported.
public struct TomlTableReader: Sendable {
    public let table: TomlTable
    public let file: String
    /// The table's name as in a header: `["plugin", "apt"]`; empty for the document.
    public let path: [String]
    private var asked: Set<String> = []
    private var diagnostics: [Diagnostic] = []

    public init(_ table: TomlTable, file: String, path: [String] = []) {
        self.table = table
        self.file = file
        self.path = path
    }

    // MARK: Values of any type

    /// The entry of `key`, which thereby is a known one.
    public mutating func entry(_ key: String, required: Bool = false) -> TomlEntry? {
        asked.insert(key)
        if let entry = table[key] { return entry }
        if required { report("\(quoted(key)) is missing\(place)", at: table.position) }
        return nil
    }

    /// The entries that no getter has asked for so far; they become known ones.
    public mutating func remainingEntries() -> [TomlEntry] {
        let rest = table.entries.filter { !asked.contains($0.key) }
        asked.formUnion(rest.map(\.key))
        return rest
    }

    public mutating func report(_ message: String, at position: TextPosition?) {
        diagnostics.append(Diagnostic(file: file, position: position, message: message))
    }

    /// Reports that an entry's value is not what it should be: `"parallel" in [run] must be …`, at the value.
    public mutating func report(_ entry: TomlEntry, mustBe expectation: String) {
        report("\(quoted(entry.key))\(place) must be \(expectation)", at: entry.value.position)
    }

    // MARK: Typed values

    public mutating func string(_ key: String, required: Bool = false) -> String? {
        value(key, required: required, expected: "a string") { if case .string(let text) = $0 { text } else { nil } }
    }

    public mutating func boolean(_ key: String) -> Bool? {
        value(key, expected: "true or false") { if case .boolean(let flag) = $0 { flag } else { nil } }
    }

    /// A floating-point number or an integer.
    public mutating func number(_ key: String) -> Double? {
        value(key, expected: "a number") {
            switch $0 {
            case .float(let number): number
            case .integer(let number): Double(number)
            default: nil
            }
        }
    }

    /// Elements that are no strings are reported one by one and left out.
    public mutating func strings(_ key: String) -> [String]? {
        positionedStrings(key).map { $0.map(\.text) }
    }

    /// The same with the place of each.
    public mutating func positionedStrings(_ key: String) -> [(text: String, position: TextPosition)]? {
        guard let entry = entry(key) else { return nil }
        guard case .array(let elements) = entry.value.content else {
            report(entry, mustBe: "a list of strings, not \(entry.value.kind)")
            return nil
        }
        return elements.compactMap { element in
            if case .string(let text) = element.content { return (text, element.position) }
            reportElement(element, of: key, mustBe: "a list of strings")
            return nil
        }
    }

    /// One of the raw values of an enumeration.
    public mutating func choice<Choice>(_ key: String, of type: Choice.Type = Choice.self) -> Choice?
    where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
        guard let text = string(key), let entry = table[key] else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        let names = Choice.allCases.map(\.rawValue)
        let list = names.map(quoted).joined(separator: ", ")
        report(entry, mustBe: "one of \(list), not \(quoted(text))\(didYouMean(text, in: names))")
        return nil
    }

    /// Reads a table within this one. What is wrong with it, unknown keys included, is reported with the rest here.
    @discardableResult
    public mutating func table<Result>(
        _ key: String, required: Bool = false, _ read: (inout TomlTableReader) -> Result
    ) -> Result? {
        guard let entry = entry(key, required: required) else { return nil }
        return table(entry, read)
    }

    /// The same for an entry that is at hand, of `remainingEntries` say.
    @discardableResult
    public mutating func table<Result>(_ entry: TomlEntry, _ read: (inout TomlTableReader) -> Result) -> Result? {
        guard case .table(let inner) = entry.value.content else {
            let header = "[\((path + [entry.key]).joined(separator: "."))]"
            report(entry, mustBe: "a table \(header), not \(entry.value.kind)")
            return nil
        }
        var reader = TomlTableReader(inner, file: file, path: path + [entry.key])
        let result = read(&reader)
        diagnostics += reader.finish()
        return result
    }

    /// All that is wrong, in the order of the text, with the keys that nobody asked for.
    public mutating func finish() -> [Diagnostic] {
        for entry in table.entries where !asked.contains(entry.key) {
            report("unknown key \(quoted(entry.key))\(place)\(didYouMean(entry.key, in: asked))", at: entry.keyPosition)
        }
        asked.formUnion(table.entries.map(\.key))
        return diagnostics.sorted()
    }

    // MARK: -

    private mutating func reportElement(_ element: TomlNode, of key: String, mustBe expectation: String) {
        report("\(quoted(key))\(place) must be \(expectation), and this is \(element.kind)", at: element.position)
    }

    private var place: String { path.isEmpty ? "" : " in [\(path.joined(separator: "."))]" }

    private mutating func value<Value>(
        _ key: String, required: Bool = false, expected: String, _ convert: (TomlNode.Content) -> Value?
    ) -> Value? {
        guard let entry = entry(key, required: required) else { return nil }
        if let value = convert(entry.value.content) { return value }
        report(entry, mustBe: "\(expected), not \(entry.value.kind)")
        return nil
    }
}

/// As a message quotes a name: `"apt"`.
private func quoted(_ text: String) -> String { "\"\(text)\"" }
