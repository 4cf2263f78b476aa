import LinuxSystem
import Testing
import UpdateModel

/// The lab's kernel has nftables for bridges only.
@Suite(
    "Downloads on a kernel that cannot hold them", .serialized, .enabled(if: isKernelLab, "\(noKernelLab)"),
    .enabled(if: fileExists("/usr/sbin/nft"), "nft is missing: apt-get install nftables"))
struct DownloadTests {
    @Test("A policy that requires it is refused before anything runs, with what nft said of the kernel")
    func refused() throws {
        let program = try Program()
        try program.add("fetch", script: "echo fetched")
        let run = try program.run(policy: "download_rate = \"1M\"\ndownload_enforce = true")
        #expect(run.cause == .code(3), "\(run.errors)")
        #expect(run.errors.contains("run.download_enforce = true: nft says: "), "\(run.errors)")
        #expect(
            run.errors.contains("run.download_rate = \"1M\": fetch does not say that what is downloaded keeps to it"))
        #expect(run.starts("fetch").isEmpty)
        try program.expectNothingLeft()
    }

    @Test("Each download is told its share of the moment: half while another is yet to come, all when none is")
    func shares() throws {
        let program = try Program()
        let fifo = try program.makeFIFO("gate")
        let manifest = "keeps_download_rate = true\nmutexes = { update = [\"network:download\"] }"
        try program.add("first", manifest: manifest, script: "echo told $UPDATE_ALL_DOWNLOAD_RATE_BYTES; cat \(fifo)")
        try program.add(
            "second", manifest: "\(manifest)\nafter = [\"first\"]", script: "echo told $UPDATE_ALL_DOWNLOAD_RATE_BYTES")
        let running = try program.start(policy: "downloads = 2\ndownload_rate = \"1M\"")
        try running.wait { $0.lines == ["told 524288"] }
        try shell("echo go >\(fifo)")
        let run = try running.finish()
        #expect(run.cause == .code(0), "\(run.errors)")
        #expect(run.lines("second") == ["told 1048576"])
        try program.expectNothingLeft()
    }
}
