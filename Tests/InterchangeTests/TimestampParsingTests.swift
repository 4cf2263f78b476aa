import Interchange
import TestSupport
import Testing
import UpdateModel

@Suite struct TimestampParsingTests {
    @Test("A moment of any year from 0000 to 9999 reads back as itself")
    func readsBack() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            let milliseconds = Int64.random(in: -62_167_219_200_000...253_402_300_799_999, using: &generator)
            let text = Timestamp(millisecondsSince1970: milliseconds).rfc3339
            #expect(Timestamp(rfc3339: text)?.millisecondsSince1970 == milliseconds, "seed \(seed), \(text)")
        }
    }

    @Test(
        "A text of another form, or of a moment that does not exist, is none",
        arguments: [
            "", "2026-11-21", "2026-11-21T07:30:12Z", "2026-11-21T07:30:12.345+00:00", "2026-11-21T07:30:12.345Z ",
            "2026-11-21t07:30:12.345z", "2026-02-29T00:00:00.000Z", "2026-13-01T00:00:00.000Z",
            "2026-00-10T00:00:00.000Z", "2026-01-00T00:00:00.000Z", "2026-01-01T24:00:00.000Z",
            "2026-01-01T00:60:00.000Z", "2016-12-31T23:59:60.000Z", "-026-01-01T00:00:00.000Z",
            "2026-01-01T00:00:00.00é", "ÿÿÿÿÿÿÿÿÿÿÿÿ", "0000-00-00T00:00:00.000Z", "9999-12-31T99:99:99.999Z",
        ])
    func noMoment(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }
}
