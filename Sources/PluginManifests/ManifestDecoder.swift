// From the bytes of a manifest to its meaning, with all that is wrong in one go.

import TomlDocument
import UpdateModel

extension Manifest {
    /// Decodes the manifest of the plugin `name`.
    /// - Parameter file: the path that diagnostics show.
    /// - Throws: all that is wrong with it, with line and column.
    public init(parsing text: [UInt8], file: String, name: PluginName) throws(Diagnostics) {
        self.init(name: name)
        let document: TomlTable
        do { document = try parseToml(text, file: file) } catch { throw Diagnostics([error]) }
        var reader = TomlTableReader(document, file: file)
        readIdentity(&reader)
        readAnswers(&reader)
        readRelations(&reader)
        readStopping(&reader)
        readSurroundings(&reader)
        readPhaseTables(&reader)
        let findings = reader.finish()
        if !findings.isEmpty { throw Diagnostics(findings) }
    }

    private mutating func readIdentity(_ reader: inout TomlTableReader) {
        if let text = reader.string("name"), text != name.rawValue, let entry = reader.entry("name") {
            reader.report(entry, mustBe: "\"\(name)\", as the file is named, not \"\(text)\"")
        }
        description = reader.string("description")
        version = reader.string("version")
        executable = reader.nonEmptyString("executable")
    }

    private mutating func readAnswers(_ reader: inout TomlTableReader) {
        applicableIf = reader.elements("applicable_if", "the name of a program") { $0.isEmpty ? nil : $0 }
        path =
            reader.elements("path", "an absolute path, or one that begins with ~/") { text in
                text.hasPrefix("/") || text.hasPrefix("~/") ? text.contains(":") ? nil : text : nil
            } ?? []
        runAs = reader.nonEmptyString("run_as").map(RunAs.init)
        sudoPrograms = reader.elements("sudo_programs", "an absolute path") { $0.hasPrefix("/") ? $0 : nil }
        separateDownload = reader.boolean("separate_download")
        estimate = reader.boolean("estimate")
        selfUpdate = reader.boolean("self_update") ?? false
        validate = reader.boolean("validate")
        dryRun = reader.boolean("dry_run")
        keepsDownloadRate = reader.boolean("keeps_download_rate") ?? false
        isOnByDefault = reader.boolean("enabled") ?? true
    }

    private mutating func readRelations(_ reader: inout TomlTableReader) {
        requires = reader.plugins("requires", otherThan: name)
        after = reader.plugins("after", otherThan: name)
        conflicts = reader.plugins("conflicts", otherThan: name)
        dynamic = Set(reader.choices("dynamic"))
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
        reader.table("timeouts") { table in
            for command in PluginCommand.allCases {
                guard let text = table.string(command.manifestKey), let entry = table.entry(command.manifestKey)
                else { continue }
                timeouts[command] = Duration(text: text)
                if timeouts[command].map({ $0 <= .zero }) ?? true {
                    table.report(entry, mustBe: "a duration such as \"90s\", \"10m\" or \"1h30m\", not \"\(text)\"")
                }
            }
        }
    }

    private mutating func readPhaseTables(_ reader: inout TomlTableReader) {
        reader.phaseTable("mutexes") { table, key, phase in
            var list = MutexClaims()
            for (text, position) in table.positionedStrings(key) ?? [] {
                do throws(MutexClaims.InvalidClaim) {
                    try list.insert(text)
                } catch {
                    table.report(error.message, at: position)
                }
            }
            claims[phase] = list
        }
        reader.phaseTable("free") { table, key, phase in
            free[phase] = Set(
                (table.positionedStrings(key) ?? []).compactMap { text, position in
                    guard let name = MutexName(text), name != .downloadsPool else {
                        table.report("\"\(text)\" is not the name of a mutex (\(MutexName.rule))", at: position)
                        return nil
                    }
                    return name
                })
        }
        reader.phaseTable("locks") { table, key, phase in
            locks[phase] = table.elements(key, "an absolute path") { $0.hasPrefix("/") ? $0 : nil }
        }
        reader.phaseTable("demand") { table, key, phase in
            table.table(key) { inner in demand[phase] = inner.demand() }
        }
        reader.phaseTable("capabilities") { table, key, phase in
            table.table(key) { inner in capabilities[phase] = inner.capabilityNeeds() }
        }
    }
}

extension TomlTableReader {
    fileprivate mutating func nonEmptyString(_ key: String) -> String? {
        guard let text = string(key), let entry = entry(key) else { return nil }
        if !text.isEmpty, !text.utf8.contains(0) { return text }
        report(entry, mustBe: "a text that is not empty")
        return nil
    }

    /// A list whose elements `convert` takes; the others are reported as not being `expectation`.
    fileprivate mutating func elements<Element>(
        _ key: String, _ expectation: String, _ convert: (String) -> Element?
    ) -> [Element]? {
        guard entry(key) != nil else { return nil }
        return (positionedStrings(key) ?? []).compactMap { text, position in
            if !text.utf8.contains(0), let element = convert(text) { return element }
            report("\"\(text)\" in \"\(key)\" is not \(expectation)", at: position)
            return nil
        }
    }

    fileprivate mutating func plugins(_ key: String, otherThan own: PluginName) -> [PluginName] {
        let rule = "the name of another plugin ([a-z0-9][a-z0-9._-]{0,63})"
        return elements(key, rule) { text in PluginName(text).flatMap { $0 == own ? nil : $0 } } ?? []
    }

    fileprivate mutating func choices<Choice>(_ key: String) -> [Choice]
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
    fileprivate mutating func phaseTable(
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

    fileprivate mutating func demand() -> Demand {
        var demand = Demand()
        if let cpus = number("cpus"), let entry = entry("cpus") {
            if cpus > 0, cpus <= 4096 { demand.cpus = cpus } else { report(entry, mustBe: "a number of CPUs over 0") }
        }
        if let text = string("memory"), let entry = entry("memory") {
            demand.memory = ByteCount(text: text)
            if demand.memory == nil { report(entry, mustBe: "a size such as \"300M\" or \"1.5G\", not \"\(text)\"") }
        }
        return demand
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
