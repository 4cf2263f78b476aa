// Who asked for what and what came of it: a line each, in audit.log and for syslog or the journal.

import Glibc
import LinuxSystem
import SystemPackage
import UpdateModel

struct Audit {
    private static let directory = "/var/log/update-all"
    private static let path = "\(directory)/audit.log"
    private let file: Int32
    private let prefix: String
    /// Of the administrator's policy.
    var policyHash = ""

    /// - Parameter caller: on whose behalf.
    init(_ caller: Caller) {
        prefix = "user=\(Self.quoted(caller.account.name)) uid=\(caller.account.user) pid=\(caller.process)"
        openlog("update-all-helper", LOG_PID, Self.authority)
        try? makeDirectory(Self.directory, mode: 0o755)
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW
        file = ((try? openFile(Self.path, flags, mode: 0o640))?.release()) ?? -1
        if file >= 0, let group = groupNumber(named: "adm") { fchown(file, 0, group) }
    }

    /// LOG_AUTHPRIV of syslog(3), a macro that Swift cannot read.
    private static let authority: CInt = 10 << 3

    /// - Parameters:
    ///   - request: what was asked, by its name in the table and its values.
    ///   - result: `done`, `refused: …`, `failed: …`.
    func note(_ request: String, _ result: String) {
        let policy = policyHash.isEmpty ? "" : " policy=\(policyHash.prefix(16))"
        let line = "\(prefix) \(request)\(policy) result=\(Self.quoted(result))"
        if file >= 0 { try? writeAll(file, Array("\(calendarTime().rfc3339) \(line)\n".utf8)) }
        withVaList([]) { vsyslog(Self.authority | LOG_INFO, line.replacing("%", with: "%%"), $0) }
    }

    /// In quotes, without anything that a terminal or a reader of lines would take for its own.
    static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars.prefix(4096) {
            switch scalar {
            case "\"", "\\": out += "\\\(scalar)"
            case _
            where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                || (0x2028...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value):
                out += "\\u{\(String(scalar.value, radix: 16))}"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }

    static func quoted(_ list: [String]) -> String { "[\(list.map { quoted($0) }.joined(separator: ","))]" }
}
