// The times of a week at which updates may run: `Mon..Fri 22:00-05:00`. Local time, to the minute; what it is in seconds
// from now, where clocks are set forward and back, is for those who ask.

/// A set of minutes of the week that is not empty.
public struct WeekWindows: Hashable, Sendable {
    /// As a policy writes them.
    public let texts: [String]
    /// Minutes since Monday 00:00, within 0 ..< 10080; sorted, apart from each other, cut in two at the week's end.
    package let spans: [Range<Int>]

    package static let day = 1440
    package static let week = 7 * day
    /// As texts have them; Monday is day 0.
    package static let weekdayNames = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]

    /// - Returns: `nil` where there is no text, or one that is no window.
    public init?(_ texts: [String]) {
        var spans: [Range<Int>] = []
        for text in texts {
            guard let parsed = Self.parse(text) else { return nil }
            spans += parsed
        }
        if spans.isEmpty { return nil }
        self.texts = texts
        self.spans = Self.united(spans)
    }

    static let always = Self(spans: [0..<week])

    private init(spans: [Range<Int>]) {
        self.spans = spans
        texts = Self.texts(spans)
    }

    // MARK: Sets

    public func isSubset(of other: Self) -> Bool {
        spans.allSatisfy { span in
            other.spans.contains { $0.lowerBound <= span.lowerBound && span.upperBound <= $0.upperBound }
        }
    }

    /// The times that are in both; `nil` where there are none.
    public func intersection(_ other: Self) -> Self? {
        let common = spans.flatMap { span in other.spans.map { span.clamped(to: $0) } }.filter { !$0.isEmpty }
        return common.isEmpty ? nil : Self(spans: Self.united(common))
    }

    /// The same minutes, sorted and as few spans as it takes.
    private static func united(_ spans: [Range<Int>]) -> [Range<Int>] {
        spans.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { united, span in
            if let last = united.last, span.lowerBound <= last.upperBound {
                united[united.count - 1] = last.lowerBound..<max(last.upperBound, span.upperBound)
            } else {
                united.append(span)
            }
        }
    }

    // MARK: Texts

    /// The spans of `Mon..Fri 22:00-05:00`, `Sat,Sun 00:00-23:59`, or `22:00-05:00` of every day; `nil`: it is no window.
    /// An end that is not behind its beginning is the next day's; `23:59` as an end is that of the day.
    static func parse(_ text: String) -> [Range<Int>]? {
        let fields = text.split(separator: " ", omittingEmptySubsequences: false)
        guard let hours = fields.last, fields.count <= 2 else { return nil }
        let ends = hours.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let start = timeOfDay(ends[0]), let end = timeOfDay(ends[1]), start != end else {
            return nil
        }
        guard let days = fields.count == 1 ? Array(0..<7) : days(fields[0]) else { return nil }
        let last = end == day - 1 ? day : end
        return days.flatMap { weekday -> [Range<Int>] in
            let begin = weekday * day + start
            let finish = weekday * day + last + (last <= start ? day : 0)
            if finish <= week { return [begin..<finish] }
            return [begin..<week, 0..<finish - week]
        }
    }

    /// `Mon`, `Mon..Fri`, `Fri..Mon,Wed`.
    private static func days(_ text: Substring) -> [Int]? {
        var days: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let dots = part.firstRange(of: "..")
            guard let first = weekday(part[..<(dots?.lowerBound ?? part.endIndex)]),
                let last = dots.map({ weekday(part[$0.upperBound...]) }) ?? first
            else { return nil }
            days += (0...(last - first + 7) % 7).map { (first + $0) % 7 }
        }
        return days
    }

    private static func weekday(_ text: Substring) -> Int? { weekdayNames.firstIndex(of: String(text)) }

    /// Minutes since midnight of `00:00` to `23:59`.
    private static func timeOfDay(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.count == 2 && $0.allSatisfy(isDigit) }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), hour < 24, minute < 60
        else { return nil }
        return hour * 60 + minute
    }

    /// Spans as a policy writes them: days with the same hours together.
    private static func texts(_ spans: [Range<Int>]) -> [String] {
        var daysOfHours: [(hours: String, days: [Int])] = []
        for span in joinedAtWeeksEnd(spans).flatMap(pieces) {
            let (start, end) = (span.lowerBound % day, (span.upperBound - 1) % day + 1)
            // 24:00 cannot be written.
            let hours = "\(time(start))-\(end < day ? time(end) : start == 0 ? "23:59" : "00:00")"
            let weekday = span.lowerBound / day
            if let index = daysOfHours.firstIndex(where: { $0.hours == hours }) {
                daysOfHours[index].days.append(weekday)
            } else {
                daysOfHours.append((hours, [weekday]))
            }
        }
        return daysOfHours.map { $0.days.count == 7 ? $0.hours : "\(text(ofDays: $0.days.sorted())) \($0.hours)" }
    }

    /// What goes on from Sunday to Monday as one span, which then ends behind the week.
    private static func joinedAtWeeksEnd(_ spans: [Range<Int>]) -> [Range<Int>] {
        guard spans.count > 1, let first = spans.first, let last = spans.last, first.lowerBound == 0,
            last.upperBound == week
        else { return spans }
        return spans.dropFirst().dropLast() + [last.lowerBound..<week + first.upperBound]
    }

    /// A night is one window; what is a day long or longer is cut at midnight.
    private static func pieces(of span: Range<Int>) -> [Range<Int>] {
        if span.lowerBound / day == (span.upperBound - 1) / day { return [span] }
        let midnight = (span.lowerBound / day + 1) * day
        if span.upperBound - midnight <= span.lowerBound % day, span.count < day { return [span] }
        let rest = midnight..<span.upperBound
        return [span.lowerBound..<midnight]
            + pieces(of: midnight < week ? rest : rest.lowerBound - week..<rest.upperBound - week)
    }

    private static func text(ofDays days: [Int]) -> String {
        let names = weekdayNames
        let isRun = days.count > 2 && days[days.count - 1] - days[0] == days.count - 1
        return isRun
            ? "\(names[days[0]])..\(names[days[days.count - 1]])" : days.map { names[$0] }.joined(separator: ",")
    }

    private static func time(_ minute: Int) -> String {
        func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(padded(minute / 60)):\(padded(minute % 60))"
    }
}
