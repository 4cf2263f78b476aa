// What each download is told of the run's rate, worked out anew whenever one begins.

import UpdateModel

/// Shares out a rate among the steps that hold units of the download pool.
///
/// A tool is told its rate when it starts and takes no other later. So what a step was told is its own until it ends, and
/// one that begins is told its part of what is left, beside those that may still join it: together they never have more
/// than a rate that stays, and a download that nobody can join any more has all that is left.
public struct DownloadShares: Sendable {
    private struct Share {
        var units: Int64
        /// Bytes a second; 0: it was told nothing.
        var rate: Int64
    }

    private var rate: Int64?
    /// Units that can be held at a time.
    private var units: Int64
    /// Units that steps will want that have not begun.
    private var waiting: [StepID: Int64]
    private var given: [StepID: Share] = [:]

    /// - Parameters:
    ///   - rate: of all downloads together, in a second; `nil`: nobody is told anything.
    ///   - units: of the pool, as many as can be held by the steps that run at a time.
    ///   - demands: for each step that is to run the units that it will hold; steps with none are not shared with.
    public init(rate: ByteCount?, units: Int, demands: [StepID: Int]) {
        self.rate = rate?.bytes
        waiting = demands.compactMapValues { $0 > 0 ? Int64($0) : nil }
        self.units = 1
        self.units = held(units)
    }

    /// A step that holds more units than there are runs all the same.
    private func held(_ units: Int) -> Int64 {
        max(1, Int64(units), waiting.values.max() ?? 0, given.values.map(\.units).max() ?? 0)
    }

    /// Another rate and another number of units are shared out from now on.
    ///
    /// What runs keeps what it was told. Under a lower rate those that begin have their part of it as if all had been told
    /// anew, or one would wait with next to nothing for the others to end: until then all have more than the rate.
    public mutating func revise(rate new: ByteCount?, units: Int) {
        let kept = Double(new?.bytes ?? 0) / Double(max(1, rate ?? 0))
        if kept < 1 {
            given = given.mapValues { Share(units: $0.units, rate: Int64(Double($0.rate) * kept)) }
        }
        rate = new?.bytes
        self.units = held(units)
    }

    /// The rate of a step that begins, or is tried again; at least a byte a second.
    /// - Returns: `nil` for a step that holds nothing of the pool, and where there is no rate.
    public mutating func begin(_ step: StepID) -> ByteCount? {
        if let earlier = given.removeValue(forKey: step) { waiting[step] = earlier.units }
        guard let wanted = waiting[step] else { return nil }
        var share = Share(units: wanted, rate: 0)
        if let rate {
            let left = given.values.reduce(rate) { $0 - $1.rate }
            let free = given.values.reduce(units) { $0 - $1.units }
            let sharers = max(wanted, min(free, waiting.values.reduce(0, +)))
            share.rate = max(1, left / sharers * wanted)
        }
        waiting[step] = nil
        given[step] = share
        return rate == nil ? nil : ByteCount(share.rate)
    }

    /// The step has ended, or will not begin.
    public mutating func end(_ step: StepID) {
        waiting[step] = nil
        given[step] = nil
    }
}
