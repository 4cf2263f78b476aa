// "Did you mean": the name that a mistyped one was most likely meant to be.

/// The name among `candidates` with the fewest edits to `text`, or `nil` where none is near enough to be what was meant:
/// a third of the letters may differ, at least one, and case does not count. Among equals the first by spelling.
///
/// The distance is that of optimal string alignment: insertions, deletions, substitutions, and swaps of neighbours.
public func nearestName(to text: String, in candidates: some Sequence<String>) -> String? {
    let wanted = Array(text.lowercased().unicodeScalars)
    // The table below is quadratic, and nobody means a name by a page of text.
    guard !wanted.isEmpty, wanted.count <= 128 else { return nil }
    var best: (name: String, distance: Int)?
    for name in candidates where !name.isEmpty && name != text {
        let letters = Array(name.lowercased().unicodeScalars)
        let allowed = max(1, max(letters.count, wanted.count) / 3)
        guard abs(letters.count - wanted.count) <= allowed else { continue }
        let distance = editDistance(wanted, letters)
        // One letter for another is a different name, not a slip, where there is hardly more than that.
        guard distance <= allowed, distance < min(letters.count, wanted.count) else { continue }
        if best.map({ (distance, name) < ($0.distance, $0.name) }) ?? true { best = (name, distance) }
    }
    return best?.name
}

/// Three rows of the dynamic program are enough: a swap looks two rows back.
private func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    var beforeLast = [Int](repeating: 0, count: right.count + 1)
    var last = Array(0...right.count)
    for i in 1...left.count {
        var row = [i] + [Int](repeating: 0, count: right.count)
        for j in 1...right.count {
            let substitution = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1)
            row[j] = min(last[j] + 1, row[j - 1] + 1, substitution)
            if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
                row[j] = min(row[j], beforeLast[j - 2] + 1)
            }
        }
        (beforeLast, last) = (last, row)
    }
    return last[right.count]
}

/// The end of a message that refuses `text`: ` (did you mean "memory_high"?)`, or nothing.
public func didYouMean(_ text: String, in candidates: some Sequence<String>) -> String {
    nearestName(to: text, in: candidates).map { " (did you mean \"\($0)\"?)" } ?? ""
}
