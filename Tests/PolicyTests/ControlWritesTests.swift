import Policy
import PolicyFixtures
import TestSupport
import Testing
import UpdateModel

private func writes(_ limits: Limits, _ role: GroupRole = .leaf, on facts: MachineFacts = machine) -> [String] {
    controlWrites(for: limits, of: role, on: facts).writes.map(\.description)
}

private func deviations(_ limits: Limits, _ role: GroupRole = .leaf, on facts: MachineFacts) -> [LimitDeviation] {
    controlWrites(for: limits, of: role, on: facts).deviations
}

private let everything = Limits(
    memoryHigh: ByteCount(768 << 20), memoryMax: ByteCount(1 << 30), memorySwapMax: ByteCount(0),
    cpuQuota: Fraction(0.5), cpuWeight: .weight(20), ioWeight: 10,
    io: [
        IOCap(
            path: "/", readBandwidthMax: ByteCount(80 << 20), writeBandwidthMax: ByteCount(40 << 20), readIOPSMax: 800,
            writeIOPSMax: 400)
    ],
    tasksMax: 512)

@Suite("Control writes")
struct ControlWritesTests {
    @Test("come in the order that the kernel wants: swap before high before max")
    func order() {
        #expect(
            writes(everything) == [
                "memory.swap.max = 0", "memory.high = 805306368", "memory.max = 1073741824", "memory.oom.group = 1",
                "cpu.weight = 20", "cpu.max = 50000 100000", "io.weight = default 10",
                "io.max = 8:0 rbps=83886080 wbps=41943040 riops=800 wiops=400", "pids.max = 512",
            ])
    }

    @Test("of a branch never let one step's death take the others with it")
    func branch() {
        #expect(!writes(everything, .branch).contains { $0.hasPrefix("memory.oom.group") })
        #expect(
            writes(everything, .branch) == [
                "memory.swap.max = 0", "memory.high = 805306368", "memory.max = 1073741824", "pids.max = 512",
            ])
    }

    @Test("of a run that bind its commits too are above both branches, once, and can kill none of them")
    func runGroup() {
        #expect(
            writes(everything, .run) == [
                "cpu.weight = 20", "cpu.max = 50000 100000", "io.weight = default 10",
                "io.max = 8:0 rbps=83886080 wbps=41943040 riops=800 wiops=400",
            ])
        #expect(writes(everything, .protectedBranch) == ["memory.high = 805306368"])
    }

    @Test("of a commit are weights, cpu.max, io.max and memory.high alone")
    func protected() {
        #expect(
            writes(everything, .protectedLeaf) == [
                "memory.high = 805306368", "cpu.weight = 20", "cpu.max = 50000 100000", "io.weight = default 10",
                "io.max = 8:0 rbps=83886080 wbps=41943040 riops=800 wiops=400",
            ])
    }

    @Test("of a protected group have memory_max as memory.high where there is no memory_high")
    func highServes() {
        #expect(writes(Limits(memoryMax: ByteCount(1 << 20)), .protectedLeaf) == ["memory.high = 1048576"])
        #expect(writes(Limits(), .protectedLeaf).isEmpty)
    }

    @Test("of memory are whole pages, rounded down, and never none of those that were to be some")
    func pages() {
        #expect(
            writes(Limits(memoryHigh: ByteCount(8191), memorySwapMax: ByteCount(4095)), .branch) == [
                "memory.swap.max = 0", "memory.high = 4096",
            ])
        #expect(writes(Limits(memoryMax: ByteCount(1)), .branch) == ["memory.max = 4096"])
    }

    @Test("of an idle weight are cpu.idle alone, and the least weight on a kernel without that")
    func idle() {
        #expect(writes(Limits(cpuWeight: .idle), .run) == ["cpu.idle = 1"])
        var old = machine
        old.missingControlFiles = ["cpu.idle"]
        #expect(writes(Limits(cpuWeight: .idle), .run, on: old) == ["cpu.weight = 1"])
        #expect(
            deviations(Limits(cpuWeight: .idle), on: old) == [
                LimitDeviation(
                    control: "cpu.idle", requested: "1", effective: "cpu.weight = 1",
                    reason: "this kernel has no cpu.idle")
            ])
    }

    @Test("of a quota below 1 ms are 1 ms, and say so")
    func leastQuota() {
        #expect(writes(Limits(cpuQuota: Fraction(0.001)), .run) == ["cpu.max = 1000 100000"])
        #expect(deviations(Limits(cpuQuota: Fraction(0.001)), on: machine).map(\.effective) == ["1000 100000"])
        #expect(writes(Limits(cpuQuota: Fraction(2.5)), .run) == ["cpu.max = 250000 100000"])
    }

    @Test("of several caps on one disk are one, with the tightest of each")
    func sameDisk() {
        let limits = Limits(io: [
            IOCap(path: "/", readBandwidthMax: ByteCount(10), writeIOPSMax: 5), IOCap(path: "/srv", readIOPSMax: 7),
            IOCap(path: "/home", readBandwidthMax: ByteCount(9), writeBandwidthMax: ByteCount(3), writeIOPSMax: 6),
        ])
        #expect(writes(limits, .run) == ["io.max = 8:0 rbps=9 wbps=3 wiops=5", "io.max = 8:16 riops=7"])
    }

    @Test("leave out paths without a disk, and say why")
    func noDisk() {
        let limits = Limits(io: [
            IOCap(path: "/tmp", readIOPSMax: 7), IOCap(path: "/x", writeIOPSMax: 8), IOCap(path: "/", readIOPSMax: 9),
        ])
        #expect(writes(limits, .run) == ["io.max = 8:0 riops=9"])
        #expect(
            deviations(limits, on: machine) == [
                LimitDeviation(
                    control: "io.max", requested: "/tmp riops=7", effective: nil, reason: "tmpfs has no disk"),
                LimitDeviation(
                    control: "io.max", requested: "/x wiops=8", effective: nil,
                    reason: "nobody looked for the disk of /x"),
            ])
    }

    @Test("that a machine cannot do are one deviation for each control, with the reason")
    func missingControllers() {
        var bare = machine
        bare.controllers = []
        bare.missingControllerReason = "the controllers are on cgroup v1"
        let missing = deviations(everything, on: bare)
        #expect(writes(everything, on: bare).isEmpty)
        #expect(
            missing.map(\.control) == [
                "memory.swap.max", "memory.high", "memory.max", "cpu.weight", "cpu.max", "io.weight", "io.max",
                "pids.max",
            ])
        #expect(missing.allSatisfy { $0.reason == "the controllers are on cgroup v1" && $0.effective == nil })
        #expect(missing[6].requested == "/ rbps=83886080 wbps=41943040 riops=800 wiops=400")
        #expect(
            deviations(Limits(cpuQuota: Fraction(0.001), cpuWeight: .idle), on: bare).map(\.control) == [
                "cpu.idle", "cpu.max",
            ])
    }

    @Test("that only one control file is missing for do without that one")
    func missingFile() {
        var facts = machine
        facts.missingControlFiles = ["io.weight", "memory.swap.max", "memory.oom.group"]
        #expect(
            deviations(everything, on: facts).map(\.reason) == [
                "this kernel has no memory.swap.max", "this kernel has no io.weight",
            ])
        #expect(writes(everything, on: facts).count == 6)
    }

    @Test("of no limits are none")
    func none() {
        for role in GroupRole.allCases {
            #expect(writes(Limits(), role) == (role == .leaf ? ["memory.oom.group = 1"] : []))
        }
    }
}

