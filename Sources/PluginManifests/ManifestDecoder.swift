// From the bytes of a manifest to its meaning, with all that is wrong in one go.

import PluginInvocation
import RunModel
import TomlDocument
import UpdateModel

extension Manifest {
    /// Decodes the manifest of the plugin `name`.
    /// - Parameter file: the path that diagnostics show.
    /// - Throws: all that is wrong with it, with line and column.
    public init(parsing text: [UInt8], file: String, name: PluginName) throws(Diagnostics) {
        self.init(name: name)
        var reader = try TomlTableReader(manifest: text, file: file)
        invocation = InvocationManifest(of: name, from: &reader)
        description = reader.string("description")
        version = reader.string("version")
        readAnswers(&reader)
        readRelations(&reader)
        readTimeouts(&reader)
        readPhaseTables(&reader)
        let findings = reader.finish()
        if !findings.isEmpty { throw Diagnostics(findings) }
    }

    private mutating func readAnswers(_ reader: inout TomlTableReader) {
        applicableIf = reader.elements("applicable_if", "the name of a program") { $0.isEmpty ? nil : $0 }
        path =
            reader.elements("path", "an absolute path, or one that begins with ~/") { text in
                text.hasPrefix("/") || text.hasPrefix("~/") ? text.contains(":") ? nil : text : nil
            } ?? []
        sudoPrograms = reader.elements("sudo_programs", "an absolute path") { $0.hasPrefix("/") ? $0 : nil }
        separateDownload = reader.boolean("separate_download")
        estimate = reader.boolean("estimate")
        selfUpdate = reader.boolean("self_update") ?? false
        validate = reader.boolean("validate")
        keepsDownloadRate = reader.boolean("keeps_download_rate") ?? false
        isOnByDefault = reader.boolean("enabled") ?? true
    }

    private mutating func readRelations(_ reader: inout TomlTableReader) {
        requires = reader.plugins("requires", otherThan: invocation.name)
        after = reader.plugins("after", otherThan: invocation.name)
        conflicts = reader.plugins("conflicts", otherThan: invocation.name)
        dynamic = Set(reader.choices("dynamic"))
    }

    private mutating func readTimeouts(_ reader: inout TomlTableReader) {
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
    }
}

extension TomlTableReader {
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
}
