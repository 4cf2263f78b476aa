import Testing
import UpdateModel

@testable import LinuxSystem

@Suite("What the kernel's text files say")
struct TextTests {
    private let mountInfo = """
        27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
        31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - tmpfs tmpfs rw,mode=755
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:10 master:3 - cgroup2 cgroup2 rw
        50 27 0:44 /@home /home rw shared:7 - btrfs /dev/sda3 rw,subvol=/@home
        51 50 8:17 / /home/a\\040b\\134c rw - vfat /dev/sdb1 rw
        not a mount
        """

    @Test("Mounts are read with any number of optional fields and with escaped names")
    func mounts() {
        let mounts = Mount.parse(mountInfo)
        #expect(mounts.map(\.type) == ["ext4", "tmpfs", "cgroup2", "btrfs", "vfat"])
        let home = Mount(device: "0:44", root: "/@home", mountPoint: "/home", type: "btrfs", source: "/dev/sda3")
        #expect(mounts[3] == home)
        #expect(mounts[4].mountPoint == "/home/a b\\c")
        #expect(Mount.parse("1 2 3:4 / / rw - ext4").isEmpty)
        #expect(Mount.parse("1 2 3:4 / /a\\09 rw - ext4 x rw").first?.mountPoint == "/a\\09")
    }

    @Test("A path lies on the mount with the longest mount point above it, the last one mounted there")
    func containing() {
        let mounts = Mount.parse(mountInfo)
        func type(_ path: String) -> String? { Mount.containing(path, in: mounts)?.type }
        #expect(type("/") == "ext4")
        #expect(type("/homework") == "ext4")
        #expect(type("/home") == "btrfs")
        #expect(type("/home/a b\\c/d") == "vfat")
        #expect(Mount.containing("/", in: []) == nil)
        let twice = mounts + [Mount(device: "0:9", root: "/", mountPoint: "/home", type: "nfs", source: "x")]
        #expect(Mount.containing("/home/x", in: twice)?.type == "nfs")
    }

    @Test("Our group of v2 is found by its prefix, wherever it stands")
    func ownGroup() {
        #expect(unifiedGroup(in: "0::/user.slice/a::b\n") == "/user.slice/a::b")
        #expect(unifiedGroup(in: "9:name=systemd:/x\n4:memory:/m\n0::/\n") == "/")
        #expect(unifiedGroup(in: "4:memory:/m\n10::/no") == nil)
    }

    @Test("The machine's memory is MemTotal")
    func memory() throws {
        #expect(totalMemory(in: "MemTotal:       24684084 kB\nMemFree: 1 kB") == ByteCount(24_684_084 * 1024))
        #expect(totalMemory(in: "MemFree: 1 kB") == nil)
        #expect(totalMemory(in: "MemTotal: much") == nil)
        #expect(totalSwap(in: "MemTotal: 1 kB\nSwapTotal:       2048 kB") == ByteCount(2 << 20))
        #expect(try machineMemory().bytes > 1 << 20)
        #expect(try machineSwap() != nil)
        #expect(usableCPUs() >= 1)
        #expect(pageSize() >= 4096)
        #expect(!machineName().isEmpty && !machineName().contains("."))
    }
}
