// The rules of sudo that let a person update a machine without a password, as the text of a file of sudoers(5).

import UpdateModel

/// Who is allowed something.
public struct SudoersSubject: Hashable, Sendable {
    public let isGroup: Bool
    public let name: String
    public let number: UInt32

    public init(isGroup: Bool, name: String, number: UInt32) {
        self.isGroup = isGroup
        self.name = name
        self.number = number
    }

    /// A name of other letters may have a meaning of its own there: `ALL`, that of an alias, a `+netgroup`. A number has not.
    var text: String {
        let isPlain = name.utf8.enumerated().allSatisfy { index, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): index > 0
            default: false
            }
        }
        return (isGroup ? "%" : "") + (isPlain && !name.isEmpty ? name : "#\(number)")
    }
}

/// What one plugin may run.
public struct SudoersGrant: Hashable, Sendable {
    public let plugin: PluginName
    public let programs: [SudoProgram]

    public init(plugin: PluginName, programs: [SudoProgram]) {
        self.plugin = plugin
        self.programs = programs
    }
}

/// The file.
/// - Parameter helper: `update-all-helper`, which takes no arguments.
public func sudoersText(for subject: SudoersSubject, helper: SudoProgram, grants: [SudoersGrant]) -> String {
    func rule(_ program: SudoProgram) -> String { "\(subject.text) ALL=(root) NOPASSWD: \(program)" }
    var lines = [
        "# Rules of sudo(8) for update-all. Written by \"update-all sudoers\", which replaces it when it writes it again.",
        "",
        "# A run asks for no password: what the helper does as root is what the files of /etc/update-all allow.",
        rule(helper),
    ]
    var seen: Set<SudoProgram> = []
    for grant in grants {
        let programs = grant.programs.filter { seen.insert($0).inserted }
        if !programs.isEmpty { lines += ["", "# The plugin \(grant.plugin)."] + programs.map(rule) }
    }
    return lines.joined(separator: "\n") + "\n"
}
