// Sizes and durations as a manifest writes them, which is as a policy writes them.

import UpdateModel

enum QuantityText {
    /// `300M`, `1.5G`, `4096`: base 1024, as systemd.resource-control(5) has it. `nil`: not a size.
    static func size(_ text: String) -> ByteCount? {
        let factors: [Character: Double] = ["K": 0x1p10, "M": 0x1p20, "G": 0x1p30, "T": 0x1p40]
        let factor = text.last.flatMap { factors[$0] }
        guard let number = decimal(text.dropLast(factor == nil ? 0 : 1)) else { return nil }
        let bytes = number * (factor ?? 1)
        return bytes < 0x1p62 ? ByteCount(Int64(bytes)) : nil
    }

    /// `90s`, `10m`, `1h30m`, `1.5h`, `500ms`: units from large to small, each once. `nil`: not a duration.
    static func duration(_ text: String) -> Duration? {
        let units: [(name: Substring, seconds: Double)] = [
            ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1), ("ms", 0.001),
        ]
        var rest = Substring(text)
        var seconds = 0.0
        var nextUnit = 0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(name.count)
            guard let number = decimal(digits), let unit = units[nextUnit...].firstIndex(where: { $0.name == name })
            else { return nil }
            seconds += number * units[unit].seconds
            nextUnit = unit + 1
        }
        // Ten years: what is longer was meant otherwise, and would not fit everywhere.
        guard nextUnit > 0, seconds < 3.2e8 else { return nil }
        return .seconds(seconds)
    }

    /// Digits with at most one point inside; no sign, no exponent, no `inf`, all of which `Double` would take.
    private static func decimal(_ text: Substring) -> Double? {
        guard text.utf8.count <= 24, let first = text.utf8.first, let last = text.utf8.last,
            first != UInt8(ascii: "."), last != UInt8(ascii: "."),
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") })
        else { return nil }
        return Double(text)
    }
}
