import RunPolicy
import TestSupport
import Testing
import UpdateModel

@testable import Policy

private func windows(_ texts: String...) throws -> WeekWindows { try #require(WeekWindows(texts)) }

private func moment(_ weekday: Int, _ hour: Int, _ minute: Int = 0, _ second: Int = 0) -> LocalMoment {
    LocalMoment(weekday: weekday, second: hour * 3600 + minute * 60 + second)
}

@Suite("Windows of the week")
struct WeekWindowsTests {
    @Test("open at their first second and close at their last minute's end, past midnight the next day's")
    func edges() throws {
        let nights = try windows("Mon..Fri 22:00-05:00")
        #expect(!nights.contains(moment(0, 21, 59, 59)))
        #expect(nights.contains(moment(0, 22)))
        #expect(nights.contains(moment(5, 4, 59, 59)), "Friday's night ends on Saturday")
        #expect(!nights.contains(moment(5, 5)))
        #expect(!nights.contains(moment(0, 3)), "Sunday's night is none")
        #expect(nights.closing(from: moment(0, 23)) == 1440 + 300)
        #expect(nights.closing(from: moment(1, 3)) == 300)
        #expect(nights.opening(from: moment(0, 12)) == 22 * 60)
        #expect(nights.opening(from: moment(5, 6)) == 2 * 1440 + 22 * 60, "after Saturday morning comes Monday")
    }

    @Test("that end at 23:59 last until midnight, so that whole days follow each other")
    func wholeDays() throws {
        let weekend = try windows("Sat,Sun 00:00-23:59")
        #expect(weekend.contains(moment(5, 23, 59, 59)))
        #expect(weekend.closing(from: moment(5, 12)) == 2 * 1440)
        #expect(!weekend.contains(moment(0, 0)))
        let always = try windows("00:00-23:59")
        #expect(always.closing(from: moment(3, 12)) == nil)
        #expect(try windows("Sun 00:00-23:59", "Mon 00:00-05:00").closing(from: moment(6, 1)) == 1440 + 300)
        #expect(try windows("Sun 22:00-00:00").closing(from: moment(6, 23)) == 1440)
    }

    @Test("name days by runs that may go past Sunday, and lists")
    func days() throws {
        let some = try windows("Fri..Mon,Wed 10:00-11:00")
        #expect((0..<7).filter { some.contains(moment($0, 10)) } == [0, 2, 4, 5, 6])
        for wrong in [
            "", "Mo 10:00-11:00", "Mon..Tue..Wed 10:00-11:00", "Mon 24:00-05:00", "Mon 1:00-2:00", "Mon, 01:00-02:00",
        ] {
            #expect(WeekWindows([wrong]) == nil, "\(wrong)")
        }
        #expect(WeekWindows([]) == nil)
    }

    @Test("have in common what both have, written as a policy writes it")
    func intersection() throws {
        let nights = try windows("22:00-05:00")
        #expect(try windows("Mon..Fri 20:00-02:00").intersection(nights)?.texts == ["Mon..Fri 22:00-02:00"])
        #expect(try windows("00:00-23:59").intersection(nights)?.texts == ["22:00-05:00"])
        #expect(try windows("Mon,Tue,Thu 23:59-00:01").intersection(nights)?.texts == ["Mon,Tue,Thu 23:59-00:01"])
        #expect(try windows("Mon 12:00-13:00").intersection(nights) == nil)
        #expect(
            try windows("Sat 12:00-23:59", "Sun 00:00-23:59").intersection(windows("00:00-23:59"))?.texts == [
                "Sat 12:00-00:00", "Sun 00:00-23:59",
            ])
    }

    /// One to three windows.
    private static func random(_ generator: inout SeededGenerator) -> [String] {
        func time() -> String {
            let minute = [0, 1, 300, 720, 1320, 1438, 1439].randomElement(using: &generator)!
            return "\(minute / 600)\(minute / 60 % 10):\(minute % 60 / 10)\(minute % 10)"
        }
        return (0..<Int.random(in: 1...3, using: &generator)).map { _ in
            let names = WeekWindows.weekdayNames
            let days = [
                "", "\(names.randomElement(using: &generator)!) ",
                "\(names.randomElement(using: &generator)!)..\(names.randomElement(using: &generator)!) ",
            ]
            let start = time()
            var end = time()
            while end == start { end = time() }
            return "\(days.randomElement(using: &generator)!)\(start)-\(end)"
        }
    }

    @Test("of every kind agree minute by minute with what they say of edges, subsets, intersections and texts")
    func properties() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        func minutes(_ windows: WeekWindows) -> [Bool] {
            (0..<10080).map { windows.contains(LocalMoment(weekday: $0 / 1440, second: $0 % 1440 * 60)) }
        }
        for _ in 0..<60 {
            let texts = (Self.random(&generator), Self.random(&generator))
            let (left, right) = (try #require(WeekWindows(texts.0)), try #require(WeekWindows(texts.1)))
            let (isLeft, isRight) = (minutes(left), minutes(right))
            let isBoth = zip(isLeft, isRight).map { $0 && $1 }
            let note = Comment(rawValue: "seed \(seed): \(texts)")
            #expect(left.isSubset(of: right) == (isBoth == isLeft), note)
            let common = left.intersection(right)
            #expect((common == nil) == !isBoth.contains(true), note)
            if let common {
                #expect(minutes(common) == isBoth, note)
                let read = try #require(WeekWindows(common.texts), note)
                #expect(minutes(read) == isBoth, "\(note) \(common.texts)")
            }
            let minute = Int.random(in: 0..<10080, using: &generator)
            let moment = LocalMoment(weekday: minute / 1440, second: minute % 1440 * 60)
            let next = (minute + 1...minute + 10080).first { isLeft[$0 % 10080] != isLeft[minute] }
            let found = isLeft[minute] ? left.closing(from: moment) : left.opening(from: moment)
            #expect(found == next.map { $0 - minute / 1440 * 1440 }, note)
        }
    }
}
