// From the bytes of a manifest to what calls need of it, with all that is wrong in one go.

import TomlDocument
import UpdateModel

extension InvocationManifest {
    /// What else a manifest may have: what planning needs.
    static let otherKeys = [
        "description", "version", "enabled", "applicable_if", "path", "sudo_programs", "separate_download", "estimate",
        "self_update", "validate", "keeps_download_rate", "requires", "after", "conflicts", "dynamic", "timeouts",
        "mutexes", "free", "locks", "demand",
    ]

    /// Decodes the manifest of the plugin `name`; of what only planning needs, no more than the names of its keys.
    /// - Parameter file: the path that diagnostics show.
    /// - Throws: all that is wrong with it, with line and column.
    public init(parsing text: [UInt8], file: String, name: PluginName) throws(Diagnostics) {
        var reader = try TomlTableReader(manifest: text, file: file)
        self.init(of: name, from: &reader)
        for key in Self.otherKeys { _ = reader.entry(key) }
        let findings = reader.finish()
        if !findings.isEmpty { throw Diagnostics(findings) }
    }

    /// Reads of a manifest what calls need; what is wrong with it is told by the reader.
    package init(of name: PluginName, from reader: inout TomlTableReader) {
        self.init(name: name)
        readIdentity(&reader)
        readStopping(&reader)
        readSurroundings(&reader)
    }

    private mutating func readIdentity(_ reader: inout TomlTableReader) {
        if let text = reader.string("name"), text != name.rawValue, let entry = reader.entry("name") {
            reader.report(entry, mustBe: "\"\(name)\", as the file is named, not \"\(text)\"")
        }
        executable = reader.nonEmptyString("executable")
        runAs = reader.nonEmptyString("run_as").map(RunAs.init)
        dryRun = reader.boolean("dry_run")
    }

    private mutating func readStopping(_ reader: inout TomlTableReader) {
        protectedPhases = Set(reader.choices("protected_phases"))
        reader.table("stop") { table in
            for phase in Phase.allCases { stop[phase] = table.choice(phase.rawValue) }
        }
    }

    private mutating func readSurroundings(_ reader: inout TomlTableReader) {
        if let text = reader.string("directory"), let entry = reader.entry("directory") {
            switch text {
            case "tmp": directory = .temporary
            case "home": directory = .home
            case _ where text.hasPrefix("/"): directory = .path(text)
            default: reader.report(entry, mustBe: "\"tmp\", \"home\" or an absolute path, not \"\(text)\"")
            }
        }
        reader.table("environment") { table in environment = table.environment() }
        reader.table("settings") { table in settings = table.pluginSettings(of: name).map(\.setting) }
        reader.phaseTable("capabilities") { table, key, phase in
            table.table(key) { inner in capabilities[phase] = inner.capabilityNeeds() }
        }
    }
}

extension TomlTableReader {
    package init(manifest text: [UInt8], file: String) throws(Diagnostics) {
        do {
            self.init(try parseToml(text, file: file), file: file)
        } catch {
            throw Diagnostics([error])
        }
    }

    package mutating func nonEmptyString(_ key: String) -> String? {
        guard let text = string(key), let entry = entry(key) else { return nil }
        if !text.isEmpty, !text.utf8.contains(0) { return text }
        report(entry, mustBe: "a text that is not empty")
        return nil
    }

    package mutating func choices<Choice>(_ key: String) -> [Choice]
    where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
        let names = Choice.allCases.map(\.rawValue)
        return (positionedStrings(key) ?? []).compactMap { text, position in
            if let choice = Choice(rawValue: text) { return choice }
            let list = names.map { "\"\($0)\"" }.joined(separator: ", ")
            report("\"\(text)\" in \"\(key)\" is not one of \(list)\(didYouMean(text, in: names))", at: position)
            return nil
        }
    }

    /// A table with a key for each phase's command. Whoever writes the phase's name there is told the command's.
    package mutating func phaseTable(
        _ key: String, _ read: (inout TomlTableReader, _ key: String, Phase) -> Void
    ) {
        table(key) { table in
            for phase in Phase.allCases {
                let command = PluginCommand(doing: phase).manifestKey
                if table.table[command] != nil { read(&table, command, phase) }
                // Known even where it is missing, for 'did you mean'.
                _ = table.entry(command)
                guard phase.rawValue != command, table.table[phase.rawValue] != nil,
                    let entry = table.entry(phase.rawValue)
                else { continue }
                table.report(
                    "[\(key)] is keyed by command: write \"\(command)\" for the phase \(phase)", at: entry.keyPosition)
            }
        }
    }

    fileprivate mutating func capabilityNeeds() -> [CapabilityNeed] {
        // Known even where they are missing, for 'did you mean'.
        for name in capabilityNames { _ = entry(name) }
        return table.entries.compactMap { entry in
            guard let name = capabilityName(entry.key), let reason = string(entry.key) else { return nil }
            if reason.isEmpty { report(entry, mustBe: "a text that says what needs it") }
            return CapabilityNeed(name: name, reason: reason)
        }
    }

    fileprivate mutating func environment() -> [EnvironmentVariable] {
        remainingEntries().compactMap { entry in
            guard isVariableName(entry.key) else {
                report("\"\(entry.key)\" is not the name of an environment variable", at: entry.keyPosition)
                return nil
            }
            guard !entry.key.hasPrefix("UPDATE_ALL_"), entry.key != "TMPDIR" else {
                report("\"\(entry.key)\" is set by update-all; use [settings]", at: entry.keyPosition)
                return nil
            }
            return environmentText(of: entry).map { EnvironmentVariable(entry.key, $0) }
        }
    }
}
