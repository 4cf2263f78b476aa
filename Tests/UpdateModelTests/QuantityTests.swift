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
}
