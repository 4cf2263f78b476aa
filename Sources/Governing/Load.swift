// How many threads of others want a CPU: what tells how they fare where the kernel counts no pressure.

import UpdateModel

/// The number of runnable threads that are not ours, for each CPU, smoothed over ten seconds as pressure's avg10 is.
public struct ForeignLoad: Sendable {
    private let cpus: Int
    private var average: Double?
    private var last = Duration.zero

    private static let span = 10.0

    public init(cpus: Int) { self.cpus = max(1, cpus) }

    /// - Parameters:
    ///   - running: of the machine, running and runnable, the asking thread among them.
    ///   - own: those of the run.
    /// - Returns: the average by now.
    public mutating func take(running: Int, own: Int, at now: Duration) -> Double {
        let sample = Double(max(0, running - own - 1)) / Double(cpus)
        defer { last = now }
        guard let average else {
            // One look says little: as if nobody had run before.
            self.average = 0
            return 0
        }
        let weight = min(1, (now - last).inSeconds / Self.span)
        let next = average + (sample - average) * weight
        self.average = next
        return next
    }
}

/// The machine's running and runnable threads (proc(5): `procs_running` of /proc/stat).
public func runningThreads(inStat content: String) -> Int? {
    for line in content.split(separator: "\n") where line.hasPrefix("procs_running ") {
        return Int(line.dropFirst("procs_running ".count))
    }
    return nil
}

/// Whether a thread runs or could (proc(5), /proc/PID/stat: the state follows the name, which is in parentheses and may
/// hold any character).
public func isRunnable(stat content: String) -> Bool {
    guard let end = content.lastIndex(of: ")") else { return false }
    return content[content.index(after: end)...].drop { $0 == " " }.first == "R"
}
