// How others fare where the kernel counts no pressure: by the threads that want a CPU and by the time that disks are busy.

import Accounting
import Cgroups
import Governing
import LinuxSystem
import UpdateModel

/// Counts what is not ours, from one look to the next.
struct ForeignActivity {
    private let loadThreshold: Double?
    private let watchesDisks: Bool
    private let tree: CgroupTree?
    private var load: ForeignLoad
    private var disks: [String: ForeignDiskUse] = [:]

    /// From which share on a disk is busy for others: pressure has no such figure, so a policy's threshold says nothing of
    /// it.
    private static let busyShare = 0.6
    /// More threads of ours are not counted at one look.
    private static let threadLimit = 2000

    /// - Parameters:
    ///   - loadThreshold: runnable threads of others for each CPU; `nil`: they are not counted.
    ///   - watchesDisks: whether disks are watched.
    init(loadThreshold: Double?, watchesDisks: Bool, tree: CgroupTree?, cpus: Int) {
        self.loadThreshold = loadThreshold
        self.watchesDisks = watchesDisks
        self.tree = tree
        load = ForeignLoad(cpus: cpus)
    }

    var isOfUse: Bool { loadThreshold != nil || watchesDisks }

    mutating func strains(at now: Duration) -> [Strain] {
        var strains: [Strain] = []
        if let loadThreshold, let running = (try? readText("/proc/stat")).flatMap({ runningThreads(inStat: $0) }) {
            let value = load.take(running: running, own: ownRunningThreads(), at: now)
            strains.append(
                Strain(source: "other work", kind: .load, value: value, threshold: loadThreshold))
        }
        return watchesDisks ? strains + diskStrains(at: now) : strains
    }

    private mutating func diskStrains(at now: Duration) -> [Strain] {
        guard let content = try? readText("/proc/diskstats") else { return [] }
        let own = tree?.transferred() ?? [:]
        var strains: [Strain] = []
        for (device, counters) in DiskCounters.parse(diskstats: content) where Self.isWholeDisk(device) {
            guard
                let share = disks[device, default: ForeignDiskUse()].take(
                    counters, own: own[device] ?? ByteCount(0), at: now)
            else { continue }
            strains.append(
                Strain(source: counters.name, kind: .disk, value: share.value, threshold: Self.busyShare))
        }
        return strains
    }

    /// Not a partition, nor what is stacked upon disks: they are busy with their disk.
    private static func isWholeDisk(_ device: String) -> Bool {
        let node = "/sys/dev/block/\(device)"
        return !fileExists("\(node)/partition") && ((try? directoryEntries("\(node)/slaves")) ?? []).isEmpty
    }

    private func ownRunningThreads() -> Int {
        var count = 0
        var looked = 0
        for process in (try? tree?.processes()) ?? [] {
            for thread in (try? directoryEntries("/proc/\(process)/task")) ?? [] {
                looked += 1
                guard looked <= Self.threadLimit else { return count }
                if let stat = try? readText("/proc/\(process)/task/\(thread)/stat"), isRunnable(stat: stat) {
                    count += 1
                }
            }
        }
        return count
    }
}
