// When the windows of a policy open and close, by what clocks on the wall show.

import Policy

/// A moment on the clocks of some place; which place, and what they are set forward and back for, its maker knows.
public struct LocalMoment: Hashable, Sendable {
    /// 0 is Monday, 6 Sunday.
    public var weekday: Int
    /// Since midnight, by what the clock shows: 0 ..< 86400.
    public var second: Int

    public init(weekday: Int, second: Int) {
        self.weekday = weekday
        self.second = second
    }

    fileprivate var minuteOfWeek: Int { weekday * WeekWindows.day + second / 60 }
}

extension LocalMoment: CustomStringConvertible {
    /// `Mon 22:00`.
    public var description: String {
        func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(WeekWindows.weekdayNames[weekday]) \(padded(second / 3600)):\(padded(second / 60 % 60))"
    }
}

extension WeekWindows {
    public func contains(_ moment: LocalMoment) -> Bool {
        let minute = moment.minuteOfWeek
        return spans.contains { $0.contains(minute) }
    }

    /// Where the window that `moment` is in closes, in minutes that clocks count from the midnight before `moment`;
    /// `nil` where it never does. `moment` must be inside.
    public func closing(from moment: LocalMoment) -> Int? {
        let minute = moment.minuteOfWeek
        guard let span = spans.first(where: { $0.contains(minute) }) else {
            preconditionFailure("\(moment) is outside of \(texts)")
        }
        var end = span.upperBound
        if end == Self.week, let first = spans.first, first.lowerBound == 0 {
            if first.upperBound == Self.week { return nil }
            end += first.upperBound
        }
        return end - moment.weekday * Self.day
    }

    /// Where the next window opens after `moment`, which is outside, in minutes that clocks count from the midnight
    /// before `moment`.
    public func opening(from moment: LocalMoment) -> Int {
        let minute = moment.minuteOfWeek
        let start = spans.first { $0.lowerBound > minute }?.lowerBound ?? spans[0].lowerBound + Self.week
        return start - moment.weekday * Self.day
    }
}
