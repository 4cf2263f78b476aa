// The directory of one run: its journal and its logs.

import Glibc
import LinuxSystem
import SystemPackage
import UpdateModel

/// `LOGS/runs/RUN`, with `events.jsonl`, `PLUGIN.PHASE.log` and, while it runs, private directories of its steps.
public struct RunDirectory: Sendable, Hashable {
    public let path: String
    private let access: FileAccess

    public var journal: String { "\(path)/events.jsonl" }

    /// Makes it, with its parents.
    static func create(_ path: String, isSystemWide: Bool) throws(RunError) -> RunDirectory {
        let access = FileAccess(isSystemWide: isSystemWide)
        try makeDirectories(path, mode: access.directoryMode)
        access.shareWithGroup(path)
        return RunDirectory(path: path, access: access)
    }

    func openLog(of step: StepID) throws(Errno) -> OwnedDescriptor {
        try access.open("\(path)/\(step.plugin).\(step.phase).log", O_WRONLY | O_APPEND)
    }

    func openJournal() throws(RunError) -> OwnedDescriptor {
        do throws(Errno) {
            return try access.open(journal, O_WRONLY | O_APPEND)
        } catch {
            throw RunError(.failure, "cannot write \(journal): \(error). Choose another place with --state-dir")
        }
    }
}

/// Makes a directory and what is missing above it, each with `mode` whatever the umask is: steps of other accounts must find
/// their way even where root's umask lets nobody in.
func makeDirectories(_ path: String, mode: mode_t) throws(RunError) {
    var made = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
        made += "/\(part)"
        do throws(Errno) {
            try makeDirectory(made, mode: mode)
            chmod(made, mode)
        } catch  where error == .fileExists {
            continue
        } catch {
            throw RunError(.failure, "cannot create \(made): \(error). Choose another place with --state-dir")
        }
    }
}
