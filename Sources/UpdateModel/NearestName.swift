// "did you mean …?": the name that was probably meant by one that does not exist.

/// The candidate that a slip of the fingers would turn into `name`, or `nil` where none is near.
///
/// Near is at most one edit for every three characters of the longer name (and always one): an inserted, missing or
/// wrong character, or two neighbours exchanged. Letters that differ only in case count as equal. The nearest wins, then
/// the one that sorts first, so the order of `candidates` does not matter. Names over 64 characters are nobody's typing
/// and have none.
public func nearestName(to name: String, in candidates: some Sequence<String>) -> String? {
    let wanted = Array(name.lowercased().unicodeScalars)
    guard (1...64).contains(wanted.count) else { return nil }
    var best: (name: String, distance: Int)?
    for candidate in candidates {
        let other = Array(candidate.lowercased().unicodeScalars)
        // No edit script is shorter than the difference in length, so most candidates need no table.
        let limit = min(best?.distance ?? .max, max(1, max(wanted.count, other.count) / 3))
        guard other.count.distance(to: wanted.count).magnitude <= limit else { continue }
        let distance = editDistance(wanted, other)
        guard distance <= limit, distance < other.count else { continue }
        if let best, (best.distance, best.name) < (distance, candidate) { continue }
        best = (candidate, distance)
    }
    return best?.name
}

/// Optimal string alignment distance: Levenshtein's with exchanges of neighbours (Damerau, "A technique for computer
/// detection and correction of spelling errors", CACM 7(3), 1964), each character edited at most once.
private func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    var beforePrevious = [Int](repeating: 0, count: right.count + 1)
    var previous = Array(0...right.count)
    var current = previous
    for row in left.indices {
        current[0] = row + 1
        for column in right.indices {
            let substitution = previous[column] + (left[row] == right[column] ? 0 : 1)
            current[column + 1] = min(substitution, previous[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                current[column + 1] = min(current[column + 1], beforePrevious[column - 1] + 1)
            }
        }
        (beforePrevious, previous, current) = (previous, current, beforePrevious)
    }
    return previous[right.count]
}
