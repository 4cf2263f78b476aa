import RunModel
import TestSupport
import Testing
import UpdateModel

@testable import Scheduling

private func mebibytes(_ count: Int64) -> ByteCount { ByteCount(count << 20) }

@Suite("What becomes of a step that was killed for memory") struct MemoryRetryTests {
    private func kill(
        at limit: ByteCount?, runLimit: ByteCount? = nil, largest: ByteCount = mebibytes(512), wasAlone: Bool = false,
        retries: Int = 0, allowed: Int = 1
    ) -> Result<MemoryRetry, MemoryKill.Refusal> {
        MemoryKill(
            limit: limit, runLimit: runLimit, largest: largest, wasAlone: wasAlone, retries: retries, allowed: allowed
        ).retry
    }

    @Test("At its own limit it is tried again with twice as much, or with all that a step may have")
    func larger() {
        #expect(kill(at: mebibytes(64)) == .success(.larger(mebibytes(128))))
        #expect(kill(at: mebibytes(300)) == .success(.larger(mebibytes(512))))
        #expect(kill(at: mebibytes(64), retries: 1, allowed: 2) == .success(.larger(mebibytes(128))))
        #expect(MemoryKill.next(after: ByteCount(.max - 1)) == ByteCount(.max))
    }

    @Test("At the limit of the run it is tried again alone, once")
    func alone() {
        #expect(kill(at: nil, runLimit: mebibytes(96)) == .success(.alone))
        #expect(kill(at: nil, runLimit: mebibytes(96), wasAlone: true, allowed: 3) == .failure(.wasAlone))
    }

    @Test("It is not tried again where the policy does not want it, often enough was, or there is nothing larger")
    func refused() {
        #expect(kill(at: mebibytes(64), allowed: 0) == .failure(.notWanted))
        #expect(kill(at: mebibytes(64), retries: 2, allowed: 2) == .failure(.spent(tries: 2)))
        #expect(kill(at: mebibytes(512)) == .failure(.noLargerShare(mebibytes(512))))
        #expect(kill(at: mebibytes(600)) == .failure(.noLargerShare(mebibytes(600))))
        #expect(kill(at: nil) == .failure(.machine))
    }

    @Test("However it goes, no step is tried more often than the policy has it, nor with more than it may have")
    func bounded() throws {
        for seed in UInt64(0)..<2000 {
            var random = SeededGenerator(seed: seed)
            let largest = ByteCount(.random(in: 1...(1 << 40), using: &random))
            let allowed = Int.random(in: 0...10, using: &random)
            var limit = ByteCount(.random(in: 1...(1 << 40), using: &random))
            var wasAlone = false
            var retries = 0
            retrying: while true {
                let isOwn = Bool.random(using: &random)
                switch kill(
                    at: isOwn ? limit : nil, runLimit: largest, largest: largest, wasAlone: wasAlone, retries: retries,
                    allowed: allowed)
                {
                case .failure: break retrying
                case .success(.larger(let share)):
                    #expect(share > limit && share <= largest, "seed \(seed)")
                    limit = share
                case .success(.alone): wasAlone = true
                }
                retries += 1
                try #require(retries <= allowed, "seed \(seed)")
            }
        }
    }
}

@Suite("What earlier runs peaked at") struct PeakRecordTests {
    private let build = StepID(PluginName("build")!, .execute)

    private func run(_ number: Int) -> RunID {
        RunID(start: Timestamp(millisecondsSince1970: Int64(number) * 1000), processID: 1)
    }

    private func record(_ peaks: [Int64]) -> PeakRecord {
        var record = PeakRecord()
        for (number, peak) in peaks.enumerated() {
            record.noteSuccess(of: build, needing: mebibytes(peak), under: nil, in: run(number))
        }
        return record
    }

