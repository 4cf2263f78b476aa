import CLinux
import Testing
import UpdateModel

@testable import LinuxSystem

/// The path whose device is `device` in the trees of these tests is the tree itself: what it really lies on decides nothing
/// but the number.
@Suite("Which disk a path lies on")
struct DiskTests {
    /// A sysfs in which this directory's device has the given shape, and the answer for it.
    private func answer(_ build: (TemporaryDirectory, _ device: String) throws -> Void) throws -> DiskLookup? {
        let directory = try TemporaryDirectory()
        let device = try status(directory.path).st_dev
        // On a machine whose /tmp has no device there is nothing to look up.
        guard clx_device_major(device) != 0 else { return nil }
        let number = "\(clx_device_major(device)):\(clx_device_minor(device))"
        try directory.write("dev/block/README", "")
        try build(directory, number)
        return DiskFinder(sys: directory.path, mounts: []).disk(of: directory.path)
    }

    @Test("A whole disk is its own answer")
    func wholeDisk() throws {
        var number = ""
        let found = try answer { directory, device in
            number = device
            try directory.write("devices/sda/dev", device + "\n")
            directory.link("dev/block/\(device)", to: "../../devices/sda")
        }
        #expect(found == nil || found == .disk(number))
    }

    @Test("A partition leads to its disk")
    func partition() throws {
        let found = try answer { directory, device in
            try directory.write("devices/sda/dev", "8:0\n")
            try directory.write("devices/sda/sda1/dev", device)
            try directory.write("devices/sda/sda1/partition", "1\n")
            directory.link("dev/block/\(device)", to: "../../devices/sda/sda1")
        }
        #expect(found == nil || found == .disk("8:0"))
    }

    /// dm-0 on partitions of one disk or of two.
    private func stacked(on names: [String]) throws -> DiskLookup? {
        try answer { directory, device in
            try directory.write("devices/dm-0/dev", device)
            for (index, name) in names.enumerated() {
                let number = "8:\(index + 1)"
                try directory.write("devices/\(name)/dev", "8:\(name == "sda" ? 0 : 16)")
                try directory.write("devices/\(name)/p\(index)/dev", number)
                try directory.write("devices/\(name)/p\(index)/partition", "1")
                directory.link("dev/block/\(number)", to: "../../devices/\(name)/p\(index)")
                try directory.write("devices/dm-0/slaves/README\(index)/dev", number)
            }
            directory.link("dev/block/\(device)", to: "../../devices/dm-0")
        }
    }

    @Test("What is stacked on one disk leads to it; what is on several is refused, and they are named")
    func deviceMapper() throws {
        let one = try stacked(on: ["sda", "sda"])
        #expect(one == nil || one == .disk("8:0"))
        let two = try stacked(on: ["sda", "sdb"])
        guard case .none(let reason)? = two else { return #expect(two == nil) }
        #expect(reason.contains("lies on several disks (8:0, 8:16)"))
    }

    @Test("A device that sysfs does not know is said to be unknown")
    func unknown() throws {
        let found = try answer { _, _ in }
        guard case .none(let reason)? = found else { return #expect(found == nil) }
        #expect(reason.contains("cannot be found below"))
    }

    @Test("Virtual file systems have no disk, and say so")
    func virtual() {
        guard case .none(let reason) = lookUpDisk("/proc/self") else { return #expect(Bool(false)) }
        #expect(reason == "proc has no disk of its own")
        guard case .none(let missing) = lookUpDisk("/does/not/exist") else { return #expect(Bool(false)) }
        #expect(missing.contains("No such file or directory"))
        let nowhere = DiskFinder(sys: "/sys", mounts: []).disk(of: "/proc")
        #expect(nowhere == .none(reason: "no mount of /proc is known"))
    }

    @Test("btrfs leads to the disks of its members")
    func btrfs() throws {
        func answer(_ members: [(name: String, device: String)]) throws -> DiskLookup {
            let directory = try TemporaryDirectory()
            for (name, device) in members {
                try directory.write("fs/btrfs/0123-uuid/devices/\(name)/dev", device)
                try directory.write("dev/block/\(device)/dev", device)
            }
            let mount = Mount(device: "0:44", root: "/@", mountPoint: "/proc", type: "btrfs", source: "/dev/sda")
            // Any path on a file system without a device stands for the one on btrfs.
            return DiskFinder(sys: directory.path, mounts: [mount]).disk(of: "/proc")
        }
        #expect(try answer([("sda", "8:0")]) == .disk("8:0"))
        let several = DiskLookup.none(reason: "/proc lies on several disks (8:0, 8:16)")
        #expect(try answer([("sda", "8:0"), ("sdb", "8:16")]) == several)
        guard case .none(let reason) = try answer([("sdz", "8:0")]) else { return #expect(Bool(false)) }
        #expect(reason.contains("are not listed in"))
    }
}
