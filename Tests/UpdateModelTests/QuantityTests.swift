import Testing
import UpdateModel

@Suite struct QuantityTests {
    static let binarySizes: [(Int64, String)] = [
        (0, "0 B"), (900, "900 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (10_189, "10 KiB"),
        (536_870_912, "512 MiB"), (4_294_967_296, "4.0 GiB"), (1_072_693_248, "1023 MiB"),
        (1_073_741_823, "1.0 GiB"), (-2048, "-2.0 KiB"), (.max, "8192 PiB"),
    ]

    @Test("Memory is shown with base 1024, with a tenth below ten", arguments: binarySizes)
    func binary(bytes: Int64, text: String) {
        #expect(ByteCount(bytes).description == text)
    }

    @Test(
        "Downloads are shown with base 1000",
        arguments: [
            (999, "999 B"), (1000, "1.0 kB"), (9949, "9.9 kB"), (9950, "10 kB"), (412_000_000, "412 MB"),
            (999_499, "999 kB"), (999_500, "1.0 MB"), (1_500_000_000_000, "1.5 TB"),
        ])
    func decimal(bytes: Int64, text: String) {
        #expect(ByteCount(bytes).decimalDescription == text)
    }

    @Test("Byte counts add up, wrap instead of trapping, and compare")
    func arithmetic() {
        #expect(ByteCount(1) + ByteCount(2) == ByteCount(3))
        #expect(ByteCount(.max) + ByteCount(1) == ByteCount(.min))
        #expect(ByteCount(1) < ByteCount(2))
    }

    @Test("A fraction is shown in whole percent")
    func fractions() {
        #expect(Fraction(0.25).percentText == "25 %")
        #expect(Fraction(1.996).percentText == "200 %")
        #expect(Fraction(0.1) < Fraction(0.2))
    }

    @Test("A duration is a number of seconds to the attosecond's precision of a double")
    func seconds() {
        #expect(Duration.milliseconds(1500).inSeconds == 1.5)
        #expect(Duration.nanoseconds(-250_000_000).inSeconds == -0.25)
    }

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
