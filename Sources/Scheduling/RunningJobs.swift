// The running jobs by their expected ends: a binary heap that also knows where each job is in it, since at run time any
// of them may be the next to end.

import HeapModule

struct RunningJobs: Sendable {
    struct Entry: Sendable, Comparable {
        let end: Double
        let job: JobIndex

        static func < (left: Self, right: Self) -> Bool {
            left.end == right.end ? left.job < right.job : left.end < right.end
        }
    }

    private var entries: [Entry] = []
    /// Position in `entries` by job, −1 where it does not run.
    private var positions: [Int32]

    init(jobCount: Int) { positions = Array(repeating: -1, count: jobCount) }

    var count: Int { entries.count }
    var first: Entry? { entries.first }

    func expectedEnd(of job: JobIndex) -> Double? {
        let position = Int(positions[job.position])
        return position < 0 ? nil : entries[position].end
    }

    mutating func insert(_ job: JobIndex, end: Double) {
        entries.append(Entry(end: end, job: job))
        rise(from: entries.count - 1)
    }

    mutating func remove(_ job: JobIndex) {
        let hole = Int(positions[job.position])
        guard hole >= 0, let last = entries.popLast() else { return }
        positions[job.position] = -1
        guard hole < entries.count else { return }
        entries[hole] = last
        positions[last.job.position] = Int32(hole)
        rise(from: hole)
        sink(from: hole)
    }

    /// Calls `visit` with at most `limit` entries in the order of their ends, until it returns false.
    ///
    /// Only the heap's branches that are reached are looked at: k entries cost k log k, however many jobs run.
    func visitInOrder(limit: Int, _ visit: (Entry) -> Bool) {
        var frontier = Heap<Place>()
        if let first { frontier.insert(Place(entry: first, position: 0)) }
        var left = limit
        while left > 0, let place = frontier.popMin(), visit(place.entry) {
            left -= 1
            for child in [2 * place.position + 1, 2 * place.position + 2] where child < entries.count {
                frontier.insert(Place(entry: entries[child], position: child))
            }
        }
    }

    private struct Place: Comparable {
        let entry: Entry
        let position: Int
        static func < (left: Self, right: Self) -> Bool { left.entry < right.entry }
    }

    private mutating func rise(from position: Int) {
        var position = position
        let entry = entries[position]
        while position > 0 {
            let parent = (position - 1) / 2
            guard entry < entries[parent] else { break }
            place(entries[parent], at: position)
            position = parent
        }
        place(entry, at: position)
    }

    private mutating func sink(from position: Int) {
        var position = position
        let entry = entries[position]
        while true {
            var child = 2 * position + 1
            guard child < entries.count else { break }
            if child + 1 < entries.count, entries[child + 1] < entries[child] { child += 1 }
            guard entries[child] < entry else { break }
            place(entries[child], at: position)
            position = child
        }
        place(entry, at: position)
    }

    private mutating func place(_ entry: Entry, at position: Int) {
        entries[position] = entry
        positions[entry.job.position] = Int32(position)
    }
}
