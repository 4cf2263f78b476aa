import Execution
import Interchange
import Policy
import RunPolicy
import Testing
import UpdateModel

@Suite("The clocks on the wall")
struct LocalCalendarTests {
    @Test("show what leads back to the same minute, on every day of a year")
    func roundTrip() {
        let start = Timestamp(rfc3339: "2026-01-01T12:34:56.000Z")!
        for day in 0..<366 {
            let moment = Timestamp(millisecondsSince1970: start.millisecondsSince1970 + Int64(day) * 86_400_000)
            let local = localMoment(of: moment)
            #expect((0..<7).contains(local.weekday) && (0..<86_400).contains(local.second))
            let minute = timestamp(minutes: local.second / 60, afterMidnightBefore: moment)
            let difference = moment.millisecondsSince1970 - minute.millisecondsSince1970
            #expect((0..<60_000).contains(difference), "\(moment.rfc3339)")
        }
    }

    @Test("go on from Sunday to Monday, and days ahead are counted in minutes")
    func days() {
        let thursday = Timestamp(rfc3339: "2026-11-26T12:00:00.000Z")!
        let today = localMoment(of: thursday)
        let later = timestamp(minutes: 5 * 1440 + today.second / 60, afterMidnightBefore: thursday)
        let then = localMoment(of: later)
        #expect(then.weekday == (today.weekday + 5) % 7)
        #expect(then.second / 60 == today.second / 60)
        #expect(then.description.hasPrefix(WeekWindows.weekdayNames[then.weekday] + " "))
    }
}
