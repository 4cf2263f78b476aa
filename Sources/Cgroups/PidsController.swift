// pids.*: processes and threads.

import LinuxSystem
import UpdateModel

enum PidsController: ControllerFiles {
    static let controller = Controller.pids
    /// pids.peak came with Linux 6.1.
    static let optionalFiles = ["pids.peak"]

    static func addMetrics(from directory: CInt, to metrics: inout Metrics) {
        metrics.pidsPeak = (try? readControlFile("pids.peak", in: directory)).flatMap { Int64($0) }
    }
}
