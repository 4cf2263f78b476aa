// For whom the helper works: the person whom sudo names, who must be the one at the other end of the socket.

import Glibc
import LinuxSystem
import SystemPackage

/// Why something is not done, as a sentence without a full stop that says what to do.
struct Refusal: Error {
    let reason: String
}

struct Caller {
    let account: Account
    /// update-all's.
    let process: pid_t

    /// - Throws: where the person at the other end is not the one who has authenticated.
    init(socket: CInt) throws(Refusal) {
        let peer: Peer
        do {
            peer = try Peer(of: socket)
        } catch {
            throw Refusal(
                reason: "its standard input is not update-all's socket (\(error)). Where sudo logs input, exempt it:"
                    + " Defaults!\(Self.executable) !log_input")
        }
        guard let reported = Self.reported() else {
            throw Refusal(reason: "nobody says for whom it runs: neither SUDO_UID, PKEXEC_UID nor DOAS_USER is set")
        }
        guard peer.user == reported, reported != 0 else {
            throw Refusal(
                reason: "the user \(reported) has authenticated, and the user \(peer.user) is at the other end; root"
                    + " starts update-all itself")
        }
        guard let account = (try? Account.numbered(reported)) ?? nil else {
            throw Refusal(reason: "the user \(reported) has no account here")
        }
        self.account = account
        process = peer.process
    }

    /// Who has authenticated, by the program that asked: sudo and run0, pkexec, doas.
    private static func reported() -> uid_t? {
        func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        for name in ["SUDO_UID", "PKEXEC_UID"] {
            if let text = variable(name) { return uid_t(text) }
        }
        return variable("DOAS_USER").flatMap { (try? Account.named($0)) ?? nil }?.user
    }

    /// Of this program, symbolic links resolved.
    static var executable: String { (try? linkTarget("/proc/self/exe")) ?? "update-all-helper" }
}
