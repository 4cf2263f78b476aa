// Old runs' logs go: by age, and beyond a size of all together. At the end of each run, with bounded work.

import Glibc
import LinuxSystem
import RunPolicy
import SystemPackage
import UpdateModel

/// Removes what of `LOGS/runs` the policy does not keep.
///
/// Never removed are the newest run, and those that somebody may still write to: whose process exists (a number that was
/// given to another one since keeps a run a little longer), or whose guardian still reads a commit's output. Symbolic
/// links are not followed, and what has no run's name is not ours.
struct LogRetention {
    let directory: String
    let settings: LogSettings
    /// Whether something may still write to it.
    let isInUse: (RunID) -> Bool
    /// For looking and for removing, each; what is left then is for the next run.
    var timeLimit = Duration.seconds(1)

    /// - Parameter now: on the calendar.
    /// - Returns: what went wrong, as sentences without a full stop; one at most.
    func apply(now: Timestamp) -> [String] {
        do throws(Errno) {
            let opened = try openFile(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            let runs = try directoryEntries(".", in: opened.raw).compactMap { RunID($0) }.sorted()
            let surplus = surplus(runs, in: opened.raw, now: now)
            let deadline = monotonicTime() + timeLimit
            for run in surplus where monotonicTime() < deadline {
                do throws(Errno) {
                    try removeTree(run.rawValue, in: opened.raw)
                } catch {
                    // The next one would most likely fail as well.
                    return ["old logs cannot be removed: \(directory)/\(run): \(error)"]
                }
            }
            return []
        } catch  where error == .noSuchFileOrDirectory {
            return []
        } catch {
            return ["old logs cannot be looked for in \(directory): \(error)"]
        }
    }

    /// The runs to be removed, the oldest first, as many as there is time for.
    private func surplus(_ runs: [RunID], in directory: CInt, now: Timestamp) -> [RunID] {
        let kept = RunID(start: now.days(-settings.keepDays), processID: 0)
        let deadline = monotonicTime() + timeLimit
        // From the newest on: where they are too much together, all that is older goes, and need not be looked at.
        var sum: Int64 = 0
        var oldest = runs.endIndex
        while oldest > runs.startIndex, runs[oldest - 1] >= kept, monotonicTime() < deadline {
            sum += size(of: runs[oldest - 1], in: directory)
            if sum > settings.keepBytes.bytes { break }
            oldest -= 1
        }
        // Where looking took too long, what was not looked at is not known to be too much.
        if monotonicTime() >= deadline { oldest = runs.firstIndex { $0 >= kept } ?? runs.endIndex }
        return runs[..<oldest].dropLast(oldest == runs.endIndex ? 1 : 0).filter { !isInUse($0) }
    }

    /// Of the files in a run's directory; it has no others below it.
    private func size(of run: RunID, in directory: CInt) -> Int64 {
        guard let opened = try? openFile(run.rawValue, in: directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
            let names = try? directoryEntries(".", in: opened.raw)
        else { return 0 }
        return names.reduce(0) { sum, name in
            sum + Int64((try? status(name, in: opened.raw, following: false))?.st_size ?? 0)
        }
    }
}

extension Timestamp {
    fileprivate func days(_ count: Int) -> Timestamp {
        Timestamp(millisecondsSince1970: millisecondsSince1970 + Int64(count) * 86_400_000)
    }
}
