// For whom the helper works: the person whom sudo names, who must be the one at the other end of the socket.

import Glibc
import HelperProtocol
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
    /// A pidfd of it, for as long as the helper lives. Were its number another's by then, its socket would have ended.
    let handle: CInt

    /// Finds the one who waits, and the socket on which they do.
    /// - Throws: where the person at the other end is not the one who has authenticated.
    static func waiting(at input: CInt) throws(Refusal) -> (Caller, socket: CInt) {
        guard isPipe(input) else { return (try Caller(socket: input), input) }
        let callback = try callback(in: input)
        let socket: OwnedDescriptor
        do throws(Errno) {
            let directory = try openPlace(callback.directory)
            socket = try connectLocally(
                HelperCallback.socket, in: directory.raw, limit: patience, keepsPackets: true)
        } catch {
            throw Refusal(
                reason: "sudo logs input, and update-all cannot be reached beside that, in \(callback.directory):"
                    + " \(error). Exempt the helper: Defaults!\(executable) !log_input")
        }
        // Before anything is said: whoever it is could take it for root's word.
        let caller = try Caller(socket: socket.raw)
        do throws(Errno) {
            try sendPacket(socket.raw, callback.nonce)
        } catch {
            throw Refusal(reason: "update-all does not listen: \(error)")
        }
        return (caller, socket.release())
    }

    private static let patience = Duration.seconds(10)

    private static func isPipe(_ descriptor: CInt) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    }

    /// The first request, which sudo hands on through a pipe where it logs input.
    private static func callback(in pipe: CInt) throws(Refusal) -> HelperCallback {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: HelperRequest.maximumPathSize)
        var waiting = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
        while bytes.count <= HelperRequest.maximumSize, poll(&waiting, 1, CInt(patience.inSeconds * 1000)) > 0 {
            let count = read(pipe, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer.prefix(count)
            if case .begin(_, let callback?) = HelperRequest(bytes: bytes) { return callback }
        }
        throw Refusal(reason: "its standard input is a pipe, through which update-all says nothing")
    }

    private init(socket: CInt) throws(Refusal) {
        let peer: Peer
        do {
            peer = try Peer(of: socket)
            handle = try openProcess(peer.process).release()
        } catch {
            throw Refusal(reason: "its standard input is not update-all's socket (\(error))")
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

    /// Who has authenticated, by the program that asked: sudo and run0, pkexec, doas. A shell that root once opened for the
    /// person has root's own number there, which doas passes on where its rule says `keepenv`.
    private static func reported() -> uid_t? {
        func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        let numbers = ["SUDO_UID", "PKEXEC_UID"].compactMap { variable($0).flatMap { uid_t($0) } }
        let named = variable("DOAS_USER").flatMap { (try? Account.named($0)) ?? nil }?.user
        let all = numbers + [named].compactMap(\.self)
        return all.first { $0 != 0 } ?? all.first
    }

    /// Of this program, symbolic links resolved.
    static var executable: String { (try? linkTarget("/proc/self/exe")) ?? "update-all-helper" }
}
