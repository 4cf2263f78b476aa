// The text of strings and whole numbers as JSON has it: what every writer, fast or general, appends to its bytes.

extension [UInt8] {
    /// Appends a decimal number.
    public mutating func appendDecimal(_ value: UInt64) {
        var length = 1
        var bound = value / 10
        while bound > 0 {
            length += 1
            bound /= 10
        }
        append(contentsOf: repeatElement(0, count: length))
        var rest = value
        for index in (count - length..<count).reversed() {
            self[index] = ASCII.zero + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    /// Appends a JSON string with its quotes.
    ///
    /// Control characters (C0, DEL and C1) are written as escapes, so that a terminal which shows the text obeys none.
    /// Each maximal part of an invalid UTF-8 sequence becomes U+FFFD (The Unicode Standard, section 3.9, "U+FFFD
    /// Substitution of Maximal Subparts"), as `String(decoding:as:)` does it.
    public mutating func appendJSONString(_ text: Span<UInt8>) {
        append(ASCII.quote)
        var start = 0  // of what is to be copied as it is
        var index = 0
        while true {
            index = text.endOfPlainASCII(from: index)
            let length = index < text.count ? text.lengthOfPlainSequence(at: index) : 0
            if length > 0 {
                index += length
                continue
            }
            if index > start {
                text.extracting(start..<index).withUnsafeBufferPointer { append(contentsOf: $0) }
            }
            if index == text.count { break }
            index += appendEscape(of: text, at: index)
            start = index
        }
        append(ASCII.quote)
    }

    /// Appends what stands for the bytes at `index`, which cannot be copied; returns how many of `text` it is for.
    private mutating func appendEscape(of text: Span<UInt8>, at index: Int) -> Int {
        let byte = text[index]
        if byte >= 0x80 {
            let (length, isValid) = text.sequence(at: index)
            if isValid {  // a C1 control character: U+0080…U+009F, of which the second byte is the number
                append(ASCII.backslash)
                appendHexadecimal(text[index + 1])
            } else {
                append(contentsOf: [0xEF, 0xBF, 0xBD])
            }
            return length
        }
        append(ASCII.backslash)
        switch byte {
        case ASCII.quote, ASCII.backslash: append(byte)
        case ASCII.lineFeed: append(UInt8(ascii: "n"))
        case ASCII.carriageReturn: append(UInt8(ascii: "r"))
        case ASCII.tab: append(UInt8(ascii: "t"))
        default: appendHexadecimal(byte)
        }
        return 1
    }

    private mutating func appendHexadecimal(_ byte: UInt8) {
        append(contentsOf: "u00".utf8)
        for digit in [byte >> 4, byte & 15] {
            append(digit < 10 ? ASCII.zero + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}

extension Span<UInt8> {
    /// The first index from `start` whose byte a JSON string cannot have as it is, or `count`.
    fileprivate func endOfPlainASCII(from start: Int) -> Int {
        var index = start
        // Eight bytes at a time. A subtraction sets the top bit of each byte below its subtrahend; it may also set that
        // of a byte above one that was below, so that only the lowest one set is exact, and that one is used.
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops = ones << 7
        while index + 8 <= count {
            let word = UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
            let quotes = word ^ (ones &* UInt64(ASCII.quote))
            let backslashes = word ^ (ones &* UInt64(ASCII.backslash))
            let deletes = word ^ (ones &* UInt64(ASCII.delete))
            let controls = word &- (ones &* UInt64(ASCII.space))
            let special = (controls | (quotes &- ones) | (backslashes &- ones) | (deletes &- ones) | word) & tops
            if special != 0 { return index + special.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < count {
            let byte = self[index]
            if byte < ASCII.space || byte >= ASCII.delete || byte == ASCII.quote || byte == ASCII.backslash {
                return index
            }
            index += 1
        }
        return count
    }

    /// The length of the UTF-8 sequence that begins at `index`; 0 where it is ASCII, not valid or a control character.
    fileprivate func lengthOfPlainSequence(at index: Int) -> Int {
        guard self[index] >= 0x80 else { return 0 }
        let (length, isValid) = sequence(at: index)
        return isValid && (self[index] != 0xC2 || self[index + 1] >= 0xA0) ? length : 0
    }

    /// The length of the UTF-8 sequence that begins at `index` with a byte from 0x80 on; where it is not valid, the
    /// length of its maximal subpart (Table 3-7, "Well-Formed UTF-8 Byte Sequences").
    fileprivate func sequence(at index: Int) -> (length: Int, isValid: Bool) {
        let first = self[index]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch first {
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF:
            length = 3
            if first == 0xE0 { second = 0xA0...0xBF }
            if first == 0xED { second = 0x80...0x9F }
        case 0xF0...0xF4:
            length = 4
            if first == 0xF0 { second = 0x90...0xBF }
            if first == 0xF4 { second = 0x80...0x8F }
        default: return (1, false)
        }
        for offset in 1..<length {
            guard index + offset < count, (offset == 1 ? second : 0x80...0xBF).contains(self[index + offset]) else {
                return (offset, false)
            }
        }
        return (length, true)
    }
}
