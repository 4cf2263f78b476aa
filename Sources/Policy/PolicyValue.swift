// The values of a policy, typed and with their units, before anything is known of the machine.

import UpdateModel

/// An amount of memory.
public enum MemoryAmount: Hashable, Sendable {
    case bytes(ByteCount)
    /// Of the machine's memory, above 0 and at most 1.
    case share(Fraction)
    case infinity

    /// `nil`: as much as there is.
    package func bytes(on facts: MachineFacts) -> ByteCount? {
        switch self {
        case .bytes(let size): size
        case .share(let share): ByteCount(Int64(Double(facts.memory.bytes) * share.value))
        case .infinity: nil
        }
    }

    /// Sizes and shares cannot be compared before a machine is known.
    package func isAbove(_ other: Self) -> Bool {
        switch (self, other) {
        case (.bytes(let own), .bytes(let other)): own > other
        case (.share(let own), .share(let other)): own > other
        default: false
        }
    }
}

/// An amount of CPU time.
public enum CPUAmount: Hashable, Sendable {
    /// 1 is one CPU's whole time.
    case cpus(Fraction)
    /// 1 is all CPUs of the machine.
    case machine(Fraction)
    case infinity

    /// 1 is one CPU's whole time; `nil`: as much as there is.
    package func cpus(on facts: MachineFacts) -> Fraction? {
        switch self {
        case .cpus(let share): share
        case .machine(let share): Fraction(share.value * Double(facts.cpus))
        case .infinity: nil
        }
    }
}

/// A value of one of the types that keys have.
public enum PolicyValue: Hashable, Sendable {
    case text(String)
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    case texts([String])
    case duration(Duration)
    case memory(MemoryAmount)
    case cpu(CPUAmount)
    case cpuWeight(CPUWeight)
    /// A percentage, 1 is 100 %.
    case share(Fraction)
    case caps([IOCap])
    /// A number of tasks; `nil` is `infinity`.
    case tasks(Int64?)

    /// The value as TOML, the same for the same value however it was written.
    public var text: String {
        switch self {
        case .text(let text): Self.quoted(text)
        case .boolean(let flag): "\(flag)"
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .texts(let texts): "[\(texts.map(Self.quoted).joined(separator: ", "))]"
        case .duration(let duration): "\"\(Self.durationText(duration))\""
        case .memory(.bytes(let size)): Self.sizeText(size)
        case .memory(.share(let share)), .share(let share), .cpu(.cpus(let share)): "\"\(Self.percent(share))\""
        case .cpu(.machine(let share)): "\"\(Self.percent(share)) of machine\""
        case .memory(.infinity), .cpu(.infinity), .tasks(nil): "\"infinity\""
        case .cpuWeight(.idle): "\"idle\""
        case .cpuWeight(.weight(let weight)): "\(weight)"
        case .tasks(let count?): "\(count)"
        case .caps(let caps): "[\(caps.map(Self.capText).joined(separator: ", "))]"
        }
    }

    /// `1h30m`; milliseconds are the least that can be written.
    package static func durationText(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let parts = [
            (seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s"),
            (attoseconds / 1_000_000_000_000_000, "ms"),
        ]
        let text = parts.filter { $0.0 > 0 }.map { "\($0.0)\($0.1)" }.joined()
        return text.isEmpty ? "0s" : text
    }

    /// `"512M"` where that is exact.
    private static func sizeText(_ size: ByteCount) -> String {
        var (value, unit) = (size.bytes, 0)
        while value != 0, value % 1024 == 0, unit < 4 {
            value /= 1024
            unit += 1
        }
        return "\"\(value)\(["", "K", "M", "G", "T"][unit])\""
    }

    /// Three decimals are what can be written; it hides that 29 / 100 * 100 is not 29.
    private static func percent(_ share: Fraction) -> String {
        let percent = (share.value * 100_000).rounded() / 1000
        return percent == percent.rounded() ? "\(Int64(percent))%" : "\(percent)%"
    }

    private static func capText(_ cap: IOCap) -> String {
        let limits = [
            cap.readBandwidthMax.map { "read_bandwidth_max = \(sizeText($0))" },
            cap.writeBandwidthMax.map { "write_bandwidth_max = \(sizeText($0))" },
            cap.readIOPSMax.map { "read_iops_max = \($0)" }, cap.writeIOPSMax.map { "write_iops_max = \($0)" },
        ]
        return "{ \((["path = \(quoted(cap.path))"] + limits.compactMap { $0 }).joined(separator: ", ")) }"
    }

    private static func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.reduce(into: "") { escaped, scalar in
            switch scalar {
            case "\"", "\\": escaped += "\\\(scalar)"
            case _ where isUnsafe(scalar):
                let digits = String(scalar.value, radix: 16, uppercase: true)
                let (letter, length) = scalar.value > 0xFFFF ? ("U", 8) : ("u", 4)
                escaped += "\\\(letter)" + String(repeating: "0", count: length - digits.count) + digits
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return "\"\(escaped)\""
    }

    /// What TOML refuses in a string, and what would drive the terminal that it is shown on.
    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
