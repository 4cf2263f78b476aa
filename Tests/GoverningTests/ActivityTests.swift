import Testing
import UpdateModel

@testable import Governing

@Suite struct ActivityTests {
    @Test func `the load of others is the runnable threads that are not ours, smoothed`() {
        var load = ForeignLoad(cpus: 2)
        // The thread that asks runs as well.
        #expect(load.take(running: 9, own: 4, at: .zero) == 0)
        var value = 0.0
        for second in 1...60 { value = load.take(running: 9, own: 4, at: .seconds(second)) }
        #expect(abs(value - 2) < 0.01)
        for second in 61...65 { value = load.take(running: 5, own: 4, at: .seconds(second)) }
        #expect((1.1...1.3).contains(value))
        #expect(load.take(running: 1, own: 40, at: .seconds(1000)) == 0)
    }

    @Test func `running threads and their states are read from proc`() {
        #expect(runningThreads(inStat: "cpu 1 2\nprocs_running 7\nprocs_blocked 0\n") == 7)
        #expect(runningThreads(inStat: "cpu 1 2\n") == nil)
        #expect(isRunnable(stat: "42 (a) S b) R 1 42"))
        #expect(!isRunnable(stat: "42 (R) S 1 42"))
        #expect(!isRunnable(stat: ""))
    }

    @Test func `counters of disks are read by device`() {
        let content = """
              8       0 sda 100 0 2000 50 10 0 1000 20 0 60 70
              8       1 sda1 1 0 8 0 0 0 0 0 0 1 1
            254       0
            """
        #expect(
            DiskCounters.parse(diskstats: content) == [
                "8:0": DiskCounters(name: "sda", busy: .milliseconds(60), transferred: ByteCount(3000 * 512)),
                "8:1": DiskCounters(name: "sda1", busy: .milliseconds(1), transferred: ByteCount(8 * 512)),
            ])
    }

    @Test func `a disk that is busy with our own bytes is not busy for others`() {
        func counters(_ busy: Int, _ bytes: Int64) -> DiskCounters {
            DiskCounters(name: "sda", busy: .milliseconds(busy), transferred: ByteCount(bytes))
        }
        var use = ForeignDiskUse()
        #expect(use.take(counters(0, 0), own: ByteCount(0), at: .zero) == nil)
        #expect(use.take(counters(1000, 800), own: ByteCount(800), at: .seconds(1)) == Fraction(0))
        let half = use.take(counters(2000, 1600), own: ByteCount(1200), at: .seconds(2))
        #expect(abs((half?.value ?? 0) - 0.5) < 1e-9)
        #expect(use.take(counters(2000, 1600), own: ByteCount(1200), at: .seconds(3)) == Fraction(0))
        #expect(use.take(counters(9000, 3200), own: ByteCount(1200), at: .seconds(4)) == Fraction(1))
        #expect(use.take(counters(9000, 3200), own: ByteCount(1200), at: .seconds(4)) == nil)
    }
}
