// From the bytes of a `config.toml` to one layer, with all that is wrong in one go.

import RunModel
import TomlDocument
import UpdateModel

/// Merges the layers of a configuration, the strongest last.
/// - Parameters:
///   - builtIn: what holds without any file.
///   - commandLine: what options say.
/// - Throws: all that is wrong with any of the texts, sorted by file and position.
public func mergeConfiguration(
    builtIn: Configuration, _ texts: [ConfigurationText], commandLine: Configuration = Configuration()
) throws(Diagnostics) -> Configuration {
    var configuration = builtIn
    var findings: [Diagnostic] = []
    for text in texts {
        do throws(Diagnostics) {
            configuration.merge(try Configuration(parsing: text))
        } catch {
            findings += error.list
        }
    }
    guard findings.isEmpty else { throw Diagnostics(findings) }
    configuration.merge(commandLine)
    return configuration
}

extension Configuration {
    /// Decodes one file.
    /// - Throws: all that is wrong with it.
    public init(parsing text: ConfigurationText) throws(Diagnostics) {
        self.init()
        let document: TomlTable
        do { document = try parseToml(text.bytes, file: text.file) } catch { throw Diagnostics([error]) }
        var reader = TomlTableReader(document, file: text.file)
        func origin(_ position: TextPosition) -> ConfigurationOrigin {
            ConfigurationOrigin(layer: text.layer, file: text.file, position: position)
        }
        readPolicy(&reader, origin: origin)
        if let method: ElevationMethod = reader.choice("elevate"), let entry = reader.entry("elevate") {
            elevation = Configured(method, origin(entry.value.position))
        }
        reader.table("plugins") { table in readSwitches(&table, origin: origin) }
        readSettings(&reader, origin: origin)
        reader.table("display") { table in readDisplay(&table, origin: origin) }
        reader.table("keys") { table in
            for entry in table.remainingEntries() {
                table.report("\"\(entry.key)\" in [keys]: no display of this version has keys", at: entry.keyPosition)
            }
        }
        let findings = reader.finish()
        if !findings.isEmpty { throw Diagnostics(findings) }
    }

    private typealias Origin = (TextPosition) -> ConfigurationOrigin

    private mutating func readPolicy(_ reader: inout TomlTableReader, origin: Origin) {
        guard let text = reader.string("policy"), let entry = reader.entry("policy") else { return }
        if text.isEmpty || text.utf8.contains(0) {
            return reader.report(entry, mustBe: "the name of a shipped policy, or the path of a file")
        }
        let isRelativePath = !text.hasPrefix("/") && (text.contains("/") || text.hasSuffix(".toml"))
        let folder = reader.file.lastIndex(of: "/").map { String(reader.file[...$0]) } ?? ""
        policy = Configured(isRelativePath ? folder + text : text, origin(entry.value.position))
    }

    private mutating func readSwitches(_ reader: inout TomlTableReader, origin: Origin) {
        for (key, isOn) in [("enable", true), ("disable", false)] {
            for (text, position) in reader.positionedStrings(key) ?? [] {
                guard let name = PluginName(text) else {
                    reader.report(Self.invalidName(text), at: position)
                    continue
                }
                if let other = switches[name], other.value != isOn {
                    reader.report("\"\(name)\" is in \"enable\" of this file as well", at: position)
                }
                switches[name] = Configured(isOn, origin(position))
            }
        }
    }

    private mutating func readSettings(_ reader: inout TomlTableReader, origin: Origin) {
        reader.table("plugin") { plugins in
            for entry in plugins.remainingEntries() {
                guard let name = PluginName(entry.key) else {
                    plugins.report(Self.invalidName(entry.key), at: entry.keyPosition)
                    continue
                }
                plugins.table(entry) { table in
                    for (setting, position) in table.pluginSettings(of: name) {
                        add(Configured(setting, origin(position)), of: name)
                    }
                }
            }
        }
    }

    private mutating func readDisplay(_ reader: inout TomlTableReader, origin: Origin) {
        func configured<Value>(_ value: Value?, _ entry: TomlEntry?) -> Configured<Value>? {
            if let value, let entry { Configured(value, origin(entry.value.position)) } else { nil }
        }
        display = configured(reader.choice("ui"), reader.entry("ui"))
        colour = configured(reader.choice("color"), reader.entry("color"))
        isVerbose = configured(reader.boolean("verbose"), reader.entry("verbose"))
    }

    private static func invalidName(_ text: String) -> String {
        "\"\(text)\" cannot be the name of a plugin ([a-z0-9][a-z0-9._-]{0,63})"
    }
}
