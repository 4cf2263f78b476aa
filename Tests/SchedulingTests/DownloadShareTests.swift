import TestSupport
import Testing
import UpdateModel

@testable import Scheduling

@Suite("Shares of the download rate")
struct DownloadShareTests {
    private func download(_ name: String) -> StepID { StepID(PluginName(name)!, .download) }

    private func shares(_ rate: Int64, units: Int, _ demands: [String: Int]) -> DownloadShares {
        DownloadShares(
            rate: ByteCount(rate), units: units,
            demands: Dictionary(uniqueKeysWithValues: demands.map { (download($0), $1) }))
    }

    @Test("Two that may run together have half each, and a third what the one that ended had")
    func equal() {
        var shares = shares(1000, units: 2, ["a": 1, "b": 1, "c": 1])
        #expect(shares.begin(download("a")) == ByteCount(500))
        #expect(shares.begin(download("b")) == ByteCount(500))
        shares.end(download("a"))
        #expect(shares.begin(download("c")) == ByteCount(500))
    }

    @Test("The last download, which nobody can join, has all that is left")
    func last() {
        var alone = shares(1000, units: 4, ["a": 1])
        #expect(alone.begin(download("a")) == ByteCount(1000))
        var shares = shares(1000, units: 2, ["a": 1, "b": 1, "c": 1])
        _ = shares.begin(download("a"))
        shares.end(download("a"))
        // It will not begin: up to date, deferred, or what it requires has failed.
        shares.end(download("b"))
        #expect(shares.begin(download("c")) == ByteCount(1000))
    }

    @Test("Whoever holds two units has twice the rate, and another try has the first one's")
    func units() {
        var shares = shares(900, units: 3, ["big": 2, "small": 1])
        #expect(shares.begin(download("big")) == ByteCount(600))
        #expect(shares.begin(download("big")) == ByteCount(600))
        #expect(shares.begin(download("small")) == ByteCount(300))
    }

    @Test("Under another rate who runs keeps the share, and who begins has a part of what that leaves")
    func raised() {
        var shares = shares(1000, units: 2, ["a": 1, "b": 1, "c": 1])
        #expect(shares.begin(download("a")) == ByteCount(500))
        shares.revise(rate: ByteCount(3000), units: 2)
        #expect(shares.begin(download("b")) == ByteCount(2500))
        shares.end(download("a"))
        #expect(shares.begin(download("c")) == ByteCount(500))
    }

    @Test("Under a lower rate who begins does not wait with nothing for those that were told more")
    func lowered() {
        var shares = shares(1000, units: 2, ["a": 1, "b": 1, "c": 1])
        _ = shares.begin(download("a"))
        shares.revise(rate: ByteCount(200), units: 2)
        #expect(shares.begin(download("b")) == ByteCount(100))
        // Tried again it is told what there is now.
        #expect(shares.begin(download("a")) == ByteCount(100))
    }

    @Test(
        "A rate that comes later is shared by those that begin then, one that goes by none, and so are the pool's units"
    )
    func comesAndGoes() {
        var shares = DownloadShares(
            rate: nil, units: 2,
            demands: Dictionary(uniqueKeysWithValues: ["a", "b", "c", "d"].map { (download($0), 1) }))
        #expect(shares.begin(download("a")) == nil)
        shares.revise(rate: ByteCount(900), units: 4)
        #expect(shares.begin(download("b")) == ByteCount(300))
        shares.revise(rate: nil, units: 4)
        #expect(shares.begin(download("c")) == nil)
        shares.revise(rate: ByteCount(900), units: 4)
        #expect(shares.begin(download("d")) == ByteCount(900))
    }

    @Test("A step outside of the pool has no share, and a rate of less than a byte is one")
    func edges() {
        var shares = shares(1, units: 2, ["a": 1, "b": 1, "none": 0])
        #expect(shares.begin(download("none")) == nil)
        #expect(shares.begin(download("unknown")) == nil)
        #expect(shares.begin(download("a")) == ByteCount(1))
    }

    @Test("However downloads come and go, together they never have more than the rate, and none has nothing")
    func neverMore() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            let units = Int.random(in: 1...8, using: &generator)
            let rate = Int64.random(in: 1000...1_000_000, using: &generator)
            let names = (0..<Int.random(in: 1...20, using: &generator)).map { "p\($0)" }
            let demands = Dictionary(
                uniqueKeysWithValues: names.map { ($0, Int.random(in: 1...units, using: &generator)) })
            var shares = shares(rate, units: units, demands)
            var waiting = names
            var running: [String: ByteCount] = [:]
            while !(waiting.isEmpty && running.isEmpty) {
                let free = units - running.keys.reduce(0) { $0 + demands[$1, default: 0] }
                if let next = waiting.last, demands[next, default: 0] <= free, Bool.random(using: &generator) {
                    waiting.removeLast()
                    // Some are put off without having begun.
                    if Int.random(in: 0..<5, using: &generator) == 0 {
                        shares.end(download(next))
                    } else {
                        running[next] = shares.begin(download(next))
                    }
                } else if let ended = running.keys.sorted().randomElement(using: &generator) {
                    running[ended] = nil
                    shares.end(download(ended))
                }
                let sum = running.values.reduce(0) { $0 + $1.bytes }
                guard sum <= rate, running.values.allSatisfy({ $0.bytes > 1 }) else {
                    Issue.record("seed \(seed): \(running) of \(rate)")
                    return
                }
            }
        }
    }
}
