// Asks the run in progress over its socket.

import Glibc
import GuardianProtocol
import Interchange
import LinuxSystem
import RunModel
import SystemPackage
import UpdateModel

/// Asks the run that is in progress in a state directory.
public struct ControlClient: Sendable {
    private let places: Places
    /// For connecting, for each write and for each read.
    private let patience: Duration

    /// More than the status of any run has.
    private static let replyLimit = 64 << 20

    public init(_ places: Places, patience: Duration = .seconds(5)) {
        self.places = places
        self.patience = patience
    }

    /// - Returns: `nil` where no run is in progress.
    /// - Throws: exit code 4 where it is another account's; 1 where it does not answer; what it refuses with its code.
    public func ask(_ request: ControlRequest) throws(RunError) -> ControlReply? {
        guard let socket = try connect() else { return nil }
        let peer = try? Peer(of: socket.raw)
        let bytes: [UInt8]
        do throws(Errno) {
            try writeAll(socket.raw, request.line)
            bytes = try readToEnd(socket.raw, limit: Self.replyLimit)
            if bytes.isEmpty { throw .connectionReset }
        } catch {
            throw silence(error, of: peer)
        }
        let reply: ControlReply
        do throws(EventDecodingError) {
            reply = try ControlReply(bytes)
        } catch {
            throw RunError(
                .failure, "the run's answer cannot be read: \(error). It may be one of another version of update-all")
        }
        if let refusal = reply.refusal { throw RunError(refusal.exitCode, refusal.reason) }
        return reply
    }

    /// - Returns: `nil` where no run is in progress.
    private func connect() throws(RunError) -> OwnedDescriptor? {
        let place = "\(places.state)/\(ControlPlace.directory)"
        do throws(Errno) {
            let directory = try openDirectory(place)
            return try connectLocally(ControlPlace.socket, in: directory.raw, limit: patience)
        } catch {
            switch error {
            case .noSuchFileOrDirectory, .connectionRefused, .notDirectory:
                try refuseIfLocked()
                return nil
            case .permissionDenied, .notPermitted:
                let owner = (try? status(place)).flatMap { try? Account.numbered($0.st_uid) }?.name ?? "another account"
                throw RunError(
                    .authentication,
                    "the run in \(places.state) belongs to \(owner): only that account and root may ask it (sudo update-all …)"
                )
            case .resourceTemporarilyUnavailable:
                throw silence(error, of: nil)
            default:
                throw RunError(.failure, "\(place)/\(ControlPlace.socket) cannot be reached: \(error)")
            }
        }
    }

    /// A run may hold the lock and have no socket: it has just begun, is about to end, or could not make one.
    private func refuseIfLocked() throws(RunError) {
        let lock = "\(places.state)/lock"
        guard lockHolder(of: lock) != nil else { return }
        let holder = (try? readText(lock)).map { " (\($0))" } ?? ""
        throw RunError(
            .failure,
            "a run is in progress\(holder) and has no socket: it has just begun, is about to end, or could not make one. "
                + "Try again; kill -TERM ends it as cancel does")
    }

    private func silence(_ error: Errno, of peer: Peer?) -> RunError {
        guard error == .resourceTemporarilyUnavailable else {
            return RunError(.failure, "the run ended before it answered (\(error)); update-all status says how")
        }
        let process = peer.map { " (process \($0.process))" } ?? ""
        let isStopped = peer.flatMap { try? readText("/proc/\($0.process)/stat") }.map(isStopped(stat:)) ?? false
        let reason =
            isStopped
            ? "it is stopped, by Ctrl-Z or SIGSTOP: kill -CONT \(peer?.process ?? 0) lets it go on"
            : "it is very busy, or others ask it as well; try again"
        return RunError(.failure, "the run\(process) has not answered within \(patience.sentence): \(reason)")
    }

    // MARK: The newest run

    /// The newest run that has logs; `nil` where there is none.
    public func newestRun() -> PastRun? {
        let directory = "\(places.logs)/runs"
        guard let run = ((try? directoryEntries(directory)) ?? []).compactMap({ RunID($0) }).max() else { return nil }
        var past = PastRun(run: run)
        if var journal = try? JournalReader(path: "\(directory)/\(run)/events.jsonl", firstSeq: 0) {
            while let events = try? journal.next(limit: 1000), !events.isEmpty {
                past.start = past.start ?? events.first?.timestamp
                for event in events {
                    if case .runEnd(let end) = event.body { past.end = end }
                }
            }
        }
        if past.end == nil { past.remarks = predecessorSentences(of: run, in: places) }
        return past
    }
}

/// Whether a line of `/proc/PID/stat` is of a process that a signal has stopped.
private func isStopped(stat: String) -> Bool {
    // The name in parentheses may hold anything: the last one ends it.
    guard let end = stat.lastIndex(of: ")") else { return false }
    return stat[end...].split(separator: " ").dropFirst().first == "T"
}
