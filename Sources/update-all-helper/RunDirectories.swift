// Where the private directories of root's steps are: one of root's for each run.

import Glibc
import LinuxSystem
import SystemPackage
import UpdateModel

enum RunDirectories {
    private static let parent = "/run"
    private static let prefix = "update-all-"

    static func path(of run: RunID) -> String { "\(parent)/\(prefix)\(run)" }

    /// Removes those of runs that died together with their helper; not where a commit of theirs goes on.
    static func sweep() {
        for name in (try? directoryEntries(parent)) ?? [] where name.hasPrefix(prefix) {
            guard let run = RunID(name.dropFirst(prefix.utf8.count)), let process = run.processID,
                !processExists(process), !hasProcesses(run)
            else { continue }
            try? removeTree("\(parent)/\(name)")
        }
    }

    /// The id is a part of the names of a run's groups and of its scope.
    private static func hasProcesses(_ run: RunID) -> Bool {
        guard let processes = try? directoryEntries("/proc") else { return true }
        return processes.contains { name in
            guard name.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let groups = try? readFile("/proc/\(name)/cgroup")
            else { return false }
            return String(decoding: groups, as: UTF8.self).contains(run.rawValue)
        }
    }
}
