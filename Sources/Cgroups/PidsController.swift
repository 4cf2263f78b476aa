// pids.*: processes and threads.

import UpdateModel

enum PidsController: ControllerFiles {
    static let controller = Controller.pids
    /// pids.peak came with Linux 6.1.
    static let optionalFiles = ["pids.peak"]
}
