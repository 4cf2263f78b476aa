// What each download is told of the run's rate, worked out anew whenever one begins.

import UpdateModel

/// Shares out a rate among the steps that hold units of the download pool.
///
/// A tool is told its rate when it starts and takes no other later. So what a step was told is its own until it ends, and
/// one that begins is told its part of what is left, beside those that may still join it: together they never have more
/// than the rate, and a download that nobody can join any more has all that is left.
public struct DownloadShares: Sendable {
    private struct Share {
        var units: Int64
        /// Bytes a second.
        var rate: Int64
    }

    private let rate: Int64
    /// Units that can be held at a time.
    private let units: Int64
    /// Units that steps will want that have not begun.
    private var waiting: [StepID: Int64]
    private var given: [StepID: Share] = [:]

    /// - Parameters:
    ///   - rate: of all downloads together, in a second.
    ///   - units: of the pool, as many as can be held by the steps that run at a time.
    ///   - demands: for each step that is to run the units that it will hold; steps with none are not shared with.
    public init(rate: ByteCount, units: Int, demands: [StepID: Int]) {
        self.rate = rate.bytes
        self.units = Int64(max(1, units))
        waiting = demands.compactMapValues { $0 > 0 ? Int64($0) : nil }
    }

    /// The rate of a step that begins, the same one for each try of it; at least a byte a second.
    /// - Returns: `nil` for a step that holds nothing of the pool.
    public mutating func begin(_ step: StepID) -> ByteCount? {
        if let share = given[step] { return ByteCount(share.rate) }
        guard let wanted = waiting[step] else { return nil }
        let left = given.values.reduce(rate) { $0 - $1.rate }
        let free = given.values.reduce(units) { $0 - $1.units }
        let sharers = max(wanted, min(free, waiting.values.reduce(0, +)))
        let share = Share(units: wanted, rate: max(1, left / sharers * wanted))
        waiting[step] = nil
        given[step] = share
        return ByteCount(share.rate)
    }

    /// The step has ended, or will not begin.
    public mutating func end(_ step: StepID) {
        waiting[step] = nil
        given[step] = nil
    }
}
