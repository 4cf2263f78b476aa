// What root does for somebody: who asked for what and what came of it, a line each, in audit.log and for syslog or the journal.

import Glibc
import HelperProtocol
import LinuxSystem
import UpdateModel

/// The audit log, as the requests of one update-all are written into it; only root can.
public final class AuditLog {
    private static let directory = "/var/log/update-all"
    private static let path = "\(directory)/audit.log"
    private let file: CInt
    private let prefix: String
    /// Of the policy by which it is decided, as hexadecimal digits.
    public var policyHash = ""

    /// - Parameters:
    ///   - account: on whose behalf.
    ///   - process: update-all's.
    ///   - program: whose lines they are, for syslog, which keeps the pointer.
    public init(for account: Account, process: pid_t, program: StaticString) {
        prefix = "user=\(quoted(account.name)) uid=\(account.user) pid=\(process)"
        openlog(UnsafeRawPointer(program.utf8Start).assumingMemoryBound(to: CChar.self), LOG_PID, Self.authority)
        try? makeDirectory(Self.directory, mode: 0o755)
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW
        file = ((try? openFile(Self.path, flags, mode: 0o640))?.release()) ?? -1
        if file >= 0, let group = groupNumber(named: "adm") { fchown(file, 0, group) }
    }

    deinit { if file >= 0 { close(file) } }

    /// LOG_AUTHPRIV of syslog(3), a macro that Swift cannot read.
    private static let authority: CInt = 10 << 3

    /// Notes a request and its answer.
    public func note(_ request: HelperRequest, _ reply: HelperReply) { note(request.auditText, reply.auditText) }

    /// Notes what nobody asked for, and why it came about: that nobody is answered any more, for example.
    public func note(event: String, because cause: String) { note(event, cause) }

    /// - Parameter result: `done`, `refused: …`, `failed: …`.
    private func note(_ request: String, _ result: String) {
        let policy = policyHash.isEmpty ? "" : " policy=\(policyHash.prefix(16))"
        let line = "\(prefix) \(request)\(policy) result=\(quoted(result))"
        if file >= 0 { try? writeAll(file, Array("\(calendarTime().rfc3339) \(line)\n".utf8)) }
        withVaList([]) { vsyslog(Self.authority | LOG_INFO, line.replacing("%", with: "%%"), $0) }
    }
}
