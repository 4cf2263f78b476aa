// Whether one limit lets a group have more than another.

import UpdateModel

extension ControlWrite {
    /// Whether this gives more than `ceiling`, a write to the same file and, of `io.max`, to the same disk. What cannot be
    /// read is taken for more.
    public func isLooser(than ceiling: ControlWrite) -> Bool {
        switch file {
        case "memory.high", "memory.max", "memory.swap.max", "pids.max":
            return Self.amount(value[...]) > Self.amount(ceiling.value[...])
        case "memory.oom.group", "cpu.idle":
            // Idle is the tighter, and to die whole what was asked for.
            return value != "1" && ceiling.value == "1"
        case "cpu.weight", "io.weight":
            return Self.amount(Self.lastWord(value)) > Self.amount(Self.lastWord(ceiling.value))
        case "cpu.max": return Self.quota(value) > Self.quota(ceiling.value)
        case "io.max":
            let (own, other) = (Self.caps(value), Self.caps(ceiling.value))
            return other.contains { key, limit in (own[key] ?? .infinity) > limit }
        default: return true
        }
    }

    /// Whether both are about the same thing.
    public func concernsSame(as other: ControlWrite) -> Bool {
        file == other.file && (file != "io.max" || Self.device(value) == Self.device(other.value))
    }

    /// `max` and what is no number: without a limit.
    private static func amount(_ text: Substring) -> Double { UInt64(text).map { Double($0) } ?? .infinity }

    private static func lastWord(_ text: String) -> Substring { text.split(separator: " ").last ?? "" }

    /// CPUs.
    private static func quota(_ text: String) -> Double {
        let words = text.split(separator: " ")
        guard let quota = words.first.flatMap({ UInt64($0) }) else { return .infinity }
        // The kernel's default period, in microseconds.
        let period = words.count > 1 ? UInt64(words[1]) ?? 0 : 100_000
        return period == 0 ? .infinity : Double(quota) / Double(period)
    }

    private static func device(_ text: String) -> Substring { text.split(separator: " ").first ?? "" }

    /// `8:0 rbps=1048576 wiops=max`
    private static func caps(_ text: String) -> [Substring: Double] {
        text.split(separator: " ").dropFirst().reduce(into: [:]) { caps, word in
            let parts = word.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { caps[parts[0]] = amount(parts[1]) }
        }
    }
}