    @Test("The largest of the last five counts")
    func largest() {
        func expected(_ peaks: [Int64]) -> ByteCount? { record(peaks).demand(of: build, said: Demand()).memory }
        #expect(expected([]) == nil)
        #expect(expected([80, 100, 90]) == mebibytes(100))
        #expect(expected([900, 10, 20, 30, 40, 50]) == mebibytes(50))
    }

    @Test("An estimate is believed; a manifest is where it says more than was needed; the rest of the demand stays")
    func sources() {
        let record = record([100])
        func demand(_ memory: Int64?, _ source: DemandSource?) -> Demand {
            record.demand(
                of: build,
                said: Demand(
                    cpus: 2, memory: memory.map(mebibytes), downloads: 1, cpusSource: .manifest, memorySource: source))
        }
        func expected(_ memory: Int64, _ source: DemandSource) -> Demand {
            Demand(cpus: 2, memory: mebibytes(memory), downloads: 1, cpusSource: .manifest, memorySource: source)
        }
        #expect(demand(60, .estimate) == expected(60, .estimate))
        #expect(demand(200, .manifest) == expected(200, .manifest))
        #expect(demand(60, .manifest) == expected(100, .record))
        #expect(demand(nil, nil) == expected(100, .record))
    }

    @Test("An estimate with which the step was killed is not believed")
    func disproved() {
        var record = PeakRecord()
        record.noteKill(of: build, at: mebibytes(64), in: run(1))
        let said = Demand(memory: mebibytes(50), memorySource: .estimate)
        #expect(record.demand(of: build, said: said) == Demand(memory: mebibytes(64), memorySource: .record))
        record.noteSuccess(of: build, needing: mebibytes(101), under: mebibytes(128), in: run(1))
        #expect(record.demand(of: build, said: said).memory == mebibytes(101))
    }

    @Test("After a kill the step begins with what it got through with, or with the next share, within what it may have")
    func lesson() {
        func share(_ record: PeakRecord, _ limit: Int64 = 64, atMost largest: Int64 = 512) -> ByteCount? {
            record.share(of: build, insteadOf: mebibytes(limit), atMost: mebibytes(largest))
        }
        #expect(share(record([900])) == nil, "a large need is no kill")
        var record = PeakRecord()
        record.noteKill(of: build, at: mebibytes(64), in: run(1))
        #expect(share(record) == mebibytes(128))
        record.noteKill(of: build, at: mebibytes(128), in: run(1))
        #expect(share(record) == mebibytes(256))
        record.noteSuccess(of: build, needing: mebibytes(150), under: mebibytes(200), in: run(1))
        #expect(share(record) == mebibytes(200))
        #expect(share(record, atMost: 100) == mebibytes(100))
        #expect(share(record, atMost: 64) == nil)
        // The policy gives more by now than it was killed with.
        #expect(share(record, 129) == nil)
        #expect(share(record, 32) == mebibytes(200))
    }

    @Test("Five runs that needed less than it was killed with make a lesson forgotten; four do not")
    func forgotten() {
        var record = PeakRecord()
        record.noteKill(of: build, at: mebibytes(64), in: run(0))
        for number in 1...5 {
            #expect(record.share(of: build, insteadOf: mebibytes(64), atMost: mebibytes(512)) != nil, "\(number)")
            record.noteSuccess(of: build, needing: mebibytes(40), under: mebibytes(128), in: run(number))
        }
        #expect(record.share(of: build, insteadOf: mebibytes(64), atMost: mebibytes(512)) == nil)
    }

    @Test("A thousand steps are kept, those that ran last")
    func bounded() {
        var record = PeakRecord()
        for number in 0..<1500 {
            let step = StepID(PluginName("p\(number)")!, .download)
            record.noteSuccess(of: step, needing: mebibytes(1), under: nil, in: run(number))
        }
        let kept = record.kept
        #expect(kept.count == PeakRecord.stepLimit)
        #expect(kept.allSatisfy { $0.entry.lastRun >= run(500) })
        #expect(kept.map(\.step) == kept.map(\.step).sorted())
    }
}
