// A table of a plugin's settings, as manifests and configurations have it.

import TomlDocument
import UpdateModel

extension TomlTableReader {
    /// Reads all of the table as settings of `plugin`, in the order of the text; each with the place of its key.
    public mutating func pluginSettings(
        of plugin: PluginName
    ) -> [(setting: PluginSetting, position: TextPosition)] {
        var keys: [String: String] = [:]
        return remainingEntries().compactMap { entry in
            guard let text = environmentText(of: entry) else { return nil }
            let setting = PluginSetting(key: entry.key, value: text)
            let variable = setting.variableName(of: plugin)
            guard isVariableName(variable) else {
                report("\"\(entry.key)\" may have letters, digits, -, . and _ only", at: entry.keyPosition)
                return nil
            }
            if let other = keys.updateValue(entry.key, forKey: variable) {
                report("\"\(entry.key)\" and \"\(other)\" are both \(variable)", at: entry.keyPosition)
            }
            return (setting, entry.keyPosition)
        }
    }

    /// A value as a plugin gets it in its environment.
    mutating func environmentText(of entry: TomlEntry) -> String? {
        switch entry.value.content {
        case .string(let text) where !text.utf8.contains(0): return text
        case .integer(let number): return String(number)
        case .boolean(let flag): return flag ? "true" : "false"
        default:
            report(entry, mustBe: "a string, an integer or a boolean")
            return nil
        }
    }
}

/// Whether a shell takes it as the name of a variable.
func isVariableName(_ text: String) -> Bool {
    guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return text.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x5F, 0x61...0x7A: true
        default: false
        }
    }
}
