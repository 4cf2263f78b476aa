// What there is of this machine: memory, CPUs, its name.

import CLinux
import Glibc
import SystemPackage
import UpdateModel

/// Physical memory, as the kernel counts it (`MemTotal`). The argument is the text of `/proc/meminfo`.
public func totalMemory(in text: String) -> ByteCount? { amount("MemTotal:", in: text) }

/// Swap space, used or not (`SwapTotal`). The argument is the text of `/proc/meminfo`.
public func totalSwap(in text: String) -> ByteCount? { amount("SwapTotal:", in: text) }

/// A line of `/proc/meminfo`, `KEY NUMBER kB` (proc_meminfo(5)).
private func amount(_ key: String, in text: String) -> ByteCount? {
    for line in text.split(separator: "\n") where line.hasPrefix(key) {
        let fields = line.split(separator: " ")
        guard fields.count == 3, fields[2] == "kB", let kibibytes = Int64(fields[1]) else { return nil }
        return ByteCount(kibibytes * 1024)
    }
    return nil
}

/// The machine's memory; 0 where `/proc/meminfo` does not say.
public func machineMemory() throws(Errno) -> ByteCount {
    totalMemory(in: try readText("/proc/meminfo")) ?? ByteCount(0)
}

/// The machine's swap space; `nil` where `/proc/meminfo` does not say.
public func machineSwap() throws(Errno) -> ByteCount? { totalSwap(in: try readText("/proc/meminfo")) }

/// CPUs that this process may run on (sched_getaffinity(2)); at least 1.
public func usableCPUs() -> Int { max(1, Int(clx_usable_cpus())) }

/// The unit in which the kernel gives out memory, in bytes.
public func pageSize() -> Int64 { Int64(sysconf(CInt(_SC_PAGESIZE))) }

/// The machine's name without its domain as gethostname(2) tells it.
public func machineName() -> String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
    let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(String(decoding: bytes, as: UTF8.self).prefix { $0 != "." })
}

/// Whether a cgroup v2 file system is mounted on exactly this path or `path` lies in one.
public func isUnifiedHierarchy(_ path: String) throws(Errno) -> Bool {
    var type: UInt64 = 0
    _ = try retrying { clx_file_system_type(path, &type) }
    return type == clx_cgroup2_magic()
}

/// Whether systemd marks the group at `path` as handed over to whoever runs in it (`Delegate=yes`): root may write
/// everywhere, so its permission says nothing.
public func isDelegatedGroup(_ path: String) -> Bool {
    clx_attribute_is_one(path, "user.delegate") == 1 || clx_attribute_is_one(path, "trusted.delegate") == 1
}

/// Whether this process may write `path`, by its effective ids.
public func isWritable(_ path: String) -> Bool { faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0 }

/// Whether there is a file of that name.
public func fileExists(_ path: String, in directory: CInt = currentDirectory) -> Bool {
    faccessat(directory, path, F_OK, 0) == 0
}

/// Whether a file has the extended attribute `name` with the value 1, as systemd and we mark control groups.
public func isMarked(_ path: String, _ name: String) -> Bool { clx_attribute_is_one(path, name) == 1 }

/// Gives a file the extended attribute `name` with the value 1.
public func mark(_ path: String, _ name: String) throws(Errno) { _ = try retrying { clx_set_attribute(path, name) } }