@Suite("Control writes of random limits")
struct ControlWritesProperties {
    private static func random(_ generator: inout SeededGenerator) -> Limits {
        func maybe<Value>(_ value: (inout SeededGenerator) -> Value) -> Value? {
            Bool.random(using: &generator) ? value(&generator) : nil
        }
        func size(_ generator: inout SeededGenerator) -> ByteCount {
            ByteCount(Int64.random(in: 1...(1 << 40), using: &generator))
        }
        var limits = Limits()
        limits.memoryHigh = maybe(size)
        limits.memoryMax = maybe(size)
        limits.memorySwapMax = maybe(size)
        limits.cpuQuota = maybe { Fraction(Double.random(in: 0.0001...64, using: &$0)) }
        limits.cpuWeight = maybe { Bool.random(using: &$0) ? .idle : .weight(Int.random(in: 1...10_000, using: &$0)) }
        limits.ioWeight = maybe { Int.random(in: 1...10_000, using: &$0) }
        limits.tasksMax = maybe { Int64.random(in: 1...4_194_304, using: &$0) }
        limits.io = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
            var cap = IOCap(path: ["/", "/srv", "/home", "/tmp"].randomElement(using: &generator) ?? "/")
            cap.readBandwidthMax = size(&generator)
            cap.writeIOPSMax = maybe { Int64.random(in: 1...100_000, using: &$0) }
            return cap
        }
        return limits
    }

    @Test("write each control at most once, disks apart; say each limit or why not; and kill nothing protected")
    func properties() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<5000 {
            let limits = Self.random(&generator)
            var facts = machine
            facts.controllers = facts.controllers.filter { _ in Int.random(in: 0..<5, using: &generator) > 0 }
            for role in GroupRole.allCases {
                let (writes, deviations) = controlWrites(for: limits, of: role, on: facts)
                let comment: Comment = "seed \(seed), \(role), \(limits)"
                let targets = writes.map { $0.file == "io.max" ? "io.max \($0.value.prefix { $0 != " " })" : $0.file }
                #expect(Set(targets).count == targets.count, comment)
                #expect(!(targets.contains("cpu.idle") && targets.contains("cpu.weight")), comment)
                let order = ["memory.swap.max", "memory.high", "memory.max"].compactMap { targets.firstIndex(of: $0) }
                #expect(order == order.sorted(), comment)
                let deadly = ["memory.max", "memory.swap.max", "memory.oom.group", "pids.max"]
                let touched = Set(targets + deviations.map(\.control))
                if role.isProtected { #expect(touched.isDisjoint(with: deadly), comment) }
                // What binds commits too is above the branches; what kills is on them.
                let isBranch = role == .branch || role == .protectedBranch
                let shared = ["cpu.max", "cpu.weight", "cpu.idle", "io.max", "io.weight"]
                if isBranch { #expect(touched.isDisjoint(with: shared), comment) }
                if role == .run { #expect(!touched.contains { $0.hasPrefix("memory.") }, comment) }
                #expect(
                    writes.allSatisfy { Controller(controlFile: $0.file).map(facts.controllers.contains) == true },
                    comment)

                // Read back, the writes are the limits.
                func value(_ file: String) -> Int64? {
                    writes.first { $0.file == file }.flatMap { Int64($0.value.prefix { $0 != " " }) }
                }
                if facts.controllers.contains(.memory), !role.isProtected {
                    for (file, size) in [("memory.high", limits.memoryHigh), ("memory.max", limits.memoryMax)] {
                        #expect(value(file) == size.map { max($0.bytes / 4096, 1) * 4096 }, comment)
                    }
                }
                if facts.controllers.contains(.cpu), !isBranch {
                    #expect(
                        value("cpu.max") == limits.cpuQuota.map { max(1000, Int64(($0.value * 100_000).rounded())) },
                        comment)
                    if case .weight(let weight) = limits.cpuWeight {
                        #expect(value("cpu.weight") == Int64(weight), comment)
                    }
                }
                if facts.controllers.contains(.pids), !role.isProtected {
                    #expect(value("pids.max") == limits.tasksMax, comment)
                }
                if facts.controllers.contains(.io), !isBranch {
                    let root = limits.io.filter { $0.path == "/" || $0.path == "/home" }.compactMap(\.readBandwidthMax)
                        .min()
                    let written = writes.first { $0.value.hasPrefix("8:0 ") }?.value
                    #expect((written != nil) == (root != nil), comment)
                    if let root, let written { #expect(written.hasPrefix("8:0 rbps=\(root.bytes)"), comment) }
                }
            }
        }
    }
}
