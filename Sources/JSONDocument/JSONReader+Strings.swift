// Strings of a JSON text: where they end, what their escapes stand for.

/// A string's contents between its quotes, still escaped.
struct StringToken {
    let range: Range<Int>
    let hasEscapes: Bool
    let isASCII: Bool

    var isPlain: Bool { isASCII && !hasEscapes }
}

extension JSONReader {
    /// Passes over the string whose opening quote is at `position`.
    mutating func scanString() throws(JSONError) -> StringToken {
        let start = position + 1
        var index = start
        var hasEscapes = false
        var union: UInt8 = 0
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case ASCII.quote:
                position = index + 1
                return StringToken(range: start..<index, hasEscapes: hasEscapes, isASCII: union < 0x80)
            case ASCII.backslash:
                // What is escaped is looked at by `unescaped`; here it only must not end the string.
                hasEscapes = true
                index += 2
            case ..<ASCII.space:
                throw error("a control character in a string must be written as an escape", at: index)
            default:
                union |= byte
                index += 1
            }
        }
        throw error("the string that begins here has no closing quote", at: position)
    }

    func text(of token: StringToken) throws(JSONError) -> String {
        if token.isPlain { return String(decoding: bytes[token.range], as: UTF8.self) }
        let text =
            token.hasEscapes
            ? String(validating: try unescaped(token.range), as: UTF8.self)
            : String(validating: bytes[token.range], as: UTF8.self)
        guard let text else {
            throw error("the string that begins here is not valid UTF-8", at: token.range.lowerBound - 1)
        }
        return text
    }

    private func unescaped(_ range: Range<Int>) throws(JSONError) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = bytes[index]
            guard byte == ASCII.backslash else {
                result.append(byte)
                index += 1
                continue
            }
            // `scanString` has made sure that a byte follows.
            switch bytes[index + 1] {
            case ASCII.quote, ASCII.backslash, UInt8(ascii: "/"): result.append(bytes[index + 1])
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "n"): result.append(ASCII.lineFeed)
            case UInt8(ascii: "r"): result.append(ASCII.carriageReturn)
            case UInt8(ascii: "t"): result.append(ASCII.tab)
            case UInt8(ascii: "u"):
                let (scalar, length) = try escapedScalar(at: index, before: range.upperBound)
                result.append(contentsOf: UTF8.encode(scalar)!)
                index += length
                continue
            default:
                throw error(#"expected one of "\/bfnrtu after a backslash"#, at: index + 1)
            }
            index += 2
        }
        return result
    }

    /// The scalar of `\uXXXX`, or of two of them that make a surrogate pair, and the number of bytes they take.
    private func escapedScalar(
        at index: Int, before end: Int
    ) throws(JSONError) -> (scalar: Unicode.Scalar, length: Int) {
        let first = try codeUnit(at: index, before: end)
        if let scalar = Unicode.Scalar(first) { return (scalar, 6) }
        guard UTF16.isLeadSurrogate(first), index + 7 < end, bytes[index + 6] == ASCII.backslash,
            bytes[index + 7] == UInt8(ascii: "u")
        else { throw error("half of a surrogate pair stands alone", at: index) }
        let second = try codeUnit(at: index + 6, before: end)
        guard UTF16.isTrailSurrogate(second) else { throw error("half of a surrogate pair stands alone", at: index) }
        let value = 0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
        return (Unicode.Scalar(value)!, 12)
    }

    private func codeUnit(at index: Int, before end: Int) throws(JSONError) -> UInt16 {
        var value: UInt16 = 0
        for offset in index + 2..<index + 6 {
            guard offset < end, let digit = Character(Unicode.Scalar(bytes[offset])).hexDigitValue else {
                throw error(#"expected four hexadecimal digits after \u"#, at: offset)
            }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}
