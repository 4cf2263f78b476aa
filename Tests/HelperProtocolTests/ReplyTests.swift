import HelperProtocol
import TestSupport
import Testing
import UpdateModel

@Suite("Replies of the helper")
struct ReplyTests {
    static let failure = HelperReply.LaunchFailure(
        executable: "/bin/sh", stage: 24, attempt: "run it", errno: 13, advice: "chmod +x")
    static let everyKind: [HelperReply] = [
        .ready(.init(mount: "/sys/fs/cgroup", path: "/updateall.slice/run-1", controllers: [.cpu, .memory])),
        .ready(
            .init(
                mount: "/m", path: "/p", controllers: [], missingControllerReason: "v1 has them",
                missingControlFiles: ["io.weight", "cpu.idle"])),
        .applied(
            RequestTests.writes,
            deviations: [
                LimitDeviation(control: "io.max", requested: "8:0 rbps=1", effective: nil, reason: "no disk"),
                LimitDeviation(control: "memory.max", requested: "1", effective: "4096", reason: "pages"),
            ]),
        .launched(process: 4711), .notLaunched(failure), .running, .done,
        .ended(.init(status: 0, isSignal: false)),
        .ended(
            .init(status: 9, isSignal: true, userTime: 1, systemTime: .max, peakResident: 1 << 40, failure: failure)),
        .refused("the plugin ä may not"), .failed("create the group", errno: 17),
    ]

    @Test("every kind is read back as it was written", arguments: everyKind)
    func roundTrip(reply: HelperReply) throws {
        let bytes = try #require(reply.encoded())
        #expect(HelperReply(bytes: bytes) == reply)
    }

    @Test("a reply that is cut anywhere, or has a byte too many, is none", arguments: everyKind)
    func truncation(reply: HelperReply) throws {
        let bytes = try #require(reply.encoded())
        for count in 0..<bytes.count { #expect(HelperReply(bytes: Array(bytes.prefix(count))) == nil) }
        #expect(HelperReply(bytes: bytes + [0]) == nil)
    }

    @Test("random bytes, and valid replies with random changes, never trap, and what is read can be written again")
    func randomBytes() {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            let bytes = randomPacket(like: Self.everyKind.compactMap { $0.encoded() }, &generator)
            guard let reply = HelperReply(bytes: bytes) else { continue }
            #expect(reply.encoded() == bytes, "seed \(seed)")
        }
    }

    @Test("only a process comes with a descriptor: its pidfd")
    func descriptors() {
        #expect(Self.everyKind.map(\.descriptorCount).reduce(0, +) == 1)
        #expect(HelperReply.launched(process: 2).descriptorCount == 1)
    }

    @Test("a text is cut between characters to what fits, and has no NUL then")
    func fitting() {
        #expect("abc".fitting(3) == "abc")
        #expect("aäö".fitting(4) == "aä")
        #expect("a\0b".fitting(10) == "a\u{FFFD}b")
        #expect("ää".fitting(1) == "")
    }
}

@Suite("Whether a limit gives more than another")
struct LimitComparisonTests {
    @Test(
        "more, or what cannot be read, is looser; as much, or less, is not",
        arguments: [
            ("memory.high", "2", "1", true), ("memory.high", "1", "1", false), ("memory.max", "max", "1", true),
            ("memory.max", "1", "max", false), ("pids.max", "many", "5", true), ("memory.swap.max", "0", "0", false),
            ("cpu.weight", "101", "100", true), ("cpu.weight", "1", "100", false),
            ("io.weight", "default 20", "default 10", true), ("io.weight", "default 10", "10", false),
            ("cpu.idle", "0", "1", true), ("cpu.idle", "1", "0", false),
            ("cpu.max", "max 100000", "50000 100000", true), ("cpu.max", "25000 50000", "50000 100000", false),
            ("cpu.max", "50000 1000", "50000 100000", true), ("cpu.max", "50000", "50000 100000", false),
            ("cpu.max", "1 0", "50000 100000", true),
            ("io.max", "8:0 rbps=2", "8:0 rbps=1", true), ("io.max", "8:0 wbps=1", "8:0 rbps=1", true),
            ("io.max", "8:0 rbps=1 wiops=3", "8:0 rbps=1", false), ("io.max", "8:0 rbps=max", "8:0 rbps=1", true),
            ("memory.reclaim", "1", "1", true),
        ])
    func looser(file: String, value: String, ceiling: String, isLooser: Bool) {
        let write = ControlWrite(file: file, value: value)
        #expect(write.isLooser(than: ControlWrite(file: file, value: ceiling)) == isLooser)
    }

    @Test("caps of two disks have nothing to do with each other, and other files have one value each")
    func same() {
        func write(_ file: String, _ value: String) -> ControlWrite { ControlWrite(file: file, value: value) }
        #expect(!write("io.max", "8:0 rbps=1").concernsSame(as: write("io.max", "8:16 rbps=1")))
        #expect(write("io.max", "8:0 rbps=1").concernsSame(as: write("io.max", "8:0 wbps=1")))
        #expect(write("cpu.max", "1 2").concernsSame(as: write("cpu.max", "max")))
        #expect(!write("cpu.max", "1 2").concernsSame(as: write("cpu.weight", "1")))
    }
}
