// Rows of different lengths in one piece of memory (compressed sparse rows): two allocations for 300,000 edges.

struct Rows<Element: Sendable>: Sendable {
    private(set) var elements: [Element] = []
    /// Row `r` is `elements[starts[r] ..< starts[r + 1]]`.
    private var starts: [Int32] = [0]

    var count: Int { starts.count - 1 }

    mutating func append(row: some Sequence<Element>) {
        elements.append(contentsOf: row)
        starts.append(Int32(elements.count))
    }

    /// Where row `row` lies in `elements`.
    func range(of row: Int) -> Range<Int> { Int(starts[row])..<Int(starts[row + 1]) }

    subscript(row: Int) -> ArraySlice<Element> { elements[range(of: row)] }

    /// Copies all that is behind it: for what happens now and then.
    mutating func replace(row: Int, with new: some Collection<Element>) {
        let old = range(of: row)
        elements.replaceSubrange(old, with: new)
        let growth = Int32(new.count - old.count)
        for index in (row + 1)..<starts.count { starts[index] += growth }
    }

    /// The same rows with each element replaced.
    func map<Other: Sendable>(_ transform: (Element) -> Other) -> Rows<Other> {
        var other = Rows<Other>()
        other.elements = elements.map(transform)
        other.starts = starts
        return other
    }
}

extension Rows where Element == Edge {
    /// The edges turned round: row `r` of the result has an edge to `q` for each edge to `r` in row `q`, in rising `q`.
    func reversed() -> Rows<Edge> {
        var starts = [Int32](repeating: 0, count: count + 1)
        for edge in elements { starts[edge.job.position + 1] += 1 }
        for row in 0..<count { starts[row + 1] += starts[row] }
        var next = starts
        var turned = elements
        for row in 0..<count {
            for edge in self[row] {
                turned[Int(next[edge.job.position])] = Edge(job: JobIndex(row), kind: edge.kind)
                next[edge.job.position] += 1
            }
        }
        var result = Rows<Edge>()
        result.elements = turned
        result.starts = starts
        return result
    }
}
