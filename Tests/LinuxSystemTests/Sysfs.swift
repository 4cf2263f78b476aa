import SystemPackage
import UpdateModel

@testable import LinuxSystem

/// A sysfs of block devices, and the mounts and paths on them, as a test draws them.
final class Sysfs {
    private let directory: TemporaryDirectory
    private var places: [String: String] = [:]
    private var facts: [String: PathFacts] = [:]
    private var mounts: [Mount] = []

    init() throws {
        directory = try TemporaryDirectory()
        try directory.write("dev/block/README", "")
    }

    var path: String { directory.path }

    /// A whole disk, or a device stacked upon `parts`.
    func add(
        _ name: String, _ number: String, on parts: [String] = [], uuid: String? = nil, dmName: String? = nil
    ) throws {
        try add(name, number, at: "devices/\(name)")
        for part in parts {
            guard let place = places[part] else { throw Errno.noSuchFileOrDirectory }
            try? makeDirectory("\(path)/devices/\(name)/slaves", mode: 0o755)
            directory.link("devices/\(name)/slaves/\(part)", to: "../../../\(place)")
        }
        if let uuid { try directory.write("devices/\(name)/dm/uuid", uuid + "\n") }
        if let dmName { try directory.write("devices/\(name)/dm/name", dmName + "\n") }
    }

    func addPartition(_ name: String, _ number: String, of disk: String) throws {
        guard let place = places[disk] else { throw Errno.noSuchFileOrDirectory }
        try add(name, number, at: "\(place)/\(name)")
        try directory.write("\(place)/\(name)/partition", "1\n")
    }

    func addLoop(_ name: String, _ number: String, file: String) throws {
        try add(name, number)
        try directory.write("devices/\(name)/loop/backing_file", file + "\n")
    }

    private func add(_ name: String, _ number: String, at place: String) throws {
        places[name] = place
        try directory.write("\(place)/dev", number + "\n")
        try directory.write("\(place)/uevent", "MAJOR=1\nDEVNAME=\(name)\nDEVTYPE=disk\n")
        directory.link("dev/block/\(number)", to: "../../\(place)")
    }

    func addBtrfs(_ uuid: String, members: [String]) throws {
        try directory.write("fs/btrfs/features/supported", "")
        try directory.write("fs/btrfs/\(uuid)/label", "")
        for member in members {
            guard let place = places[member] else { throw Errno.noSuchFileOrDirectory }
            try? makeDirectory("\(path)/fs/btrfs/\(uuid)/devices", mode: 0o755)
            directory.link("fs/btrfs/\(uuid)/devices/\(member)", to: "../../../../\(place)")
        }
    }

    /// A path on a file system of that device number.
    func mount(_ point: String, _ number: String, type: String = "ext4", source: String = "none") {
        mounts.append(Mount(device: number, root: "/", mountPoint: point, type: type, source: source))
        facts[point] = PathFacts(real: point, device: number)
    }

    /// A path below a mount, or the node of a device.
    func addPath(_ path: String, _ number: String, isDevice: Bool = false) {
        facts[path] = PathFacts(real: path, device: number, isDevice: isDevice)
    }

    func disk(of path: String) -> DiskLookup {
        DiskFinder(sys: self.path, mounts: mounts) { [facts] path throws(Errno) in
            guard let found = facts[path] else { throw .noSuchFileOrDirectory }
            return found
        }.disk(of: path)
    }
}
