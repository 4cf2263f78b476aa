// Quantities as people write them in policies and manifests.

extension ByteCount {
    /// A size: `512M`, `1.5G`, `900`. Base 1024; K, M, G, T; at most three decimals, and those only with a unit.
    /// `nil` where `text` has another form or is more than `Int64` holds; fractions of a byte are cut.
    public init?(text: String) {
        let exponent = text.last.flatMap { Array("KMGT").firstIndex(of: $0) }.map { $0 + 1 } ?? 0
        let digits = Substring(text).dropLast(exponent > 0 ? 1 : 0)
        guard exponent > 0 || !digits.contains("."), let number = Thousandths(digits) else { return nil }
        let factor = Int64(1) << (10 * Int64(exponent))
        let (whole, isTooLarge) = number.whole.multipliedReportingOverflow(by: factor)
        let (bytes, isMore) = whole.addingReportingOverflow(number.rest * factor / 1000)
        guard !isTooLarge, !isMore else { return nil }
        self.init(bytes)
    }
}

extension Duration {
    /// A duration: `90s`, `10m`, `1h30m`, `1.5h`, `500ms`. Units d, h, m, s, ms, each once and the longest first;
    /// at most three decimals, and none of milliseconds.
    /// `nil` where `text` has another form or is longer than 3,650 days.
    public init?(text: String) {
        let units: [(name: Substring, milliseconds: Int64)] = [
            ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
        ]
        let longest: Int64 = 3650 * 86_400_000
        var next = 0
        var total: Int64 = 0
        var rest = Substring(text)
        while !rest.isEmpty {
            let digits = rest.prefix { !$0.isLetter }
            let name = rest.dropFirst(digits.count).prefix { $0.isLetter }
            rest = rest.dropFirst(digits.count + name.count)
            guard let number = Thousandths(digits),
                let unit = units[next...].firstIndex(where: { $0.name == name })
            else { return nil }
            let factor = units[unit].milliseconds
            guard factor > 1 || number.rest == 0 else { return nil }
            // Divided, since the product may be more than fits.
            guard number.whole <= (longest - total) / factor else { return nil }
            total += number.whole * factor + number.rest * factor / 1000
            next = unit + 1
        }
        guard next > 0, total <= longest else { return nil }
        self = .milliseconds(total)
    }
}

/// A decimal number without a sign: digits, and at most three behind a point. `Int64.init` and `Double.init` take more.
private struct Thousandths {
    let whole: Int64
    /// 0…999.
    let rest: Int64

    init?(_ text: Substring) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        func isNumber(_ part: Substring) -> Bool {
            !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
        guard parts.count <= 2, parts.allSatisfy(isNumber), let whole = Int64(parts[0]) else { return nil }
        self.whole = whole
        let decimals = parts.count == 2 ? parts[1] : ""
        guard decimals.utf8.count <= 3 else { return nil }
        rest = Int64(decimals + String(repeating: "0", count: 3 - decimals.utf8.count)) ?? 0
    }
}
