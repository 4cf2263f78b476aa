// The file `peaks.json` of a state directory: what steps needed of memory in earlier runs.

import Glibc
import Interchange
import JSONDocument
import LinuxSystem
import Scheduling
import SystemPackage
import UpdateModel

/// Where the record of peaks is kept. It only makes plans better: nothing that is wrong with it stops a run.
struct PeakFile {
    let path: String
    let access: FileAccess

    init(_ places: Places) {
        path = "\(places.state)/peaks.json"
        access = FileAccess(isSystemWide: places.isSystemWide)
    }

    /// - Returns: an empty record where there is none or it cannot be read, and what is wrong then, as a sentence without
    ///   a full stop. What is damaged is put aside, so that the next run begins anew and nothing is lost to whoever looks.
    func read() -> (record: PeakRecord, trouble: String?) {
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try readFile(path, flags: O_NOFOLLOW)
        } catch {
            if error == .noSuchFileOrDirectory || error == .notDirectory { return (PeakRecord(), nil) }
            return (PeakRecord(), "what steps needed in earlier runs is not known: \(path) cannot be read: \(error)")
        }
        do throws(JSONError) {
            return (try readPeakRecord(bytes), nil)
        } catch {
            let aside = "\(path).damaged"
            let end = rename(path, aside) == 0 ? "it is put aside as \(aside)" : "remove it"
            return (PeakRecord(), "what steps needed in earlier runs is not known: \(path):\(error); \(end)")
        }
    }

    /// Writes the record beside the old one and puts it in its place. Nobody waits for the disk: one that a power failure
    /// damages is put aside.
    func write(_ record: PeakRecord) throws(Errno) {
        var bytes: [UInt8] = []
        appendLine(of: record, to: &bytes)
        let part = "\(path).part"
        do throws(Errno) {
            let file = try access.open(part, O_WRONLY | O_TRUNC)
            try writeAll(file.raw, bytes)
            if rename(part, path) != 0 { throw Errno(rawValue: errno) }
        } catch {
            unlink(part)
            throw error
        }
    }
}
