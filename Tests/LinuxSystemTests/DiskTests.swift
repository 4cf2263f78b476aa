import Testing
import UpdateModel

@testable import LinuxSystem

/// Each tree is drawn as lsblk(8) would print it.
@Suite("Which disk a path lies on")
struct DiskTests {
    let sys: Sysfs

    init() throws { sys = try Sysfs() }

    private func reason(_ path: String) throws -> String {
        guard case .none(let reason) = sys.disk(of: path) else {
            Issue.record("\(path) has a disk")
            return ""
        }
        return reason
    }

    // sda  /
    @Test("A whole disk is its own answer, and has a name")
    func wholeDisk() throws {
        try sys.add("sda", "8:0")
        sys.mount("/", "8:0")
        #expect(sys.disk(of: "/") == .disk("8:0"))
        let devices = BlockDevices(sys: sys.path)
        #expect(devices.name(of: "8:0") == "sda")
        #expect(devices.name(of: "8:16") == nil)
    }

    // nvme0n1
    // └─nvme0n1p2  /
    @Test("A partition leads to its disk")
    func partition() throws {
        try sys.add("nvme0n1", "259:0")
        try sys.addPartition("nvme0n1p2", "259:2", of: "nvme0n1")
        sys.mount("/", "259:2")
        #expect(sys.disk(of: "/") == .disk("259:0"))
    }

    // sda
    // ├─sda1  /boot
    // └─sda2
    //   └─dm-0 (LUKS)
    //     ├─dm-1 (LVM)  /
    //     └─dm-2 (LVM)  /srv
    @Test("LVM on LUKS on a partition leads to the disk at the bottom, not to a layer on the way")
    func logicalVolumes() throws {
        try sys.add("sda", "8:0")
        try sys.addPartition("sda1", "8:1", of: "sda")
        try sys.addPartition("sda2", "8:2", of: "sda")
        try sys.add("dm-0", "253:0", on: ["sda2"], uuid: "CRYPT-LUKS2-b5a5a3-root_crypt")
        try sys.add("dm-1", "253:1", on: ["dm-0"], uuid: "LVM-Bq1root", dmName: "vg-root")
        try sys.add("dm-2", "253:2", on: ["dm-0"], uuid: "LVM-Bq1srv", dmName: "vg-srv")
        sys.mount("/boot", "8:1")
        sys.mount("/", "253:1")
        sys.mount("/srv", "253:2")
        for path in ["/boot", "/", "/srv"] { #expect(sys.disk(of: path) == .disk("8:0")) }
    }

    // sda          sdb
    // └─sda1       └─sdb1
    //   └──── md0 ────┘
    //          └─md0p1  /srv
    @Test("What is mirrored on two disks is refused with both named, and naming one of them is the way out")
    func raid() throws {
        try sys.add("sda", "8:0")
        try sys.add("sdb", "8:16")
        try sys.addPartition("sda1", "8:1", of: "sda")
        try sys.addPartition("sdb1", "8:17", of: "sdb")
        try sys.add("md0", "9:0", on: ["sda1", "sdb1"])
        try sys.addPartition("md0p1", "259:5", of: "md0")
        sys.mount("/srv", "259:5")
        #expect(
            try reason("/srv")
                == "/srv lies on several disks (/dev/sda 8:0, /dev/sdb 8:16); give one of them as the path")
        sys.addPath("/dev/sdb", "8:16", isDevice: true)
        sys.addPath("/dev/disk/by-id/usb-stick-part1", "8:17", isDevice: true)
        #expect(sys.disk(of: "/dev/sdb") == .disk("8:16"))
        #expect(sys.disk(of: "/dev/disk/by-id/usb-stick-part1") == .disk("8:16"))
    }

    // sda
    // ├─sda1 ─┐
    // └─sda2 ─┴─ dm-0 (LVM over both)  /
    @Test("Several parts of one disk are one disk")
    func partsOfOneDisk() throws {
        try sys.add("sda", "8:0")
        try sys.addPartition("sda1", "8:1", of: "sda")
        try sys.addPartition("sda2", "8:2", of: "sda")
        try sys.add("dm-0", "253:0", on: ["sda1", "sda2"], uuid: "LVM-Bq1")
        sys.mount("/", "253:0")
        #expect(sys.disk(of: "/") == .disk("8:0"))
    }

