// Which disk a path lies on. `io.max` takes whole disks only: not partitions, not what is stacked upon disks.

import CLinux
import Glibc
import SystemPackage
import UpdateModel

/// The whole disk behind `path`, found through `/sys/dev/block`; several disks, or none, are answered with the reason.
public func lookUpDisk(_ path: String) -> DiskLookup {
    DiskFinder(sys: "/sys", mounts: (try? readText("/proc/self/mountinfo")).map(Mount.parse) ?? []).disk(of: path)
}

struct DiskFinder {
    /// Where sysfs is mounted; tests bring their own tree.
    let sys: String
    let mounts: [Mount]

    func disk(of path: String) -> DiskLookup {
        let found: stat
        do {
            found = try status(path)
        } catch {
            return .none(reason: "\(path) cannot be examined: \(error)")
        }
        let major = clx_device_major(found.st_dev)
        if major != 0 { return disk(of: "\(major):\(clx_device_minor(found.st_dev))", path: path) }
        // No block device of its own: a virtual file system, or btrfs, whose subvolumes have numbers of no device.
        guard let real = realpath(path, nil) else { return .none(reason: "\(path) cannot be examined") }
        defer { free(real) }
        guard let mount = Mount.containing(String(cString: real), in: mounts) else {
            return .none(reason: "no mount of \(path) is known")
        }
        guard mount.type == "btrfs" else { return .none(reason: "\(mount.type) has no disk of its own") }
        return disks(ofBtrfs: mount, path: path)
    }

    private func disk(of device: String, path: String) -> DiskLookup {
        var disks: Set<String> = []
        do {
            try collectDisks(of: device, depth: 0, into: &disks)
        } catch {
            return .none(reason: "the disk of \(path) (device \(device)) cannot be found below \(sys): \(error)")
        }
        return answer(disks, path: path)
    }

    private func answer(_ disks: Set<String>, path: String) -> DiskLookup {
        if disks.count == 1, let only = disks.first { return .disk(only) }
        if disks.isEmpty { return .none(reason: "\(path) lies on no disk that can be capped") }
        return .none(reason: "\(path) lies on several disks (\(disks.sorted().joined(separator: ", ")))")
    }

    /// Partition → disk; device mapper and RAID → what they are made of, as deep as that is stacked.
    private func collectDisks(of device: String, depth: Int, into disks: inout Set<String>) throws(Errno) {
        guard depth < 8 else { throw .tooManySymbolicLinkLevels }
        let node = "\(sys)/dev/block/\(device)"
        if fileExists(node + "/partition") {
            // The link leads into the disk's own directory.
            disks.insert(try readText(node + "/../dev"))
            return
        }
        let parts = (try? directoryEntries(node + "/slaves")) ?? []
        if parts.isEmpty {
            _ = try status(node)
            disks.insert(device)
        }
        for part in parts {
            try collectDisks(of: try readText("\(node)/slaves/\(part)/dev"), depth: depth + 1, into: &disks)
        }
    }

    private func disks(ofBtrfs mount: Mount, path: String) -> DiskLookup {
        let fileSystems = "\(sys)/fs/btrfs"
        let name = String(mount.source.split(separator: "/").last ?? "")
        for entry in (try? directoryEntries(fileSystems)) ?? [] {
            let members = (try? directoryEntries("\(fileSystems)/\(entry)/devices")) ?? []
            guard members.contains(name) else { continue }
            var disks: Set<String> = []
            do {
                for member in members {
                    let device = try readText("\(fileSystems)/\(entry)/devices/\(member)/dev")
                    try collectDisks(of: device, depth: 0, into: &disks)
                }
            } catch {
                return .none(reason: "the disks of \(path) (btrfs on \(name)) cannot be found below \(sys): \(error)")
            }
            return answer(disks, path: path)
        }
        return .none(reason: "the disks of \(path) (btrfs on \(mount.source)) are not listed in \(fileSystems)")
    }
}
