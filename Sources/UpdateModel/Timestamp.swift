// A moment of the calendar, for people and for files; never for measuring how long something took.

/// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds (POSIX time).
public struct Timestamp: Hashable, Sendable, Comparable {
    public let millisecondsSince1970: Int64

    public init(millisecondsSince1970: Int64) {
        self.millisecondsSince1970 = millisecondsSince1970
    }

    public static func < (left: Self, right: Self) -> Bool {
        left.millisecondsSince1970 < right.millisecondsSince1970
    }

    /// RFC 3339 in UTC with milliseconds, `2026-11-21T07:30:12.345Z`.
    public var rfc3339: String {
        let (days, milliseconds) = millisecondsSince1970.flooredDivision(by: 86_400_000)
        let (year, month, day) = Self.civil(daysSince1970: days)
        var text: [UInt8] = []
        text.reserveCapacity(24)
        func put(_ value: Int64, digits: Int) {
            var divisor: Int64 = 1
            for _ in 1..<digits { divisor *= 10 }
            while divisor > 0 {
                text.append(UInt8(0x30 + value / divisor % 10))
                divisor /= 10
            }
        }
        put(year, digits: 4)
        text.append(0x2D)
        put(month, digits: 2)
        text.append(0x2D)
        put(day, digits: 2)
        text.append(0x54)
        put(milliseconds / 3_600_000, digits: 2)
        text.append(0x3A)
        put(milliseconds / 60_000 % 60, digits: 2)
        text.append(0x3A)
        put(milliseconds / 1000 % 60, digits: 2)
        text.append(0x2E)
        put(milliseconds % 1000, digits: 3)
        text.append(0x5A)
        return String(decoding: text, as: UTF8.self)
    }

    /// Days to a Gregorian date, with years that begin in March so that the leap day is the last
    /// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
    private static func civil(daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = (daysSince1970 + 719_468).flooredDivision(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}

extension Int64 {
    /// Quotient rounded down and the remainder that goes with it, never negative.
    package func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let remainder = ((self % divisor) + divisor) % divisor
        return ((self - remainder) / divisor, remainder)
    }
}
