// What the groups of a run, and each of its steps, use and have used.

import Cgroups
import LinuxSystem
import RunModel
import UpdateModel

extension CgroupTree {
    /// What the run has read from and written to each device, by `MAJOR:MINOR`; empty without the io controller.
    public func transferred() -> [String: ByteCount] {
        guard controllers.contains(.io), let devices = try? Transfer.read(in: directory) else { return [:] }
        return devices.reduce(into: [:]) { $0[$1.device] = ByteCount($1.read &+ $1.written) }
    }

    /// What the whole run has used up to now, of the groups of its steps together.
    public func metrics(wall: Duration) -> Metrics { Metrics(of: directory, controllers: controllers, wall: wall) }
}

extension Leaf {
    /// What it has used up to now. To be read before `remove`.
    public func metrics(wall: Duration) -> Metrics { Metrics(of: directory, controllers: controllers, wall: wall) }

    /// What happened to its memory; `nil` without the memory controller.
    public func memoryEvents() -> MemoryEvents? {
        hasMemoryController ? try? MemoryEvents.read(in: directory) : nil
    }

    /// CPU time used up to now.
    public var cpuTime: Duration? {
        guard let content = try? readControlFile("cpu.stat", in: directory) else { return nil }
        return number(of: "usage_usec", in: content).map { .microseconds($0) }
    }

    /// `nil` without the memory controller.
    public var memoryInUse: ByteCount? {
        hasMemoryController ? readNumber("memory.current", in: directory).map(ByteCount.init) : nil
    }

    /// The lowest of its own limits on memory that are in force.
    public var memoryLimit: ByteCount? {
        applied.compactMap { limit in
            limit.file == "memory.high" || limit.file == "memory.max" ? Int64(limit.value).map(ByteCount.init) : nil
        }.min()
    }

    /// What of its memory the kernel would take back where somebody needs the room: what it has read and written of files.
    /// After its last process that is nearly all it has.
    public var fileCache: ByteCount? {
        guard hasMemoryController, let content = try? readControlFile("memory.stat", in: directory),
            let active = number(of: "active_file", in: content),
            let inactive = number(of: "inactive_file", in: content)
        else { return nil }
        return ByteCount(active + inactive)
    }
}
