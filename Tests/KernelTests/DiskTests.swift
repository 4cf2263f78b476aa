import LinuxSystem
import Testing
import UpdateModel

/// Disks of the test's own: loop devices on files in memory, with partitions and device mapper upon them. The lab's kernel
/// cannot load dm-crypt, so that a linear map stands where LUKS would.
private struct Stack {
    /// loop0              loop1
    /// ├─loop0p1          └─loop1p1
    /// │ └─dm-0 (LUKS)         │
    /// │   └─dm-1 (LVM)        │       volume
    /// └─loop0p2 ── dm-2 ──────┘       striped
    init() throws {
        try shell(
            """
            set -e
            mkdir -p /tmp/uml/lib
            ln -sfn /usr/lib/uml/modules /tmp/uml/lib/modules
            modprobe --dirname /tmp/uml --all loop dm-mod
            truncate -s 96M /tmp/disk0 /tmp/disk1
            for number in 0 1; do
                losetup --partscan /dev/loop$number /tmp/disk$number
                addpart /dev/loop$number 1 2048 131072
            done
            addpart /dev/loop0 2 135168 32768
            create() { dmsetup create --noudevsync --noudevrules "$@"; }
            create --uuid CRYPT-LUKS2-lab luks --table "0 131072 linear /dev/loop0p1 0"
            create --uuid LVM-lab volume --table "0 131072 linear /dev/dm-0 0"
            create --uuid LVM-lab2 striped --table "0 65536 striped 2 64 /dev/loop0p2 0 /dev/loop1p1 0"
            for point in 'volume dm-1' 'striped dm-2'; do
                set -- $point
                mkdir -p /mnt/$1
                mkfs.ext4 -q /dev/$2
                mount /dev/$2 /mnt/$1
            done
            """)
    }

    func remove() throws {
        try shell(
            """
            umount /mnt/volume /mnt/striped
            for map in striped volume luks; do dmsetup remove --noudevsync --noudevrules $map; done
            losetup --detach-all
            rm /tmp/disk0 /tmp/disk1
            """)
    }
}

@Suite(
    "Disks of a real kernel", .serialized, .enabled(if: isKernelLab, "\(noKernelLab)"),
    .enabled(if: fileExists("/usr/sbin/dmsetup"), "dmsetup is missing: apt-get install dmsetup"))
struct DiskTests {
    @Test("A path on LVM on LUKS on a partition leads to the disk, one over two disks is refused with both")
    func lookUp() throws {
        let stack = try Stack()
        #expect(lookUpDisk("/mnt/volume") == .disk("7:0"))
        #expect(deviceName(of: "7:0") == "loop0")
        #expect(lookUpDisk("/dev/loop1p1") == .disk("7:1"))
        #expect(lookUpDisk("/dev/dm-0") == .disk("7:0"))
        #expect(
            lookUpDisk("/mnt/striped")
                == .none(
                    reason:
                        "/mnt/striped lies on several disks (/dev/loop0 7:0, /dev/loop1 7:1); give one of them as the path"
                ))
        #expect(lookUpDisk("/tmp") == .none(reason: "tmpfs has no disk of its own"))
        #expect(lookUpDisk("/") == .none(reason: "overlay has no disk of its own; give a path on the disk below it"))
        try stack.remove()
    }

    @Test("A run's cap on that path holds the step's writes, and the plan names what is refused with the candidates")
    func cap() throws {
        let stack = try Stack()
        let program = try Program()
        try program.add("writer", script: "dd if=/dev/zero of=/mnt/volume/file bs=1M count=24 oflag=direct; sync")
        let path = "path = \"/mnt/volume\", write_bandwidth_max = \"4M\""
        let run = try program.run(policy: "io = [{ \(path) }]")
        #expect(run.cause == .code(0), "\(run.errors)")
        let metrics = try #require(run.end("writer")?.metrics)
        // 24 MiB at 4 MiB a second.
        #expect((5.0...8.5).contains(metrics.wallSeconds), "\(metrics)")
        // Counted on the disk, and not once more on each layer above it.
        let written = try #require(metrics.ioWritten).bytes
        #expect((24 << 20..<28 << 20).contains(written), "\(written)")

        let refused = try program.run(policy: "io = [{ path = \"/mnt/striped\", write_bandwidth_max = \"4M\" }]")
        #expect(refused.cause == .code(3), "\(refused.errors)")
        #expect(refused.errors.contains("(/dev/loop0 7:0, /dev/loop1 7:1); give one of them as the path"))
        #expect(refused.starts("writer").isEmpty)
        let chosen = try program.run(policy: "io = [{ path = \"/dev/loop1\", write_bandwidth_max = \"4M\" }]")
        #expect(chosen.cause == .code(0), "\(chosen.errors)")
        try stack.remove()
    }
}
