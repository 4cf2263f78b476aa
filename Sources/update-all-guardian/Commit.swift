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
    /// What an output has printed of a line that is not whole yet; another's would stand in its middle otherwise.
    private var begun: [CInt: [UInt8]] = [:]

    /// The beginning of a line that is longer is written before its end comes. Bytes.
    private static let longestBeginning = 65_536

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
            append(UnsafeRawBufferPointer(rebasing: buffer[..<count]), from: output)
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
        writeBeginning(of: output)
    }

    /// It is over: what is left of lines that were not ended is written.
    func finish() { for output in openOutputs { writeBeginning(of: output) } }

    private func writeBeginning(of output: CInt) {
        if let rest = begun.removeValue(forKey: output) { rest.withUnsafeBytes { write($0) } }
    }

    /// Whole lines only, as long as they are not too long.
    private func append(_ bytes: UnsafeRawBufferPointer, from output: CInt) {
        let end = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        if end > 0 {
            writeBeginning(of: output)
            write(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
        }
        begun[output, default: []] += bytes[end...]
        if begun[output, default: []].count > Self.longestBeginning { writeBeginning(of: output) }
    }

    /// With a full disk the output is read on and lost: that the commit goes on is worth more. The log then ends where
    /// it was cut, rather than have a hole that nobody can see.
    private func write(_ bytes: UnsafeRawBufferPointer) {
        if isLogCut { return }
        do { try writeAll(log, bytes) } catch { isLogCut = true }
    }
}
