// What steps needed of memory in earlier runs, and what follows from it for the next one.
//
// Memory alone: the kernel keeps no peak of CPU use, and a step that gets less of it than it could use only takes
// longer.

import RunModel
import UpdateModel

/// What is kept of each step, from run to run. Bounded: a few numbers each of a thousand steps.
public struct PeakRecord: Hashable, Sendable {
    /// Of a step's runs so many count: what it needed long ago says little.
    public static let runLimit = 5
    /// Beyond that the steps go that have not run for longest.
    public static let stepLimit = 1000

    /// That a step was killed for memory, and what it is given since.
    public struct Lesson: Hashable, Sendable {
        /// The `memory.max` at which the kernel killed it.
        public var killedAt: ByteCount
        /// The `memory.max` to begin with: the one with which it got through, or the next one to be tried.
        public var share: ByteCount

        public init(killedAt: ByteCount, share: ByteCount) {
            self.killedAt = killedAt
            self.share = share
        }
    }

    /// One step.
    public struct Entry: Hashable, Sendable {
        /// The run that added to it last.
        public var lastRun: RunID
        /// The most that it needed in each of its last runs, the newest last.
        public var peaks: [ByteCount]
        public var lesson: Lesson?

        public init(lastRun: RunID, peaks: [ByteCount], lesson: Lesson? = nil) {
            self.lastRun = lastRun
            self.peaks = peaks.suffix(PeakRecord.runLimit)
            self.lesson = lesson
        }
    }

    private(set) var entries: [StepID: Entry]

    public init(_ entries: [StepID: Entry] = [:]) { self.entries = entries }

    /// What is to be kept, in the order of the steps: of more than `stepLimit` those that ran last.
    public var kept: [(step: StepID, entry: Entry)] {
        let newest = entries.sorted { ($0.value.lastRun, $1.key) > ($1.value.lastRun, $0.key) }
        return newest.prefix(Self.stepLimit).map { ($0.key, $0.value) }.sorted { $0.step < $1.step }
    }

    // MARK: Learning

    /// A step has done its work in `run`, for which it needed `peak` at most, under a `memory.max` of `limit`.
    public mutating func noteSuccess(of step: StepID, needing peak: ByteCount, under limit: ByteCount?, in run: RunID) {
        var entry = entry(of: step, in: run)
        entry.peaks = (entry.peaks + [peak]).suffix(Self.runLimit)
        if let lesson = entry.lesson {
            if let limit, limit > lesson.killedAt { entry.lesson?.share = limit }
            // As many runs as count have shown that it needs less by now.
            if entry.peaks.count == Self.runLimit, entry.peaks.allSatisfy({ $0 < lesson.killedAt }) {
                entry.lesson = nil
            }
        }
        entries[step] = entry
    }

    /// The kernel has killed a step in `run` at its own `memory.max`.
    public mutating func noteKill(of step: StepID, at limit: ByteCount, in run: RunID) {
        var entry = entry(of: step, in: run)
        // It needs at least so much; what it needed before counts no more.
        entry.peaks = [limit]
        entry.lesson = Lesson(killedAt: limit, share: MemoryKill.next(after: limit))
        entries[step] = entry
    }

    private func entry(of step: StepID, in run: RunID) -> Entry {
        var entry = entries[step] ?? Entry(lastRun: run, peaks: [])
        entry.lastRun = run
        return entry
    }

    // MARK: Expecting

    /// What `step` is expected to use, by what was said of it and by what it needed.
    ///
    /// An estimate is of this very update, and counts, unless the step was killed with as much. What a manifest says of
    /// any update is a guess, and counts where it is more than what was needed.
    public func demand(of step: StepID, said: Demand) -> Demand {
        guard let entry = entries[step], let needed = entry.peaks.max() else { return said }
        if let memory = said.memory {
            if memory >= needed || said.memorySource == .estimate && entry.lesson == nil { return said }
        }
        var demand = said
        demand.memory = needed
        demand.memorySource = .record
        return demand
    }

    /// The `memory.max` with which `step` begins in the place of `limit`, since it was killed with as much or more.
    /// - Parameter largest: the most that it may have.
    /// - Returns: `nil` where nothing speaks against `limit`, or nothing larger may be had.
    public func share(of step: StepID, insteadOf limit: ByteCount, atMost largest: ByteCount) -> ByteCount? {
        guard let lesson = entries[step]?.lesson, limit <= lesson.killedAt else { return nil }
        let share = min(lesson.share, largest)
        return share > limit ? share : nil
    }
}
