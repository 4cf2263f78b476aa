// How block devices are stacked, as sysfs shows it.

import SystemPackage

/// The block devices below one mount of sysfs. A device is called by its number, `8:0`.
struct BlockDevices {
    /// Where sysfs is mounted; tests bring their own tree.
    let sys: String

    /// What a block device lies on.
    enum Layer: Hashable {
        /// Nothing that a cap could be put on. A loop device is one: its kernel thread writes the file, and the kernel counts
        /// that for whom it likes (Linux 6.1: for nobody), so that only a cap on the device itself holds.
        case disk
        /// A partition's disk; what device mapper, RAID or a cache is made of.
        case devices([String])
    }

    func layer(below device: String) throws(Errno) -> Layer {
        let node = "\(sys)/dev/block/\(device)"
        _ = try status(node)
        // The link leads into the partition's directory, which is in that of its disk.
        if fileExists(node + "/partition") { return .devices([try readText(node + "/../dev")]) }
        // The paths below a multipath map are one disk. Requests that the map hands on pass by their throttling, so that a
        // cap on a path would hold nothing back.
        if let kind = try? readText(node + "/dm/uuid"), kind.hasPrefix("mpath-") { return .disk }
        let parts = (try? directoryEntries(node + "/slaves")) ?? []
        if parts.isEmpty { return .disk }
        var devices: [String] = []
        for part in parts { devices.append(try readText("\(node)/slaves/\(part)/dev")) }
        return .devices(devices)
    }

    /// The device's name below `/dev`; `nil` where sysfs does not know it.
    func name(of device: String) -> String? {
        let lines = (try? readText("\(sys)/dev/block/\(device)/uevent"))?.split(separator: "\n") ?? []
        return lines.first { $0.hasPrefix("DEVNAME=") }.map { String($0.dropFirst(8)) }
    }

    /// The members of the btrfs file system that is mounted from `source`, a member's name as the kernel found it
    /// (`/dev/sda2`, `/dev/mapper/vg-root`, `/dev/root`) or, where that is a device here, its number.
    /// - Returns: `nil` where it is not listed.
    func members(ofBtrfs source: String, number: String?) throws(Errno) -> [String]? {
        let directory = "\(sys)/fs/btrfs"
        let name = source.split(separator: "/").last.map(String.init)
        var fileSystems: [[String]] = []
        for entry in (try? directoryEntries(directory)) ?? [] {
            let members = ((try? directoryEntries("\(directory)/\(entry)/devices")) ?? []).map {
                "\(directory)/\(entry)/devices/\($0)"
            }
            // Beside the file systems there is `features`.
            if !members.isEmpty { fileSystems.append(members) }
        }
        func isOwn(_ member: String) -> Bool {
            if let number, (try? readText(member + "/dev")) == number { return true }
            return member.split(separator: "/").last.map(String.init) == name
                || (try? readText(member + "/dm/name")) == name
        }
        // Where there is only one, it is that one, whatever it was called.
        guard
            let own = fileSystems.first(where: { $0.contains(where: isOwn) })
                ?? (fileSystems.count == 1 ? fileSystems[0] : nil)
        else { return nil }
        var numbers: [String] = []
        for member in own { numbers.append(try readText(member + "/dev")) }
        return numbers
    }
}
