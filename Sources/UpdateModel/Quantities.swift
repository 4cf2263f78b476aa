// Quantities with their units, and how people read them.

/// A number of bytes.
public struct ByteCount: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let bytes: Int64

    public init(_ bytes: Int64) { self.bytes = bytes }

    public static func < (left: Self, right: Self) -> Bool { left.bytes < right.bytes }
    public static func + (left: Self, right: Self) -> Self { Self(left.bytes &+ right.bytes) }

    /// As memory is counted, base 1024: `512 MiB`, `4.0 GiB`, `900 B`.
    public var description: String {
        Self.scaled(bytes, base: 1024, units: ["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
    }

    /// As downloads are counted, base 1000: `412 MB`.
    public var decimalDescription: String {
        Self.scaled(bytes, base: 1000, units: ["B", "kB", "MB", "GB", "TB", "PB"])
    }

    private static func scaled(_ bytes: Int64, base: Double, units: [String]) -> String {
        var value = Double(bytes)
        var unit = 0
        // 999.5 would be shown as "1000"; the next unit says it shorter.
        while unit + 1 < units.count, value.magnitude >= (unit == 0 ? base : base - 0.5) {
            value /= base
            unit += 1
        }
        if unit == 0 || value.magnitude >= 9.95 { return "\(Int64(value.rounded())) \(units[unit])" }
        let tenths = Int64((value * 10).rounded())
        return "\(tenths / 10).\(tenths.magnitude % 10) \(units[unit])"
    }
}

/// A part of something: 1 is all of it. Of CPU time, 1 is one CPU.
public struct Fraction: Hashable, Sendable, Comparable {
    public let value: Double

    public init(_ value: Double) { self.value = value }

    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }

    /// `25 %`, without decimals; what is no number, or none that anybody means, is cut to a million percent.
    public var percentText: String { "\(Int(min(1e6, max(-1e6, value * 100)).rounded())) %" }
}

extension Duration {
    /// Seconds as a floating-point number, for arithmetic that need not be exact.
    public var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
