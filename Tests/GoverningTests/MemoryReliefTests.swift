import TestSupport
import Testing
import UpdateModel

@testable import Governing

private func mebibytes(_ count: Int64) -> ByteCount { ByteCount(count << 20) }

@Suite struct MemoryReliefTests {
    private func memory(
        high: Int64? = 64, held: Int64, events: Int64, swap: Int64 = 0
    ) -> HeldMemory {
        HeldMemory(
            high: high.map(mebibytes), held: mebibytes(held), highEvents: events, swapLeft: mebibytes(swap))
    }

    private func answer(_ memory: HeldMemory) -> MemoryRelief.Answer {
        var relief = MemoryRelief(machineMemory: mebibytes(2048))
        return relief.observe(memory, at: .seconds(1))
    }

    @Test func `a limit is raised by half when it was met, what is held is near it, and swap cannot help`() {
        #expect(answer(memory(held: 60, events: 1)) == .raise(to: mebibytes(96)))
        #expect(answer(memory(high: 8, held: 7, events: 1)) == .raise(to: mebibytes(24)))
        #expect(answer(memory(held: 60, events: 1, swap: 7)) == .raise(to: mebibytes(96)))
    }

    @Test func `it is not raised where it was not met, or something can be given back`() {
        #expect(answer(memory(held: 64, events: 0)) == .rest)
        #expect(answer(memory(held: 20, events: 9)) == .rest)
        #expect(answer(memory(held: 60, events: 9, swap: 8)) == .rest)
        #expect(answer(memory(high: nil, held: 500, events: 9)) == .rest)
    }

    @Test func `what would reach the machine's memory is no limit`() {
        #expect(answer(memory(high: 1400, held: 1390, events: 1)) == .raise(to: nil))
        #expect(answer(memory(high: 1300, held: 1290, events: 1)) == .raise(to: mebibytes(1950)))
    }

    @Test func `on the way there it is looked at for five seconds after the limit was met, and then no more`() {
        var relief = MemoryRelief(machineMemory: mebibytes(2048))
        #expect(relief.observe(memory(held: 40, events: 1), at: .seconds(1)) == .look(at: .milliseconds(1100)))
        #expect(relief.observe(memory(held: 41, events: 1), at: .seconds(6)) == .look(at: .milliseconds(6100)))
        #expect(relief.observe(memory(held: 63, events: 1), at: .milliseconds(6001)) == .rest)
        #expect(relief.observe(memory(held: 63, events: 2), at: .seconds(7)) == .raise(to: mebibytes(96)))
    }

    @Test func `behind a raise it waits for the limit to be met again`() {
        var relief = MemoryRelief(machineMemory: mebibytes(2048))
        #expect(relief.observe(memory(held: 60, events: 1), at: .seconds(1)) == .raise(to: mebibytes(96)))
        #expect(relief.observe(memory(high: 96, held: 90, events: 1), at: .seconds(1)) == .rest)
        #expect(relief.observe(memory(high: 96, held: 90, events: 2), at: .seconds(1)) == .raise(to: mebibytes(144)))
    }

    @Test(arguments: 0..<4)
    func `whatever a commit needs, it gets in few steps, never less than before`(_ chunk: Int) throws {
        for seed in UInt64(chunk * 500)..<UInt64((chunk + 1) * 500) {
            var random = SeededGenerator(seed: seed)
            let machine = ByteCount(.random(in: (64 << 20)...(1 << 42), using: &random))
            let need = ByteCount(.random(in: 0...machine.bytes, using: &random))
            var high: ByteCount? = ByteCount(.random(in: 4096...machine.bytes, using: &random))
            var relief = MemoryRelief(machineMemory: machine)
            var events: Int64 = 0
            var raises = 0
            var now = Duration.zero
            // It allocates until its limit stops it, which the kernel counts.
            while let limit = high, limit < need {
                events += .random(in: 1...3, using: &random)
                now += .milliseconds(Int64.random(in: 1...3000, using: &random))
                let held = HeldMemory(high: limit, held: limit, highEvents: events, swapLeft: ByteCount(0))
                guard case .raise(let next) = relief.observe(held, at: now) else {
                    Issue.record("seed \(seed): it is left at \(limit)")
                    return
                }
                if let next { #expect(next > limit && next < machine, "seed \(seed)") }
                high = next
                raises += 1
            }
            // log(2⁴² / 2¹²) / log 1.5 is 51; the first sixteen mebibytes take one.
            #expect(raises <= 32, "seed \(seed)")
        }
    }

    @Test func `what is held is all but pages of files and the kernel's caches`() {
        let stat = "anon 100\nfile 50\ninactive_file 20\nactive_file 10\nslab_reclaimable 5\nslab 9\n"
        let events = "low 0\nhigh 7\nmax 0\noom 0\noom_kill 0\n"
        let held = HeldMemory(high: "4096", current: "200", stat: stat, events: events, swapLeft: ByteCount(3))
        #expect(
            held == HeldMemory(high: ByteCount(4096), held: ByteCount(165), highEvents: 7, swapLeft: ByteCount(3)))
        let none = HeldMemory(high: "max", current: "20", stat: stat, events: events, swapLeft: ByteCount(0))
        #expect(none?.high == nil && none?.held == ByteCount(0))
        for (high, current, stat, events) in [
            ("", "1", stat, events), ("1", "", stat, events), ("1", "1", "", events), ("1", "1", stat, ""),
        ] {
            let broken = HeldMemory(high: high, current: current, stat: stat, events: events, swapLeft: ByteCount(0))
            #expect(broken == nil)
        }
    }

    @Test func `swap is what the machine has left, and every group above leaves`() {
        let meminfo = "MemTotal:  2048 kB\nSwapTotal:  100 kB\nSwapFree:  64 kB\n"
        #expect(swapLeft(meminfo: meminfo, groups: []) == ByteCount(65_536))
        #expect(swapLeft(meminfo: meminfo, groups: [("max", "0"), ("1000", "900")]) == ByteCount(100))
        #expect(swapLeft(meminfo: meminfo, groups: [("0", "4096")]) == ByteCount(0))
        #expect(swapLeft(meminfo: "", groups: []) == ByteCount(0))
    }
}
