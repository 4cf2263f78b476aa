import Testing
import UpdateModel

@Suite("Quantities as people write them")
struct QuantityTextTests {
    @Test(
        "sizes have base 1024, one unit and at most three decimals",
        arguments: [
            ("0", 0), ("900", 900), ("512M", 512 << 20), ("1.5G", 3 << 29), ("2T", 2 << 40), ("1K", 1024),
            ("0.001K", 1), ("8191P", nil), ("1.5", nil), ("", nil), ("M", nil), ("-1M", nil), ("+1M", nil),
            ("1.M", nil), (".5M", nil), ("1.0000M", nil), ("1.2.3M", nil), ("512MB", nil), ("512m", nil), (" 1M", nil),
            ("9223372036854775807", Int64.max), ("9223372036854775808", nil), ("9999999T", nil),
            ("8388607.999T", 9_223_370_937_343_148_032 + 1_098_412_116_148),
        ] as [(String, Int64?)])
    func sizes(text: String, bytes: Int64?) {
        #expect(ByteCount(text: text)?.bytes == bytes)
    }

    @Test(
        "durations are of days, hours, minutes, seconds and milliseconds, the longest first",
        arguments: [
            ("90s", 90_000), ("10m", 600_000), ("1h30m", 5_400_000), ("2d", 172_800_000), ("1d1h1m1s1ms", 90_061_001),
            ("0s", 0), ("1.5h", 5_400_000), ("0.001s", 1), ("500ms", 500), ("0.5m", 30_000), ("1.5ms", nil),
            ("30m1h", nil), ("1h1h", nil), ("90", nil), ("", nil), ("s", nil), ("-1s", nil), ("+1s", nil), ("1.s", nil),
            (".5s", nil), ("1.0001s", nil), ("10min", nil), ("1 h", nil), ("٣s", nil), ("3650d", 315_360_000_000),
            ("3651d", nil), ("3650d1s", nil), ("3650.5d", nil), ("9223372036854775807d", nil),
            ("9223372036854775808ms", nil),
        ] as [(String, Int64?)])
    func durations(text: String, milliseconds: Int64?) {
        #expect(Duration(text: text) == milliseconds.map { .milliseconds($0) })
    }
}
