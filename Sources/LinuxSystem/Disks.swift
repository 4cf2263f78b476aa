// Which disk a path lies on. `io.max` takes whole disks and no partitions, and a cap is to hold where others feel it: at
// the bottom, not on one of the layers above (systemd's issue 14271 tells of caps that stopped half way).

import CLinux
import Glibc
import SystemPackage
import UpdateModel

/// The whole disk behind `path`, or behind the block device that `path` is; several disks, or none, are answered with the
/// reason.
public func lookUpDisk(_ path: String) -> DiskLookup {
    DiskFinder(sys: "/sys", mounts: (try? readText("/proc/self/mountinfo")).map(Mount.parse) ?? []).disk(of: path)
}

/// The name below `/dev` of the block device `number`, which is `8:0` or the like; `nil` where sysfs does not know it.
public func deviceName(of number: String) -> String? { BlockDevices(sys: "/sys").name(of: number) }

/// What the kernel says of a path.
struct PathFacts {
    /// Absolute, without symbolic links.
    var real: String
    /// `major:minor` of the block device that the path is, or else of its file system.
    var device: String
    var isDevice = false
}

extension PathFacts {
    init(_ path: String) throws(Errno) {
        let found = try status(path)
        guard let resolved = realpath(path, nil) else { throw Errno(rawValue: errno) }
        defer { free(resolved) }
        let isDevice = found.st_mode & S_IFMT == S_IFBLK
        let number = isDevice ? found.st_rdev : found.st_dev
        self.init(
            real: String(cString: resolved), device: "\(clx_device_major(number)):\(clx_device_minor(number))",
            isDevice: isDevice)
    }
}

/// Follows a path down to its disk.
struct DiskFinder {
    let devices: BlockDevices
    let mounts: [Mount]
    let examine: (String) throws(Errno) -> PathFacts

    /// - Parameters:
    ///   - sys: where sysfs is mounted.
    ///   - mounts: those that this process sees.
    ///   - examine: what the kernel says of a path.
    init(
        sys: String, mounts: [Mount],
        examine: @escaping (String) throws(Errno) -> PathFacts = { path throws(Errno) in try PathFacts(path) }
    ) {
        devices = BlockDevices(sys: sys)
        self.mounts = mounts
        self.examine = examine
    }

    /// Why there is no answer, as a clause.
    private struct NoDisk: Error {
        let reason: String
    }

    /// No machine stacks more layers.
    private static let maximumDepth = 16

    func disk(of path: String) -> DiskLookup {
        do throws(NoDisk) {
            let disks = try disks(of: path)
            if disks.count == 1, let only = disks.first { return .disk(only) }
            let names = disks.map { device in devices.name(of: device).map { "/dev/\($0) \(device)" } ?? device }
            return .none(
                reason: "\(path) lies on several disks (\(names.sorted().joined(separator: ", "))); "
                    + "give one of them as the path")
        } catch {
            return .none(reason: error.reason)
        }
    }

    private func disks(of path: String) throws(NoDisk) -> Set<String> {
        var disks: Set<String> = []
        for device in try fileSystemDevices(of: path) {
            do throws(Errno) {
                try collectDisks(below: device, depth: 0, into: &disks)
            } catch {
                throw NoDisk(
                    reason: "the disk of \(path) (device \(device)) cannot be found below \(devices.sys): \(error)")
            }
        }
        return disks
    }

    // MARK: From a path to block devices

    /// What the path's file system lies on: one device, but for file systems that have several.
    private func fileSystemDevices(of path: String) throws(NoDisk) -> [String] {
        let facts: PathFacts
        do throws(Errno) {
            facts = try examine(path)
        } catch {
            throw NoDisk(reason: "\(path) cannot be examined: \(error)")
        }
        if !facts.device.hasPrefix("0:") { return [facts.device] }
        // No block device of its own: a virtual file system, or one that may have several.
        guard let mount = Mount.containing(facts.real, in: mounts) else {
            throw NoDisk(reason: "no mount of \(path) is known")
        }
        switch mount.type {
        case "btrfs": return try members(ofBtrfs: mount, path: path)
        case "overlay": throw NoDisk(reason: "overlay has no disk of its own; give a path on the disk below it")
        default: throw NoDisk(reason: "\(mount.type) has no disk of its own")
        }
    }

    private func members(ofBtrfs mount: Mount, path: String) throws(NoDisk) -> [String] {
        let source = try? examine(mount.source)
        let number = source?.isDevice == true ? source?.device : nil
        let members: [String]?
        do throws(Errno) {
            members = try devices.members(ofBtrfs: mount.source, number: number)
        } catch {
            throw NoDisk(
                reason: "the disks of \(path) (btrfs on \(mount.source)) cannot be found below \(devices.sys): \(error)"
            )
        }
        guard let members else {
            throw NoDisk(
                reason: "the disks of \(path) (btrfs on \(mount.source)) are not listed in \(devices.sys)/fs/btrfs")
        }
        return members
    }

    // MARK: From a block device to disks

    private func collectDisks(below device: String, depth: Int, into disks: inout Set<String>) throws(Errno) {
        guard depth < Self.maximumDepth else { throw .tooManySymbolicLinkLevels }
        switch try devices.layer(below: device) {
        case .disk:
            disks.insert(device)
        case .devices(let parts):
            for part in parts { try collectDisks(below: part, depth: depth + 1, into: &disks) }
        }
    }
}
