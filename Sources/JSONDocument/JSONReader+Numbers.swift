// Numbers of a JSON text: exact where they fit 64 bits, else the nearest double.

/// A number, as `(isNegative ? −1 : 1) × digits × 10^exponent` where its digits fit.
struct NumberToken {
    let range: Range<Int>
    let isNegative: Bool
    /// All digits, without the decimal point; `nil` where they exceed 64 bits.
    let digits: UInt64?
    let exponent: Int
    /// Written with neither fraction nor exponent.
    let isInteger: Bool

    /// The exact value, unless it exceeds `Int64` or is −0, which only a double has.
    var integer: Int64? {
        guard isInteger, let digits else { return nil }
        guard isNegative else { return Int64(exactly: digits) }
        guard digits > 0, digits <= UInt64(Int64.max) + 1 else { return nil }
        return Int64(truncatingIfNeeded: 0 &- digits)
    }
}

extension JSONReader {
    /// Passes over the number at `position`, of which the first byte is a minus or a digit.
    mutating func scanNumber() throws(JSONError) -> NumberToken {
        let start = position
        let isNegative = current == ASCII.minus
        if isNegative { position += 1 }
        let integerStart = position
        var digits: UInt64? = 0
        try scanDigits(into: &digits)
        if bytes[integerStart] == ASCII.zero, position > integerStart + 1 {
            throw error("a number does not begin with 0", at: integerStart)
        }
        var exponent = 0
        var isInteger = true
        if current == ASCII.dot {
            isInteger = false
            position += 1
            let fractionStart = position
            try scanDigits(into: &digits)
            exponent = fractionStart - position
        }
        if current == ASCII.lowerE || current == ASCII.upperE {
            isInteger = false
            position += 1
            let isBelowOne = current == ASCII.minus
            if isBelowOne || current == ASCII.plus { position += 1 }
            var power: UInt64? = 0
            try scanDigits(into: &power)
            // A power beyond this takes the general way in any case; the clamp keeps the sum in range.
            let clamped = Int(min(power ?? .max, 1_000_000))
            exponent += isBelowOne ? -clamped : clamped
        }
        return NumberToken(
            range: start..<position, isNegative: isNegative, digits: digits, exponent: exponent, isInteger: isInteger)
    }

    private mutating func scanDigits(into value: inout UInt64?) throws(JSONError) {
        guard ASCII.isDigit(current) else { throw unexpected("a digit") }
        while ASCII.isDigit(current) {
            value = value.flatMap { value in
                let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
                let (sum, isSumTooLarge) = product.addingReportingOverflow(UInt64(bytes[position] - ASCII.zero))
                return isTooLarge || isSumTooLarge ? nil : sum
            }
            position += 1
        }
    }

    func double(of token: NumberToken) throws(JSONError) -> Double {
        // Both factors are exact, so that the one rounding of the product or quotient is the right one
        // (W. D. Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990).
        if let digits = token.digits, digits <= 1 << 53, token.exponent.magnitude < Self.exactPowers.count {
            let power = Self.exactPowers[Int(token.exponent.magnitude)]
            let magnitude = token.exponent < 0 ? Double(digits) / power : Double(digits) * power
            return token.isNegative ? -magnitude : magnitude
        }
        guard let value = Double(String(decoding: bytes[token.range], as: UTF8.self)), value.isFinite else {
            throw error("\(excerpt(of: token)) is too large for a double", at: token.range.lowerBound)
        }
        return value
    }

    /// The number as it is written, cut where it is long.
    func excerpt(of token: NumberToken) -> String {
        let text = String(decoding: bytes[token.range.prefix(24)], as: UTF8.self)
        return token.range.count > 24 ? text + "…" : text
    }

    /// The powers of ten that a double has exactly.
    private static let exactPowers: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
}
