import Governing
import Policy
import PolicyFixtures
import RunPolicy
import TestSupport
import Testing
import TomlDocument
import UpdateModel

@Suite("A policy that changes while its run goes on")
struct LivePolicyTests {
    @Test("A further value is the strongest, and all others stay, though files are not read again")
    func setting() throws {
        let others = ["shared": "[run]\nparallel = 3\ndownloads = 2\n"]
        let old = try merge(
            base: "extends = \"shared\"\n[step]\nnice = 5", etc: ["[run]\nmemory_high = \"1G\""],
            set: ["run.parallel=4"], others: others)
        let new = try old.setting(["run.parallel=1", "plugin.apt.memory_max=2G"])
        #expect(
            new.changes(from: old).map { "\($0.slot) \($0.value) \($0.previous ?? "–")" } == [
                "run.parallel 1 4", "plugin.apt.memory_max \"2G\" –",
            ])
        #expect(new.run(on: machine).downloads == 2 && new.step(apt, .execute, on: machine).nice == 5)
        let newer = try new.setting(["run.parallel=2"])
        #expect(newer.changes(from: new).map(\.value) == ["2"])
        #expect(newer.changes(from: newer).isEmpty)
    }

    @Test("A value that is not valid gets what --set says")
    func invalid() throws {
        let policy = try merge(base: "[run]\nmemory_max = \"1G\"")
        for assignment in ["run.paralel=1", "run.parallel=many", "nonsense", "run.memory_high=2G"] {
            let said = messages("[run]\nmemory_max = \"1G\"", set: [assignment])
            #expect(!said.isEmpty)
            do {
                _ = try policy.setting([assignment])
                Issue.record("\(assignment) is not valid")
            } catch {
                #expect(error.list.map(\.description) == said)
            }
        }
    }

    @Test("Limits change at once, how steps are started for those to come, and what the plan rests on never")
    func times() {
        func time(_ table: PolicyTable, _ key: PolicyKey) -> PolicyChangeTime {
            PolicySlot(table: table, key: key).changeTime
        }
        #expect(time(.run, .memoryHigh) == .atOnce && time(.run, .parallel) == .atOnce)
        #expect(time(.protect, .cpuSome) == .atOnce && time(.protect, .action) == .atOnce)
        #expect(time(.step(.download), .io) == .atOnce && time(.plugin(apt, nil), .cpuWeight) == .atOnce)
        #expect(time(.run, .downloadRate) == .forLaterSteps && time(.plugin(apt, .execute), .timeout) == .forLaterSteps)
        for (table, key) in [
            (PolicyTable.plugin(apt, nil), PolicyKey.runAs), (.document, .enforcement), (.hooks, .afterRun),
            (.log, .stepBytes), (.step(nil), .noNewPrivileges),
        ] {
            guard case .never = time(table, key) else {
                Issue.record("\(PolicySlot(table: table, key: key)) can change")
                continue
            }
        }
    }

    private func writes(
        _ old: Limits, _ new: Limits, _ role: GroupRole = .leaf, leaving share: Double = 1
    ) -> [String] {
        controlWrites(from: old, to: new, of: role, leaving: Fraction(share), on: machine).writes.map(\.description)
    }

    @Test("Only what changes is written, and what is no longer limited is lifted first")
    func changes() {
        let old = Limits(memoryHigh: ByteCount(1 << 30), cpuQuota: Fraction(1), ioWeight: 20, tasksMax: 100)
        var new = old
        #expect(writes(old, new) == [])
        new.memoryHigh = ByteCount(2 << 30)
        #expect(writes(old, new) == ["memory.high = 2147483648"])
        new.tasksMax = nil
        new.cpuQuota = nil
        #expect(
            writes(old, new) == ["cpu.max = max", "pids.max = max", "memory.high = 2147483648"])
        #expect(
            writes(new, old) == ["memory.high = 1073741824", "cpu.max = 100000 100000", "pids.max = 100"])
    }

    @Test("The idle class is left before a weight is given, and the other way round")
    func weights() {
        #expect(
            writes(Limits(cpuWeight: .idle), Limits(cpuWeight: .weight(50))) == ["cpu.idle = 0", "cpu.weight = 50"])
        #expect(
            writes(Limits(cpuWeight: .weight(50)), Limits(cpuWeight: .idle)) == ["cpu.weight = 100", "cpu.idle = 1"])
    }

    @Test("A cap of a disk that is gone is lifted, with its disk's other caps or alone")
    func disks() {
        let both = IOCap(path: "/", readBandwidthMax: ByteCount(8192), writeIOPSMax: 9)
        let one = IOCap(path: "/", readBandwidthMax: ByteCount(4096))
        let other = IOCap(path: "/srv", writeIOPSMax: 5)
        #expect(writes(Limits(io: [both]), Limits(io: [one])) == ["io.max = 8:0 rbps=4096 wiops=max"])
        #expect(
            writes(Limits(io: [both]), Limits(io: [other])) == [
                "io.max = 8:0 rbps=max wbps=max riops=max wiops=max", "io.max = 8:16 wiops=5",
            ])
    }

    @Test("While the governor leaves a run a share, it gets that share of its new time")
    func share() {
        let (old, new) = (Limits(cpuQuota: Fraction(1)), Limits(cpuQuota: Fraction(2)))
        #expect(writes(old, new, .run, leaving: 0.25) == ["cpu.max = 50000 100000"])
        #expect(writes(old, new, .branch, leaving: 0.25) == [])
    }

    @Test("From any limits to any others and back, what is in force is as in a fresh group")
    func random() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        func any<Value>(_ values: [Value]) -> Value { values.randomElement(using: &generator)! }
        func limits() -> Limits {
            Limits(
                memoryHigh: any([nil, ByteCount(1 << 20), ByteCount(1 << 21)]),
                memoryMax: any([nil, ByteCount(1 << 22)]),
                cpuQuota: any([nil, Fraction(0.5), Fraction(2)]),
                cpuWeight: any([nil, .idle, .weight(7), .weight(100)]),
                ioWeight: any([nil, 10, 20]),
                io: any([[], [IOCap(path: "/", readIOPSMax: 5)], [IOCap(path: "/srv", writeIOPSMax: 7)]]),
                tasksMax: any([nil, 5, 6]))
        }
        var old = limits()
        var group = PlainKernel()
        for write in controlWrites(for: old, of: .leaf, on: machine).writes { group.take(write) }
        for _ in 0..<500 {
            let new = limits()
            for write in controlWrites(from: old, to: new, of: .leaf, on: machine).writes { group.take(write) }
            var fresh = PlainKernel()
            for write in controlWrites(for: new, of: .leaf, on: machine).writes { fresh.take(write) }
            #expect(group.files == fresh.files, "seed \(seed): \(old) → \(new)")
            old = new
        }
    }
}

/// What the files of a group say after writes, without what is the kernel's default.
private struct PlainKernel {
    var files: [String: String] = [:]

    mutating func take(_ write: ControlWrite) {
        if write.file == "io.max" {
            let words = write.value.split(separator: " ")
            for word in words.dropFirst() {
                let parts = word.split(separator: "=")
                let key = "io.max \(words[0]) \(parts[0])"
                files[key] = parts[1] == "max" ? nil : String(parts[1])
            }
            return
        }
        let defaults = ["max", "cpu.weight = 100", "cpu.idle = 0", "io.weight = default 100"]
        let isDefault = defaults.contains(write.value) || defaults.contains(write.description)
        files[write.file] = isDefault ? nil : write.value
    }
}
