// cpu.*: weights, and a quota of time in each period.

import LinuxSystem
import UpdateModel

enum CPUController: ControllerFiles {
    static let controller = Controller.cpu
    /// cpu.idle came with Linux 5.15; cpu.max is missing without CONFIG_CFS_BANDWIDTH.
    static let optionalFiles = ["cpu.idle", "cpu.max", "cpu.weight"]

    /// cpu.max answers `QUOTA PERIOD`; one may write the quota alone.
    static func isInForce(_ wanted: ControlWrite, effective: String, pageSize: Int64) -> Bool {
        effective == wanted.value || (wanted.file == "cpu.max" && effective.hasPrefix(wanted.value + " "))
    }

    static func time(in directory: CInt) -> Duration? {
        guard let content = try? readControlFile("cpu.stat", in: directory) else { return nil }
        return number(of: "usage_usec", in: content).map { .microseconds($0) }
    }

    /// cpu.stat is there in every group, with the controller or without; then it does not throttle either.
    static func addMetrics(from directory: CInt, to metrics: inout Metrics) {
        guard let content = try? readControlFile("cpu.stat", in: directory) else { return }
        func seconds(_ key: String) -> Double? { number(of: key, in: content).map { Double($0) * 1e-6 } }
        metrics.cpuUserSeconds = seconds("user_usec")
        metrics.cpuSystemSeconds = seconds("system_usec")
        metrics.throttledSeconds = seconds("throttled_usec")
    }
}
