// Moments as documents have them.

import UpdateModel

extension Timestamp {
    /// The moment that `text` names in the form of ``rfc3339``, in the years 0000 to 9999; `nil` where it has another
    /// form, or where there is no such moment (a 30th of February).
    public init?(rfc3339 text: some StringProtocol) {
        // Nothing but digits where the form has them; all else is compared with what the result is written as.
        let bytes = Array(text.utf8.prefix(25))
        guard bytes.count == 24 else { return nil }
        func number(_ range: Range<Int>) -> Int64 {
            bytes[range].reduce(0) { $0 * 10 + Int64($1) - 0x30 }
        }
        let days = Self.days(year: number(0..<4), month: number(5..<7), day: number(8..<10))
        let minutes = number(11..<13) * 60 + number(14..<16)
        let milliseconds = (minutes * 60 + number(17..<19)) * 1000 + number(20..<23)
        self.init(millisecondsSince1970: days * 86_400_000 + milliseconds)
        guard (Self.yearZero...Self.endOfYear9999).contains(millisecondsSince1970), rfc3339 == text else { return nil }
    }

    private static let yearZero: Int64 = -62_167_219_200_000
    private static let endOfYear9999: Int64 = 253_402_300_799_999

    /// A Gregorian date to days, the inverse of `civil` (Hinnant, `days_from_civil`).
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let yearFromMarch = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = yearFromMarch.flooredDivision(by: 400)
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
