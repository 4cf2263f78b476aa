// A pressure file of the kernel that tells when somebody has waited too long (Documentation/accounting/psi.rst).

import Glibc
import LinuxSystem
import SystemPackage
import UpdateModel

/// Arms a trigger of pressure stall information: the descriptor has a priority event when, within `window`, tasks had to
/// wait for `stall` in all, and an error when the group is gone. The kernel tells once a window at most, and nothing of an
/// end. Closing it disarms the trigger.
/// - Parameters:
///   - path: `/proc/pressure/RESOURCE` or `RESOURCE.pressure` of a group.
///   - window: 0.5 to 10 s; who lacks CAP_SYS_RESOURCE may only ask for whole multiples of 2 s, from Linux 6.5 on.
/// - Throws: `.noSuchFileOrDirectory` and `.notSupported` where pressure is not counted, `.permissionDenied`,
///   `.invalidArgument`.
public func armPressureTrigger(_ path: String, stall: Duration, window: Duration) throws(Errno) -> OwnedDescriptor {
    let file = try openFile(path, O_RDWR | O_NONBLOCK)
    func microseconds(_ duration: Duration) -> Int64 { Int64(duration.inSeconds * 1e6) }
    try writeAll(file.raw, Array("some \(microseconds(stall)) \(microseconds(window))\0".utf8))
    return file
}

/// The resources (`cpu`, `io`, `memory`) whose pressure the kernel tells. A kernel that could but was not told to
/// (`psi=1`) has the files and refuses to read them.
public func resourcesWithPressure() -> Set<String> {
    Set(["cpu", "io", "memory"].filter { (try? readText("/proc/pressure/\($0)")) != nil })
}
