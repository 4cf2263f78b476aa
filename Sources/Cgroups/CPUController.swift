// cpu.*: weights, and a quota of time in each period.

import UpdateModel

enum CPUController: ControllerFiles {
    static let controller = Controller.cpu
    /// cpu.idle came with Linux 5.15; cpu.max is missing without CONFIG_CFS_BANDWIDTH.
    static let optionalFiles = ["cpu.idle", "cpu.max", "cpu.weight"]

    /// cpu.max answers `QUOTA PERIOD`; one may write the quota alone.
    static func isInForce(_ wanted: ControlWrite, effective: String, pageSize: Int64) -> Bool {
        effective == wanted.value || (wanted.file == "cpu.max" && effective.hasPrefix(wanted.value + " "))
    }
}
