// A protected phase whose update-all is gone: somebody must read what it prints, or it dies of a full or broken pipe.

import Glibc
import LinuxSystem
import SystemPackage
import UpdateModel

/// The output of one protected phase, on its way into the log.
final class Commit {
    let step: StepID
    private let descriptors: Descriptors
    private let log: CInt
    private(set) var openOutputs: [CInt]
    /// A pidfd; `nil` where update-all died before it knew the process, and when the process has ended.
    private(set) var process: CInt?
    /// When nobody waits for the end of its output any longer, in `monotonicTime()`.
    private(set) var deadline: Duration?
    private(set) var isLogCut = false
    private var hasRecord = false

    /// What is left behind by a process that has ended may keep its output open so long.
    private static let grace = Duration.seconds(2)
    /// Where nothing says that the phase has ended, so long a silence ends the reading.
    private static let longestSilence = Duration.seconds(600)

    /// - Parameter descriptors: the log, `outputCount` outputs, and perhaps a pidfd.
    init(step: StepID, descriptors: Descriptors, outputCount: Int) {
        self.step = step
        self.descriptors = descriptors
        log = descriptors.all[0]
        openOutputs = Array(descriptors.all[1..<(1 + outputCount)])
        process = descriptors.all.count > 1 + outputCount ? descriptors.all.last : nil
    }

    /// Nothing more is to be read, and the process has ended.
    func isOver(at now: Duration) -> Bool {
        if process != nil { return false }
        return openOutputs.isEmpty || deadline.map { $0 <= now } ?? false
    }

    /// Nobody says when a process that was never known ends.
    func begin(at now: Duration) {
        if process == nil { deadline = now + Self.longestSilence }
    }

    /// - Parameter hasRecord: whether its witness has noted the end. Without, the witness itself was killed, and the
    ///   phase may go on.
    func processEnded(hasRecord: Bool, at now: Duration) {
        process = nil
        self.hasRecord = hasRecord
        deadline = now + (hasRecord ? Self.grace : Self.longestSilence)
    }

    /// Moves what is there from `output`, which is ready, to the log.
    func forward(_ output: CInt, through buffer: UnsafeMutableRawBufferPointer, at now: Duration) {
        do {
            let count = try readBytes(output, into: buffer)
            if count == 0 { return close(output) }
            append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            if process == nil, !hasRecord { deadline = now + Self.longestSilence }
        } catch .resourceTemporarilyUnavailable {
            return
        } catch {
            // A terminal whose other end is closed answers EIO.
            close(output)
        }
    }

    private func close(_ output: CInt) {
        openOutputs.removeAll { $0 == output }
    }

    /// With a full disk the output is read on and lost: that the commit goes on is worth more. The log then ends where
    /// it was cut, rather than have a hole that nobody can see.
    private func append(_ bytes: UnsafeRawBufferPointer) {
        if isLogCut { return }
        do { try writeAll(log, bytes) } catch { isLogCut = true }
    }
}