    // sda ─┐
    // sdb ─┴─ dm-0 (multipath: two ways to one disk)
    //          └─dm-1 (its first partition)  /
    @Test("Several paths to one disk are one disk: the multipath map, where a cap holds")
    func multipath() throws {
        try sys.add("sda", "8:0")
        try sys.add("sdb", "8:16")
        try sys.add("dm-0", "253:0", on: ["sda", "sdb"], uuid: "mpath-3600508b4")
        try sys.add("dm-1", "253:1", on: ["dm-0"], uuid: "part1-mpath-3600508b4")
        sys.mount("/", "253:1")
        #expect(sys.disk(of: "/") == .disk("253:0"))
    }

    // sda  /srv (with the file images/a.img)
    // loop0
    // └─loop0p1  /mnt
    @Test("A loop device stands for itself, since what it does to its file is counted for nobody")
    func loopFile() throws {
        try sys.add("sda", "8:0")
        try sys.addLoop("loop0", "7:0", file: "/srv/images/a.img")
        try sys.addPartition("loop0p1", "259:9", of: "loop0")
        sys.mount("/srv", "8:0")
        sys.mount("/mnt", "259:9")
        #expect(sys.disk(of: "/mnt") == .disk("7:0"))
        #expect(sys.disk(of: "/srv") == .disk("8:0"))
    }

    // sda  sdb  (btrfs over both)  /
    // sdc
    // └─dm-0 (LUKS, btrfs)  /srv
    @Test("btrfs leads to the disks of its members, however the kernel calls the one that it names")
    func btrfs() throws {
        try sys.add("sda", "8:0")
        try sys.add("sdb", "8:16")
        try sys.add("sdc", "8:32")
        try sys.add("dm-0", "253:0", on: ["sdc"], uuid: "CRYPT-LUKS2-77", dmName: "data")
        try sys.addBtrfs("1111", members: ["sda", "sdb"])
        try sys.addBtrfs("2222", members: ["dm-0"])
        sys.mount("/", "0:44", type: "btrfs", source: "/dev/sda")
        sys.mount("/srv", "0:45", type: "btrfs", source: "/dev/mapper/data")
        #expect(try reason("/").contains("/ lies on several disks (/dev/sda 8:0, /dev/sdb 8:16)"))
        #expect(sys.disk(of: "/srv") == .disk("8:32"))
        sys.mount("/home", "0:46", type: "btrfs", source: "/dev/vg/home")
        #expect(
            try reason("/home")
                == "the disks of /home (btrfs on /dev/vg/home) are not listed in \(sys.path)/fs/btrfs")
        sys.addPath("/dev/vg/home", "253:0", isDevice: true)
        #expect(sys.disk(of: "/home") == .disk("8:32"))
    }

    // sda
    // └─sda1 (btrfs)  /
    @Test("The only btrfs of a machine is found though it was mounted as /dev/root")
    func onlyBtrfs() throws {
        try sys.add("sda", "8:0")
        try sys.addPartition("sda1", "8:1", of: "sda")
        try sys.addBtrfs("1111", members: ["sda1"])
        sys.mount("/", "0:44", type: "btrfs", source: "/dev/root")
        #expect(sys.disk(of: "/") == .disk("8:0"))
    }

    @Test(
        "File systems without a disk say so",
        arguments: [
            ("overlay", "overlay has no disk of its own; give a path on the disk below it"),
            ("tmpfs", "tmpfs has no disk of its own"), ("nfs4", "nfs4 has no disk of its own"),
            ("zfs", "zfs has no disk of its own"),
        ])
    func without(type: String, answer: String) throws {
        sys.mount("/", "0:31", type: type)
        sys.addPath("/below", "0:31")
        #expect(try reason("/below") == answer)
    }

    @Test("What cannot be followed is said: a path that is not there, a device that sysfs lacks, a ring")
    func unknown() throws {
        #expect(try reason("/missing") == "/missing cannot be examined: No such file or directory")
        sys.addPath("/nowhere", "0:99")
        #expect(try reason("/nowhere") == "no mount of /nowhere is known")
        sys.mount("/", "8:0")
        #expect(try reason("/").hasPrefix("the disk of / (device 8:0) cannot be found below \(sys.path): "))
        try sys.add("dm-1", "253:1")
        try sys.add("dm-2", "253:2", on: ["dm-1"])
        try sys.add("dm-1", "253:1", on: ["dm-2"])
        sys.mount("/ring", "253:1")
        #expect(try reason("/ring").hasSuffix("Too many levels of symbolic links"))
    }

    @Test("On this machine /proc has no disk, and a path that is not there is said to be missing")
    func here() {
        #expect(lookUpDisk("/proc/self") == .none(reason: "proc has no disk of its own"))
        guard case .none(let missing) = lookUpDisk("/does/not/exist") else { return #expect(Bool(false)) }
        #expect(missing.contains("No such file or directory"))
        #expect(deviceName(of: "no number") == nil)
    }
}
