// A moment of the week, as clocks on the wall show it.

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

    /// The days of the week as policies write them, Monday first.
    public static let weekdayNames = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
}

extension LocalMoment: CustomStringConvertible {
    /// `Mon 22:00`.
    public var description: String {
        func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(Self.weekdayNames[weekday]) \(padded(second / 3600)):\(padded(second / 60 % 60))"
    }
}
