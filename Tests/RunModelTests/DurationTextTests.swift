import RunModel
import Testing

@Suite struct DurationTextTests {
    @Test(
        "A duration in a sentence, a column and on a clock",
        arguments: [
            (-5, "0 s", "0 s", "0:00"), (0, "0 s", "0 s", "0:00"), (400, "0.4 s", "0 s", "0:00"),
            (9_940, "9.9 s", "10 s", "0:09"), (9_960, "10 s", "10 s", "0:09"), (38_000, "38 s", "38 s", "0:38"),
            (59_600, "1 min 0 s", "1m 00s", "0:59"), (127_000, "2 min 7 s", "2m 07s", "2:07"),
            (401_000, "6 min 41 s", "6m 41s", "6:41"), (3_599_600, "1 h 0 min", "1h 00m", "59:59"),
            (3_727_000, "1 h 2 min", "1h 02m", "1:02:07"), (7_500_000, "2 h 5 min", "2h 05m", "2:05:00"),
        ])
    func durations(milliseconds: Int, sentence: String, column: String, clock: String) {
        let duration = Duration.milliseconds(milliseconds)
        #expect(duration.sentence == sentence)
        #expect(duration.column == column)
        #expect(duration.clock == clock)
    }
}
