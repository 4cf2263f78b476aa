// The report for the next run, written line by line as things happen.

import CLinux
import Glibc
import GuardianProtocol
import LinuxSystem

/// A run's report. It is locked while its guardian lives, which is how the next run knows that it is not yet whole.
final class ReportFile {
    private let path: String
    private let file: OwnedDescriptor

    /// `nil` where it cannot be made: the guardian does its work without it.
    init?(_ run: GuardianMessage.Run) {
        path = "\(run.stateDirectory)/\(RunReport.fileName(run: run.id))"
        guard let file = try? openFile(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o600) else {
            return nil
        }
        // Room is reserved now, since a full disk may be why update-all dies. Not every file system can.
        _ = clx_reserve(file.raw, 16_384)
        _ = flock(file.raw, LOCK_EX | LOCK_NB)
        self.file = file
        // A guardian that takes the place of another finds the line there.
        if lseek(self.file.raw, 0, SEEK_END) == 0 { note(.run(run.id)) }
    }

    /// Adds a line. Where that fails there is nobody to tell.
    func note(_ entry: RunReport.Entry) {
        try? writeAll(file.raw, Array(entry.line.utf8))
    }

    func remove() { try? removeFile(path) }
}
