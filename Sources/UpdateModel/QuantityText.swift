// Quantities as people write them in policies and manifests.

extension ByteCount {
    /// A size: `512M`, `1.5G`, `900`. Base 1024; K, M, G, T; at most three decimals, and those only with a unit.
    /// `nil` where `text` has another form or is more than `Int64` holds; fractions of a byte are cut.
    public init?(text: String) {
        var digits = Substring(text)
        var factor: Int64 = 1
        if let unit = digits.last, let power = "KMGT".firstIndex(of: unit) {
            digits.removeLast()
            factor = 1 << (10 * Int64("KMGT".distance(from: "KMGT".startIndex, to: power) + 1))
        }
        let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
        guard let first = parts.first, let whole = Int64(decimalDigits: first), parts.count <= 2 else { return nil }
        var (bytes, overflow) = whole.multipliedReportingOverflow(by: factor)
        guard !overflow else { return nil }
        if parts.count == 2 {
            guard factor > 1, parts[1].utf8.count <= 3, let decimals = Int64(decimalDigits: parts[1]) else {
                return nil
            }
            let divisor: Int64 = [10, 100, 1000][parts[1].utf8.count - 1]
            (bytes, overflow) = bytes.addingReportingOverflow(decimals * factor / divisor)
            guard !overflow else { return nil }
        }
        self.init(bytes)
    }
}

extension Duration {
    /// A duration: `90s`, `10m`, `1h30m`, `2d`. Units d, h, m, s, each once and the longest first; no decimals.
    /// `nil` where `text` has another form or is longer than 3,650 days.
    public init?(text: String) {
        let units: [(letter: Character, seconds: Int64)] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]
        var next = 0
        var total: Int64 = 0
        var rest = Substring(text)
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            guard let count = Int64(decimalDigits: digits), count <= 315_360_000, let letter = rest.popFirst(),
                let unit = units[next...].firstIndex(where: { $0.letter == letter })
            else { return nil }
            total += count * units[unit].seconds
            next = unit + 1
        }
        guard total <= 315_360_000 else { return nil }
        self = .seconds(total)
    }
}

extension Int64 {
    /// Digits alone: `Int64.init(_:)` takes a sign as well.
    fileprivate init?(decimalDigits text: Substring) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        self.init(text)
    }
}
