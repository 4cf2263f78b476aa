// Plans as files: `plan -o FILE`, `run --plan FILE`.

import Glibc
import Interchange
import JSONDocument
import LinuxSystem
import RunModel
import SystemPackage

/// The largest plan that is read, in bytes: a step is about half a kilobyte.
private let maximumPlanSize = 64 << 20

/// Reads a plan that `plan -o` or `plan --format json` wrote.
/// - Throws: exit code 2, with line and column where the file is no plan.
public func readSavedPlan(_ path: String) throws(RunError) -> Plan {
    let bytes: [UInt8]
    do throws(Errno) {
        bytes = try readFile(path, limit: maximumPlanSize)
    } catch {
        throw RunError(.usage, "\(path): cannot be read: \(error)")
    }
    do throws(JSONError) {
        return try readPlan(bytes)
    } catch {
        throw RunError(.usage, "\(path):\(error)", namesPlaces: true)
    }
}

/// Writes a plan beside `path` and puts it in its place, so that nobody reads half of one.
/// - Throws: exit code 2, since the place was somebody's choice.
public func savePlan(_ plan: Plan, _ path: String) throws(RunError) {
    var bytes: [UInt8] = []
    appendLine(of: plan, to: &bytes)
    let part = "\(path).\(getpid()).part"
    do throws(Errno) {
        let file = try openFile(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o666)
        try writeAll(file.raw, bytes)
        if rename(part, path) != 0 { throw Errno(rawValue: errno) }
    } catch {
        unlink(part)
        throw RunError(.usage, "\(path): the plan cannot be written: \(error)")
    }
}
